/* SPDX-License-Identifier: MIT
 *
 * From declarations to the model: the members of a struct with their annotations, and whether these fit. Everything
 * that can't be mapped is refused, here or in classify.c; nothing is ever left out silently.
 */
#include "annotation.h"
#include "classify.h"
#include "diagnostics.h"
#include "parse.h"
#include "text.h"

#include <string.h>

/* Whether the words that were written fit the kind. */
static void check_words(const struct field *field, const struct annotation *annotation)
{
    struct location at = field->annotated_at;
    weir_map_kind kind = field->type->kind;
    bool counted = annotation->count_name != NULL;
    bool by_number = field->by_number;
    if (kind == WEIR_MAP_CUSTOM)
        return; /* check_annotation has said what there is to say */
    const struct type *innermost = field->type;
    while (innermost->element)
        innermost = innermost->element;
    if (by_number && !innermost->enumeration)
        complain_of(field, at, "'number' is for enums");
    if (field->default_value.text && (kind == WEIR_MAP_BINARY || kind == WEIR_MAP_BYTES || kind == WEIR_MAP_STRUCT ||
                                      kind == WEIR_MAP_ARRAY || kind == WEIR_MAP_LIST))
        complain_of(field, at, "'default' is for numbers, bool, enums and strings; use 'optional'");
    if (field->max.text && kind != WEIR_MAP_STRING && kind != WEIR_MAP_BINARY && kind != WEIR_MAP_LIST && !counted)
        complain_of(field, at, "'max' is for char *, and for what has a 'count' or a 'length'");
}

static void want_default(struct field *field)
{
    weir_map_kind kind = field->type->kind;
    field->default_value.want = kind == WEIR_MAP_FLOAT                              ? WANT_FLOAT
                                : kind == WEIR_MAP_STRING || kind == WEIR_MAP_CHARS ? WANT_STRING
                                                                                    : WANT_INTEGER;
}

static void find_count(struct structure *owner, struct field *field, const char *name)
{
    for (struct field *other = owner->fields; other; other = other->next)
        if (strcmp(other->member, name) == 0)
            field->count = other;
    if (!field->count)
        complain_of(field, field->annotated_at, "there is no member '%s' in this struct to count it by", name);
}

/* A pending count, resolved once all members are known. */
struct pending {
    struct field *field;
    const char *name;
    struct pending *next;
};

struct fields_reader {
    struct source *source;
    struct model *model;
    struct structure *structure;
    struct pending *pending;
};

static enum CXVisitorResult visit_field(CXCursor cursor, CXClientData data);

static void read_field(struct fields_reader *reader, CXCursor cursor, const char *member)
{
    struct structure *owner = reader->structure;
    struct field *field = keep(sizeof *field);
    field->member = member;
    field->name = member;
    field->at = location_of(reader->source, cursor);
    field->annotated_at = field->at;
    field->doc = doc_of(cursor);
    *owner->last = field;
    owner->last = &field->next;

    struct annotations found;
    struct annotation annotation = {0};
    annotations_of(reader->source, cursor, "weir:field:", &found);
    for (size_t i = 0; i < found.n; i++)
        read_annotation(found.texts[i], found.at[i], field, &annotation);
    if (found.n > 0)
        check_annotation(field, &annotation);
    if (field->skipped)
        return;
    if (annotation.broken) {
        owner->broken = true;
        return;
    }
    if (clang_Cursor_isBitField(cursor)) {
        complain_of(field, field->at, "bit-fields can't be mapped; use bool or uint8_t, or WEIR_FIELD(skip)");
        owner->broken = true;
        return;
    }

    struct look look = {reader->source, reader->model, owner, field, member, false};
    CXType type = clang_getCursorType(cursor);
    bool is_pointer = clang_getCanonicalType(type).kind == CXType_Pointer;
    CXType target = clang_getCanonicalType(clang_getPointeeType(clang_getCanonicalType(type)));
    bool is_text = target.kind == CXType_Char_S || target.kind == CXType_Char_U;
    if (field->custom.encode || field->custom.decode || field->custom.clear)
        field->type = classify_custom(&look, type);
    else if (annotation.count_name)
        field->type = classify_counted(&look, type, annotation.is_length);
    else if (is_pointer && field->optional && !is_text)
        field->type = classify_optional(&look, type);
    else
        field->type = classify(&look, type);
    if (!field->type) {
        owner->broken = true;
        return;
    }
    CXType parent = clang_getCursorType(clang_getCursorSemanticParent(cursor));
    if (field->type->kind == WEIR_MAP_CUSTOM && clang_Type_getAlignOf(parent) < clang_Type_getAlignOf(type))
        complain_of(field, field->at,
                    "a member of a packed struct has no address that a function could be given; use "
                    "a struct that isn't packed, or WEIR_FIELD(skip)");
    check_words(field, &annotation);
    want_default(field);
    if (annotation.count_name) {
        struct pending *pending = keep(sizeof *pending);
        *pending = (struct pending){field, annotation.count_name, reader->pending};
        reader->pending = pending;
    }
}

/* The members of an unnamed struct without a name of its own (C11) are the outer struct's. */
static void read_promoted(struct fields_reader *reader, CXCursor cursor)
{
    CXType type = clang_getCanonicalType(clang_getCursorType(cursor));
    if (clang_getCursorKind(clang_getTypeDeclaration(type)) == CXCursor_UnionDecl) {
        struct location at = location_of(reader->source, cursor);
        complain(at, "unnamed unions can't be mapped; give the union a name, and use WEIR_FIELD(encode=…, decode=…) or "
                     "WEIR_FIELD(skip)");
        reader->structure->broken = true;
        return;
    }
    clang_Type_visitFields(type, visit_field, reader);
}

