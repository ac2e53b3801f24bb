/* SPDX-License-Identifier: MIT
 *
 * The constant expressions of annotations: `default = 2 * MAX_TRIES` is handed to the compiler, as a variable's
 * initializer in a second program that includes the same headers, one line for each. What the compiler says of a line
 * is said of the annotation.
 */
#include "diagnostics.h"
#include "parse.h"
#include "text.h"

#include "job/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char program_name[] = "weir-codegen-probe.c";

struct probes {
    const struct source *source;
    struct expression **items;
    size_t n, room;
    unsigned first_line;
};

static void add(struct probes *probes, struct expression *expression)
{
    if (!expression->text)
        return;
    if (probes->n == probes->room) {
        probes->room = probes->room ? 2 * probes->room : 64;
        struct expression **grown = keep(probes->room * sizeof(struct expression *));
        if (probes->n > 0)
            memcpy(grown, probes->items, probes->n * sizeof(struct expression *));
        probes->items = grown;
    }
    probes->items[probes->n++] = expression;
}

static const char *line_of(const struct expression *expression, size_t i)
{
    const char *text = expression->text;
    if (expression->want == WANT_STRING)
        return keep_format("static const char *weir_probe_v%zu = %s \"\"; " /* literals alone can be joined */
                           "static const unsigned long long weir_probe_n%zu = sizeof(%s \"\");\n",
                           i, text, i, text);
    const char *shape = keep_format("static const int weir_probe_k%zu = _Generic((%s), float: 1, double: 1, "
                                    "long double: 1, char *: 2, const char *: 2, void *: 2, default: 0);",
                                    i, text);
    if (expression->want == WANT_FLOAT)
        return keep_format("%s static const double weir_probe_v%zu = (double)(%s);\n", shape, i, text);
    return keep_format("%s static const unsigned long long weir_probe_v%zu = (unsigned long long)(%s); "
                       "static const int weir_probe_n%zu = (%s) < 0;\n",
                       shape, i, text, i, text);
}

static void take_result(struct expression *expression, char which, CXEvalResult result)
{
    CXEvalResultKind kind = clang_EvalResult_getKind(result);
    if (kind == CXEval_Float) {
        expression->number = clang_EvalResult_getAsDouble(result);
    } else if (kind == CXEval_Int) {
        uint64_t value = clang_EvalResult_isUnsignedInt(result) ? clang_EvalResult_getAsUnsigned(result)
                                                                : (uint64_t)clang_EvalResult_getAsLongLong(result);
        if (which == 'v')
            expression->integer = value;
        else if (which == 'n' && expression->want == WANT_STRING)
            expression->integer = value;
        else if (which == 'n')
            expression->negative = value != 0;
        else
            expression->is_float = value == 1, expression->is_pointer = value == 2;
    } else if (kind == CXEval_StrLiteral) {
        const char *text = clang_EvalResult_getAsStr(result);
        expression->string = keep_text(text, strlen(text));
    } else {
        return;
    }
    if (which == 'v')
        expression->evaluated = true;
}

static enum CXChildVisitResult visit_probe(CXCursor cursor, CXCursor parent, CXClientData data)
{
    (void)parent;
    struct probes *probes = data;
    if (clang_getCursorKind(cursor) != CXCursor_VarDecl)
        return CXChildVisit_Continue;
    CXString spelling = clang_getCursorSpelling(cursor);
    char which = 0;
    size_t i = 0;
    if (sscanf(clang_getCString(spelling), "weir_probe_%c%zu", &which, &i) == 2 && i < probes->n) {
        struct expression *expression = probes->items[i];
        CXEvalResult result = clang_Cursor_Evaluate(cursor);
        if (result) {
            take_result(expression, which, result);
            clang_EvalResult_dispose(result);
        }
    }
    clang_disposeString(spelling);
    return CXChildVisit_Continue;
}

static void read_diagnostics(struct probes *probes, CXTranslationUnit unit)
{
    unsigned n = clang_getNumDiagnostics(unit);
    for (unsigned i = 0; i < n; i++) {
        CXDiagnostic diagnostic = clang_getDiagnostic(unit, i);
        struct location at = location_at(probes->source->input, clang_getDiagnosticLocation(diagnostic));
        if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error && at.file &&
            strcmp(at.file, program_name) == 0 && at.line >= probes->first_line &&
            at.line - probes->first_line < probes->n) {
            struct expression *expression = probes->items[at.line - probes->first_line];
            if (!expression->problem)
                expression->problem = take_text(clang_getDiagnosticSpelling(diagnostic));
        }
        clang_disposeDiagnostic(diagnostic);
    }
}

static void run(struct probes *probes)
{
    struct weir_buffer text = {0};
    print(&text, "%s", include_lines(probes->source->input));
    probes->first_line = (unsigned)probes->source->input->n_headers + 1;
    for (size_t i = 0; i < probes->n; i++)
        print(&text, "%s", line_of(probes->items[i], i));
    CXTranslationUnit unit = parse_text(probes->source->index, probes->source->input, program_name, text.bytes);
    if (unit) {
        clang_visitChildren(clang_getTranslationUnitCursor(unit), visit_probe, probes);
        read_diagnostics(probes, unit);
        clang_disposeTranslationUnit(unit);
    }
    weir_buffer_free(&text);
}

/* --- what the values are for --- */

/* Evaluated, and to the kind of constant that was asked for. */
static bool is_good(const struct expression *expression)
{
    if (!expression->evaluated || expression->problem)
        return false;
    if (expression->want == WANT_STRING)
        return expression->string && strlen(expression->string) + 1 == expression->integer; /* no NUL within */
    return !expression->is_pointer;
}

