/* SPDX-License-Identifier: MIT
 *
 * From headers to annotated declarations, by libclang: so that typedefs, macros, includes and the target's types mean
 * what they mean to the compiler.
 *
 * All headers are parsed as one program, an unsaved file that includes them. A header that doesn't compile is reported
 * in the compiler's words, and nothing else is looked at.
 */
#include "parse.h"

#include "diagnostics.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char program_name[] = "weir-codegen-input.c";

const char *take_text(CXString string)
{
    const char *text = clang_getCString(string);
    const char *kept = text && *text ? keep_text(text, strlen(text)) : NULL;
    clang_disposeString(string);
    return kept;
}

/* clang says "./email.h" for what was named "email.h". */
static const char *file_name(const struct input *input, const char *name)
{
    if (!name)
        return NULL;
    if (strncmp(name, "./", 2) == 0)
        for (size_t i = 0; i < input->n_headers; i++)
            if (strcmp(name + 2, input->headers[i]) == 0)
                return input->headers[i];
    return name;
}

struct location location_at(const struct input *input, CXSourceLocation where)
{
    struct location at = {0};
    CXFile file;
    clang_getExpansionLocation(where, &file, NULL, NULL, NULL);
    if (!file)
        return at; /* the command line's */
    CXString name;
    clang_getPresumedLocation(where, &name, &at.line, &at.column); /* as #line has it */
    at.file = file_name(input, take_text(name));
    return at;
}

struct location location_of(const struct source *source, CXCursor cursor)
{
    return location_at(source->input, clang_getCursorLocation(cursor));
}

const char *include_lines(const struct input *input)
{
    const char *lines = "";
    for (size_t i = 0; i < input->n_headers; i++)
        lines = keep_format("%s#include \"%s\"\n", lines, input->headers[i]);
    return lines;
}

/* What would make clang write files of its own (-MMD -MF x.d) is left out; it is often among what compilers are given.
 */
static size_t copy_arguments(const char **to, const char **from, size_t n)
{
    size_t copied = 0;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(from[i], "-M", 2) != 0)
            to[copied++] = from[i];
        else if (strcmp(from[i], "-MF") == 0 || strcmp(from[i], "-MT") == 0 || strcmp(from[i], "-MQ") == 0)
            i++;
    }
    return copied;
}

CXTranslationUnit parse_text(CXIndex index, const struct input *input, const char *name, const char *text)
{
    struct CXUnsavedFile file = {name, text, strlen(text)};
    const char **args = keep((input->n_args + input->n_own_args + 8) * sizeof *args);
    size_t n = 0;
    args[n++] = "-xc";
    args[n++] = "-std=gnu11";
    args[n++] = "-DWEIR_CODEGEN_RUNNING=1";
    args[n++] = "-fno-spell-checking";
    args[n++] = "-ferror-limit=0";
    n += copy_arguments(args + n, input->args, input->n_args);
    for (size_t i = 0; i < input->n_own_args; i++)
        args[n++] = input->own_args[i];
    args[n++] = "-Wno-everything"; /* last: whatever -Werror may make of them */
    CXTranslationUnit unit = NULL;
    if (clang_parseTranslationUnit2(index, name, args, (int)n, &file, 1, CXTranslationUnit_SkipFunctionBodies, &unit) !=
        CXError_Success)
        return NULL;
    return unit;
}

/* libclang doesn't say which argument it can't work with: it is the one after the most with which it can. */
static void complain_of_arguments(const struct source *source)
{
    struct input some = *source->input;
    for (; some.n_args > 0; some.n_args--) {
        CXTranslationUnit unit = parse_text(source->index, &some, program_name, "");
        if (!unit)
            continue;
        clang_disposeTranslationUnit(unit);
        break;
    }
    if (some.n_args < source->input->n_args)
        complain((struct location){0}, "libclang can't work with the argument '%s'", some.args[some.n_args]);
    else
        complain((struct location){0}, "libclang can't work with these arguments");
}

/* The compiler's own errors; false where there are any. */
static bool check_diagnostics(const struct source *source)
{
    bool good = true;
    unsigned n = clang_getNumDiagnostics(source->unit);
    for (unsigned i = 0; i < n; i++) {
        CXDiagnostic diagnostic = clang_getDiagnostic(source->unit, i);
        if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error) {
            const char *words = take_text(clang_getDiagnosticSpelling(diagnostic));
            struct location at = location_at(source->input, clang_getDiagnosticLocation(diagnostic));
            if (at.file && strcmp(at.file, program_name) == 0)
                at = (struct location){0}; /* a header that isn't there */
            complain(at, "%s", words ? words : "the compiler refuses it");
            good = false;
        }
        clang_disposeDiagnostic(diagnostic);
    }
    return good;
}