static enum CXVisitorResult visit_field(CXCursor cursor, CXClientData data)
{
    const char *member = take_text(clang_getCursorSpelling(cursor));
    bool unnamed = !member || strchr(member, '(');
    if (!unnamed)
        read_field(data, cursor, member);
    else if (!clang_Cursor_isBitField(cursor)) /* unnamed bit-fields are padding */
        read_promoted(data, cursor);
    return CXVisit_Continue;
}

/* Count members are found, and taken out of what is mapped by itself. */
static void resolve_counts(struct fields_reader *reader)
{
    for (struct pending *pending = reader->pending; pending; pending = pending->next)
        find_count(reader->structure, pending->field, pending->name);
    for (struct field *field = reader->structure->fields; field; field = field->next) {
        struct field *count = field->count;
        if (!count)
            continue;
        bool plain = count->type && (count->type->kind == WEIR_MAP_INT || count->type->kind == WEIR_MAP_UINT) &&
                     !count->pointer && !count->type->enumeration;
        if (!plain)
            complain_of(field, field->annotated_at, "its count '%s' must be a plain integer", count->member);
        else if (count->skipped || count->optional || count->required || count->default_value.text ||
                 count->wire_name.text)
            complain_of(count, count->annotated_at,
                        "it counts '%s', and lies on the wire as that field's length: take its annotation away",
                        field->member);
        field->shared_count = count->is_count;
        count->is_count = true;
    }
}

static void check_structure(struct structure *structure)
{
    size_t n = 0;
    for (const struct field *field = structure->fields; field; field = field->next)
        n += is_mapped(field);
    if (n == 0 && !structure->broken)
        complain(structure->at, "struct '%s' has no member that is mapped", structure->name);
    if (n > WEIR_MAP_MAX_FIELDS)
        complain(structure->at, "struct '%s' has %zu members that are mapped; %d are the most", structure->name, n,
                 WEIR_MAP_MAX_FIELDS);
}

static struct structure *known_structure(const struct model *model, const char *id, const char *path)
{
    for (struct structure *structure = model->first; structure; structure = structure->next)
        if (strcmp(structure->id, id) == 0 && (!path || !structure->path || strcmp(path, structure->path) == 0))
            return structure;
    return NULL;
}

static struct structure *in_progress; /* a stack, by `next` */

static const char *without_tag(const char *type)
{
    return strncmp(type, "struct ", 7) == 0 ? type + 7 : type;
}

/* Defined within another struct: C knows it everywhere, C++ as that one's member. */
static bool is_inner(CXCursor declaration)
{
    enum CXCursorKind parent = clang_getCursorKind(clang_getCursorLexicalParent(declaration));
    return parent == CXCursor_StructDecl || parent == CXCursor_UnionDecl;
}

/* "outer::inner"; NULL where C++ has no name for it. */
static const char *cpp_name(CXCursor declaration)
{
    if (is_nameless(declaration))
        return NULL;
    const char *name = without_tag(type_name(clang_getCursorType(declaration)));
    if (!is_inner(declaration))
        return name;
    const char *outer = cpp_name(clang_getCursorLexicalParent(declaration));
    return outer ? keep_format("%s::%s", outer, name) : NULL;
}

static struct structure *begin(struct source *source, CXCursor declaration, const char *id, const char *base,
                               const char *path, const char *name)
{
    struct structure *structure = keep(sizeof *structure);
    CXType type = clang_getCursorType(declaration);
    structure->id = id;
    structure->c_type = base ? NULL : type_name(type);
    structure->base = base;
    structure->path = path;
    structure->name = name;
    if (!name)
        structure->name = without_tag(structure->c_type);
    if (!base && is_inner(declaration) && cpp_name(declaration)) {
        structure->inner_c = structure->c_type;
        structure->inner_cpp = cpp_name(declaration);
        structure->c_type = keep_format("weir_%s_type", structure->name);
    }
    structure->doc = doc_of(declaration);
    structure->at = location_of(source, declaration);
    structure->last = &structure->fields;
    struct annotations job;
    annotations_of(source, declaration, "weir:job", &job);
    structure->is_job = job.n > 0;
    CXFile file;
    clang_getExpansionLocation(clang_getCursorLocation(declaration), &file, NULL, NULL, NULL);
    for (size_t i = 0; i < source->input->n_headers; i++)
        structure->is_own |= file && source->files[i] && clang_File_isEqual(file, source->files[i]);
    if (clang_Type_getAlignOf(type) > 16)
        complain(structure->at, "struct '%s' has an alignment of %lld; 16 is the most", structure->name,
                 clang_Type_getAlignOf(type));
    return structure;
}

struct structure *structure_of(struct source *source, struct model *model, CXCursor declaration,
                               const struct field *user, const char *base, const char *path, const char *name)
{
    const char *id = take_text(clang_getCursorUSR(declaration));
    struct structure *known = known_structure(model, id, path);
    if (known)
        return known->broken && user ? NULL : known;
    for (struct structure *building = in_progress; building; building = building->next) {
        if (strcmp(building->id, id) != 0)
            continue;
        if (user)
            complain_of(user, user->at,
                        "'%s' contains itself; lists and trees can't be mapped: use WEIR_FIELD(encode=…, decode=…) or "
                        "WEIR_FIELD(skip)",
                        building->name);
        return NULL;
    }
    struct structure *structure = begin(source, declaration, id, base, path, name);
    structure->next = in_progress;
    in_progress = structure;
    struct fields_reader reader = {source, model, structure, NULL};
    clang_Type_visitFields(clang_getCursorType(declaration), visit_field, &reader);
    resolve_counts(&reader);
    check_structure(structure);
    in_progress = structure->next;

    structure->next = NULL;
    *model->last = structure;
    model->last = &structure->next;
    return structure->broken && user ? NULL : structure;
}