/* The compiler's words, where they add something: ": use of undeclared identifier 'FOO'". */
static const char *reason(const struct expression *expression)
{
    if (!expression->problem || expression->is_pointer || expression->want == WANT_STRING)
        return "";
    return keep_format(": %s", expression->problem);
}

static void apply_name(struct field *field)
{
    const struct expression *name = &field->wire_name;
    if (!name->text)
        return;
    if (!is_good(name))
        complain_of(field, name->at, "'name = %s' is not a string constant", name->text);
    else if (*name->string == '\0')
        complain_of(field, name->at, "the name is empty");
    else if (strncmp(name->string, "weir.", 5) == 0)
        complain_of(field, name->at, "names that start with \"weir.\" are the library's own");
    else
        field->name = name->string;
}

static void apply_max(struct field *field)
{
    const struct expression *max = &field->max;
    if (!max->text)
        return;
    if (!is_good(max) || max->is_float)
        complain_of(field, max->at, "'max = %s' is not an integer constant%s", max->text, reason(max));
    else if (max->negative || max->integer == 0)
        complain_of(field, max->at, "'max = %s' is not positive", max->text);
    else
        field->max_value = max->integer;
}

static const char *integer_text(const struct expression *value)
{
    char text[WEIR_TEXT_SIZE];
    size_t len = value->negative ? weir_text_write_int(text, (int64_t)value->integer)
                                 : weir_text_write_uint(text, value->integer);
    return keep_text(text, len);
}

static bool integer_fits(const struct type *type, const struct expression *value)
{
    size_t size = (size_t)type->size;
    if (type->kind == WEIR_MAP_UINT)
        return !value->negative && value->integer <= weir_uint_max(size);
    return value->negative ? (int64_t)value->integer >= weir_int_min(size)
                           : value->integer <= (uint64_t)weir_int_max(size);
}

static void apply_integer_default(struct field *field)
{
    const struct expression *value = &field->default_value;
    const struct type *type = field->type;
    if (type->kind == WEIR_MAP_BOOL) {
        if (value->negative || value->integer > 1)
            complain_of(field, value->at, "'default = %s' is not true or false", value->text);
        field->default_text = value->integer ? "true" : "false";
    } else if (type->kind == WEIR_MAP_ENUM) {
        for (size_t i = 0; i < type->enumeration->n && !field->default_text; i++)
            if (type->enumeration->items[i].value == (int64_t)value->integer)
                field->default_text = type->enumeration->items[i].name;
        if (!field->default_text)
            complain_of(field, value->at, "'default = %s' is no value of %s", value->text, type->name);
    } else {
        if (!integer_fits(type, value))
            complain_of(field, value->at, "'default = %s' doesn't fit into %s", value->text, type->name);
        field->default_text = integer_text(value);
    }
}

static void apply_float_default(struct field *field)
{
    const struct expression *value = &field->default_value;
    char text[WEIR_TEXT_SIZE];
    bool narrow = field->type->size == sizeof(float);
    float as_float = (float)value->number;
    if (narrow && isinf(as_float) && !isinf(value->number))
        complain_of(field, value->at, "'default = %s' doesn't fit into %s", value->text, field->type->name);
    size_t len = narrow ? weir_text_write_float(text, as_float) : weir_text_write_double(text, value->number);
    field->default_text = keep_text(text, len);
}

static void apply_default(struct field *field)
{
    const struct expression *value = &field->default_value;
    if (!value->text || !field->type || field->type->kind == WEIR_MAP_CUSTOM)
        return;
    if (!is_good(value) || (value->want == WANT_INTEGER && value->is_float)) {
        const char *what = value->want == WANT_STRING  ? "a string"
                           : value->want == WANT_FLOAT ? "a number"
                                                       : "an integer";
        complain_of(field, value->at, "'default = %s' is not %s constant%s", value->text, what, reason(value));
        return;
    }
    if (value->want == WANT_STRING) {
        field->default_text = value->string;
        if (field->type->kind == WEIR_MAP_CHARS && strlen(value->string) >= field->type->n)
            complain_of(field, value->at, "'default = %s' doesn't fit into %s", value->text, field->type->name);
    } else if (value->want == WANT_FLOAT) {
        apply_float_default(field);
    } else {
        apply_integer_default(field);
    }
}

static void check_names(const struct structure *structure)
{
    for (const struct field *field = structure->fields; field; field = field->next)
        for (const struct field *other = structure->fields; other != field; other = other->next)
            if (is_mapped(field) && is_mapped(other) && strcmp(field->name, other->name) == 0)
                complain_of(field, field->at, "the member '%s' has the name \"%s\", too", other->member, field->name);
}

void evaluate(const struct source *source, struct model *model)
{
    struct probes probes = {.source = source};
    for (struct structure *structure = model->first; structure; structure = structure->next) {
        for (struct field *field = structure->fields; field; field = field->next) {
            if (!is_mapped(field))
                continue;
            add(&probes, &field->wire_name);
            add(&probes, &field->max);
            add(&probes, &field->default_value);
        }
    }
    if (probes.n > 0)
        run(&probes);
    for (struct structure *structure = model->first; structure; structure = structure->next) {
        for (struct field *field = structure->fields; field; field = field->next) {
            if (!is_mapped(field))
                continue;
            apply_name(field);
            apply_max(field);
            apply_default(field);
        }
        check_names(structure);
    }
}