/* --- comments --- */

/* Copies a comment without its marks and the stars at line starts, lines joined. */
static const char *plain_comment(const char *raw)
{
    struct weir_buffer out = {0};
    bool line_start = true;
    for (const char *at = raw; *at; at++) {
        if (line_start) {
            while (*at == ' ' || *at == '\t')
                at++;
            while (*at == '/' || *at == '*' || *at == '!')
                at++;
            if (*at == '<')
                at++;
            line_start = false;
        }
        if (at[0] == '*' && at[1] == '/') {
            at++;
            continue;
        }
        if (!*at)
            break;
        if (*at == '\n') {
            line_start = true;
            print(&out, " ");
        } else if (*at != '\r') {
            print(&out, "%c", *at);
        }
    }
    /* white space becomes single spaces, a leading @brief goes */
    struct weir_buffer tidy = {0};
    bool space = true;
    for (size_t i = 0; i < out.len; i++) {
        bool is_space = isspace((unsigned char)out.bytes[i]) != 0;
        if (!is_space || !space)
            print(&tidy, "%c", is_space ? ' ' : out.bytes[i]);
        space = is_space;
    }
    while (tidy.len > 0 && tidy.bytes[tidy.len - 1] == ' ')
        tidy.len--;
    const char *text = tidy.len > 0 ? keep_text(tidy.bytes, tidy.len) : NULL;
    weir_buffer_free(&out);
    weir_buffer_free(&tidy);
    if (text && (strncmp(text, "@brief ", 7) == 0 || strncmp(text, "\\brief ", 7) == 0))
        text += 7;
    return text;
}

const char *doc_of(CXCursor cursor)
{
    const char *raw = take_text(clang_Cursor_getRawCommentText(cursor));
    return raw ? plain_comment(raw) : NULL;
}

/* --- annotations --- */

struct annotation_search {
    const struct source *source;
    const char *prefix;
    struct annotations *found;
};

static enum CXChildVisitResult visit_annotation(CXCursor cursor, CXCursor parent, CXClientData data)
{
    (void)parent;
    struct annotation_search *search = data;
    struct annotations *found = search->found;
    if (clang_getCursorKind(cursor) != CXCursor_AnnotateAttr)
        return CXChildVisit_Continue;
    const char *text = take_text(clang_getCursorSpelling(cursor));
    if (text && strncmp(text, search->prefix, strlen(search->prefix)) == 0 &&
        found->n < sizeof found->texts / sizeof *found->texts) {
        found->texts[found->n] = text + strlen(search->prefix);
        found->at[found->n++] = location_of(search->source, cursor);
    }
    return CXChildVisit_Continue;
}

void annotations_of(const struct source *source, CXCursor cursor, const char *prefix, struct annotations *ret)
{
    struct annotation_search search = {source, prefix, ret};
    ret->n = 0;
    clang_visitChildren(cursor, visit_annotation, &search);
}

static bool is_annotated(const struct source *source, CXCursor cursor, const char *annotation)
{
    struct annotations found;
    annotations_of(source, cursor, annotation, &found);
    return found.n > 0;
}

/* --- declarations --- */

struct declarations {
    struct source *source;
    struct model *model;
    size_t n_jobs;
};

static bool is_in_named_header(const struct source *source, CXCursor cursor)
{
    CXFile file;
    clang_getExpansionLocation(clang_getCursorLocation(cursor), &file, NULL, NULL, NULL);
    for (size_t i = 0; i < source->input->n_headers; i++)
        if (file && source->files[i] && clang_File_isEqual(file, source->files[i]))
            return true;
    return false;
}

static void keep_function(struct source *source, CXCursor cursor)
{
    if (source->n_functions == source->room_functions) {
        size_t room = source->room_functions ? 2 * source->room_functions : 256;
        CXCursor *functions = keep(room * sizeof *functions);
        if (source->n_functions > 0)
            memcpy(functions, source->functions, source->n_functions * sizeof *functions);
        source->functions = functions;
        source->room_functions = room;
    }
    source->functions[source->n_functions++] = cursor;
}

static enum CXChildVisitResult visit_function(CXCursor cursor, CXCursor parent, CXClientData data)
{
    (void)parent;
    if (clang_getCursorKind(cursor) == CXCursor_FunctionDecl)
        keep_function(data, cursor);
    return CXChildVisit_Continue;
}

bool is_nameless(CXCursor declaration)
{
    const char *type = take_text(clang_getTypeSpelling(clang_getCursorType(declaration)));
    return !type || strchr(type, '(');
}

static enum CXChildVisitResult visit_declaration(CXCursor cursor, CXCursor parent, CXClientData data)
{
    struct declarations *declarations = data;
    struct source *source = declarations->source;
    enum CXCursorKind kind = clang_getCursorKind(cursor);
    if (kind != CXCursor_StructDecl && kind != CXCursor_UnionDecl && kind != CXCursor_EnumDecl)
        return CXChildVisit_Continue;
    bool is_job = is_annotated(source, cursor, "weir:job");
    bool annotated = is_job || is_annotated(source, cursor, "weir:struct");
    if (!annotated || !is_in_named_header(source, cursor))
        return kind == CXCursor_StructDecl ? CXChildVisit_Recurse : CXChildVisit_Continue;
    struct location at = location_of(source, cursor);
    if (is_nameless(cursor) && clang_getCursorKind(parent) != CXCursor_TranslationUnit)
        return CXChildVisit_Recurse; /* a member's type: it is looked at as such */
    declarations->n_jobs++;
    if (kind != CXCursor_StructDecl)
        complain(at, "only a struct can be annotated so; put what is in this %s into one",
                 kind == CXCursor_EnumDecl ? "enum" : "union");
    else if (is_nameless(cursor))
        complain(at, "give the struct a name: struct WEIR_JOB name { … };");
    else if (clang_isCursorDefinition(cursor))
        structure_of(source, declarations->model, cursor, NULL, NULL, NULL, NULL);
    else if (clang_Cursor_isNull(clang_getCursorDefinition(cursor)))
        complain(at, "the struct is annotated, but defined nowhere here");
    return CXChildVisit_Recurse;
}

/* email and Email would both make EMAIL_HANDLER; struct email and a typedef email are two, too. */
static void check_job_names(const struct model *model)
{
    for (const struct structure *structure = model->first; structure; structure = structure->next)
        for (const struct structure *other = model->first; other != structure; other = other->next)
            if (structure->is_job && structure->is_own && other->is_job && other->is_own &&
                strcmp(upper(structure->name), upper(other->name)) == 0)
                complain(structure->at, "'%s' would get the generated names of '%s', too; rename one of them",
                         structure->c_type, other->c_type);
}

/* --- dependencies --- */

struct inclusions {
    const struct input *input;
    struct model *model;
};

static void visit_inclusion(CXFile file, CXSourceLocation *stack, unsigned depth, CXClientData data)
{
    (void)stack;
    (void)depth;
    struct inclusions *inclusions = data;
    struct model *model = inclusions->model;
    const char *name = file_name(inclusions->input, take_text(clang_getFileName(file)));
    if (!name || strcmp(name, program_name) == 0)
        return;
    for (size_t i = 0; i < model->n_dependencies; i++)
        if (strcmp(model->dependencies[i], name) == 0)
            return;
    if (model->n_dependencies % 64 == 0) {
        const char **grown = keep((model->n_dependencies + 64) * sizeof *grown);
        if (model->n_dependencies > 0)
            memcpy(grown, model->dependencies, model->n_dependencies * sizeof *grown);
        model->dependencies = grown;
    }
    model->dependencies[model->n_dependencies++] = name;
}

void parse(const struct input *input, struct model *model)
{
    struct source source = {.input = input, .index = clang_createIndex(0, 0)};
    model->last = &model->first;
    source.unit = parse_text(source.index, input, program_name, include_lines(input));
    if (!source.unit) {
        complain_of_arguments(&source);
    } else if (check_diagnostics(&source)) {
        source.files = keep(input->n_headers * sizeof *source.files);
        for (size_t i = 0; i < input->n_headers; i++)
            source.files[i] = clang_getFile(source.unit, input->headers[i]);
        CXCursor top = clang_getTranslationUnitCursor(source.unit);
        clang_visitChildren(top, visit_function, &source);
        struct declarations declarations = {&source, model, 0};
        clang_visitChildren(top, visit_declaration, &declarations);
        if (declarations.n_jobs == 0)
            complain((struct location){.file = input->headers[0]},
                     "no struct is annotated; write struct WEIR_JOB name { … }; and #include <weir/codegen.h>");
        evaluate(&source, model);
        check_job_names(model);
        struct inclusions inclusions = {input, model};
        clang_getInclusions(source.unit, visit_inclusion, &inclusions);
    }
    if (source.unit)
        clang_disposeTranslationUnit(source.unit);
    clang_disposeIndex(source.index);
}
