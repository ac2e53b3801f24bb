/* SPDX-License-Identifier: MIT
 *
 * From declarations to the model: which kind each member is, and whether its annotations fit. Everything that can't be
 * mapped is refused here, with what to do instead; nothing is ever left out silently.
 */
#include "annotation.h"
#include "diagnostics.h"
#include "parse.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define CUSTOM_OR_SKIP "use WEIR_FIELD(encode=…, decode=…)"

enum { DEEPEST = 16 };

/* One member while it is looked at. */
struct look {
    struct source *source;
    struct model *model;
    struct structure *owner;
    struct field *field;
    const char *path;  /* of the value within the owner, for unnamed structs: "pos", "points[0]" */
    bool may_be_const; /* the type that is looked at next: it is what a pointer points to */
};

static struct type *classify(struct look *look, CXType type);

/* --- names --- */

/* A type as it was written, without what differs between versions of clang. */
static const char *type_name(CXType type)
{
    const char *text = take_text(clang_getTypeSpelling(type));
    if (!text)
        return "?";
    if (strcmp(text, "_Bool") == 0)
        return "bool";
    const char *unnamed = strstr(text, "(unnamed ");
    if (!unnamed)
        unnamed = strstr(text, "(anonymous ");
    struct weir_buffer out = {0};
    for (const char *at = text; *at; at++) {
        if (at == unnamed) {
            int depth = 0;
            do
                depth += (*at == '(') - (*at == ')');
            while (depth > 0 && *++at);
            if (out.len > 0 && out.bytes[out.len - 1] == ' ')
                out.len--;
            if (!*at)
                break;
            continue;
        }
        if (at[0] == ' ' && at[1] == '[')
            continue;
        print(&out, "%c", *at);
    }
    const char *name = keep_text(out.bytes, out.len);
    weir_buffer_free(&out);
    return name;
}

/* --- types --- */

static struct type *new_type(weir_map_kind kind, CXType type)
{
    struct type *made = keep(sizeof *made);
    made->kind = kind;
    made->name = type_name(type);
    long long size = clang_Type_getSizeOf(type);
    made->size = size > 0 ? (uint64_t)size : 0;
    return made;
}

static struct type *refuse(struct look *look, const char *why)
{
    complain_of(look->field, look->field->at, "%s", why);
    return NULL;
}

static struct type *refuse_type(struct look *look, CXType type, const char *why)
{
    complain_of(look->field, look->field->at, "'%s' can't be mapped; %s", type_name(type), why);
    return NULL;
}

struct enum_reader {
    struct source *source;
    struct enumeration *enumeration;
    size_t room;
};

static enum CXChildVisitResult visit_enumerator(CXCursor cursor, CXCursor parent, CXClientData data)
{
    (void)parent;
    struct enum_reader *reader = data;
    struct enumeration *enumeration = reader->enumeration;
    if (clang_getCursorKind(cursor) != CXCursor_EnumConstantDecl)
        return CXChildVisit_Continue;
    if (enumeration->n == reader->room) {
        reader->room = reader->room ? 2 * reader->room : 16;
        struct enumerator *grown = keep(reader->room * sizeof *grown);
        if (enumeration->n > 0)
            memcpy(grown, enumeration->items, enumeration->n * sizeof *grown);
        enumeration->items = grown;
    }
    struct enumerator *item = &enumeration->items[enumeration->n++];
    item->constant = take_text(clang_getCursorSpelling(cursor));
    item->name = item->constant;
    item->doc = doc_of(cursor);
    item->value = clang_getEnumConstantDeclValue(cursor);
    enumeration->is_signed |= item->value < 0;

    struct annotations annotations;
    annotations_of(reader->source, cursor, "weir:field:", &annotations);
    for (size_t i = 0; i < annotations.n; i++) {
        const char *text = annotations.texts[i];
        size_t len = strlen(text);
        const char *quote = strchr(text, '"');
        if (strncmp(text, "name", 4) == 0 && quote && len > 0 && text[len - 1] == '"' && quote + 2 < text + len &&
            !strpbrk(quote + 1, "\\") && strchr(quote + 1, '"') == text + len - 1)
            item->name = keep_text(quote + 1, (size_t)(text + len - 1 - quote - 1));
        else
            complain(annotations.at[i], "enumerator '%s': only WEIR_FIELD(name = \"…\") is possible here",
                     item->constant);
    }
    for (size_t i = 0; i + 1 < enumeration->n; i++)
        if (strcmp(enumeration->items[i].name, item->name) == 0)
            complain(location_of(reader->source, cursor), "enumerator '%s': '%s' has the name \"%s\", too",
                     item->constant, enumeration->items[i].constant, item->name);
    return CXChildVisit_Continue;
}

static struct type *classify_enum(struct look *look, CXType type)
{
    CXCursor declaration = clang_getTypeDeclaration(clang_getCanonicalType(type));
    CXCursor definition = clang_getCursorDefinition(declaration);
    if (clang_Cursor_isNull(definition))
        return refuse_type(look, type, "the enum is defined nowhere here");
    struct enum_reader reader = {.source = look->source, .enumeration = keep(sizeof(struct enumeration))};
    reader.enumeration->id = take_text(clang_getCursorUSR(definition));
    const char *tag = take_text(clang_getCursorSpelling(definition));
    reader.enumeration->tag = is_nameless(definition) || !tag || strchr(tag, '(') ? NULL : tag;
    reader.enumeration->is_inner = clang_getCursorKind(clang_getCursorLexicalParent(definition)) == CXCursor_StructDecl;
    clang_visitChildren(definition, visit_enumerator, &reader);
    struct type *made = new_type(WEIR_MAP_ENUM, type);
    made->enumeration = reader.enumeration;
    if (look->field->by_number)
        made->kind = reader.enumeration->is_signed ? WEIR_MAP_INT : WEIR_MAP_UINT;
    if (made->size > 8)
        return refuse_type(look, type, "an enum of that size");
    return made;
}

static size_t depth_of(const struct structure *structure)
{
    size_t deepest = 0;
    for (const struct field *field = structure->fields; field; field = field->next) {
        const struct type *type = field->type;
        while (type && type->element)
            type = type->element;
        if (type && type->structure && depth_of(type->structure) > deepest)
            deepest = depth_of(type->structure);
    }
    return deepest + 1;
}

static struct type *classify_record(struct look *look, CXType type)
{
    CXCursor declaration = clang_getTypeDeclaration(clang_getCanonicalType(type));
    if (clang_getCursorKind(declaration) == CXCursor_UnionDecl)
        return refuse(look, "unions can't be mapped; " CUSTOM_OR_SKIP);
    CXCursor definition = clang_getCursorDefinition(declaration);
    if (clang_Cursor_isNull(definition))
        return refuse_type(look, type,
                           "the struct is incomplete here: include its definition, or " CUSTOM_OR_SKIP
                           " or WEIR_FIELD(skip)");
    struct annotations job, part;
    annotations_of(look->source, definition, "weir:job", &job);
    annotations_of(look->source, definition, "weir:struct", &part);
    bool unnamed = is_nameless(definition);
    if (unnamed && !look->path)
        return refuse_type(look, type, "give the struct that is pointed to a name, and annotate it with WEIR_STRUCT");
    if (!unnamed && job.n == 0 && part.n == 0) {
        complain_of(look->field, look->field->at,
                    "'%s' isn't annotated; write WEIR_STRUCT after its 'struct', or " CUSTOM_OR_SKIP
                    " or WEIR_FIELD(skip)",
                    type_name(type));
        return NULL;
    }
    const struct structure *owner = look->owner;
    const char *base = NULL, *path = NULL, *name = NULL;
    if (unnamed) {
        base = owner->base ? owner->base : owner->c_type;
        path = owner->path ? keep_format("%s.%s", owner->path, look->path) : look->path;
        name = keep_format("%s_%s", owner->name, look->field->member);
    }
    struct structure *structure = structure_of(look->source, look->model, definition, look->field, base, path, name);
    if (!structure)
        return NULL;
    if (depth_of(structure) >= DEEPEST)
        return refuse(look, "structs are nested too deeply; 16 levels are the most");
    struct type *made = new_type(WEIR_MAP_STRUCT, type);
    made->structure = structure;
    return made;
}

static struct type *classify_element(struct look *look, CXType element, const char *suffix)
{
    const char *before = look->path;
    look->path = before && suffix ? keep_format("%s%s", before, suffix) : NULL;
    struct type *made = classify(look, element);
    look->path = before;
    return made;
}

static struct type *classify_array(struct look *look, CXType type, CXType canonical)
{
    CXType element = clang_getArrayElementType(clang_getCanonicalType(type));
    /* the element as it was written, where clang has kept it */
    CXType written = clang_getArrayElementType(type);
    if (written.kind == CXType_Invalid)
        written = element;
    long long n = clang_getArraySize(canonical);
    if (n <= 0)
        return refuse(look, "arrays without elements can't be mapped; use WEIR_FIELD(skip)");
    enum CXTypeKind kind = clang_getCanonicalType(element).kind;
    bool plain_char = kind == CXType_Char_S || kind == CXType_Char_U;
    struct type *made;
    if (plain_char) {
        made = new_type(WEIR_MAP_CHARS, type);
    } else if (kind == CXType_UChar) {
        made = new_type(WEIR_MAP_BYTES, type);
    } else {
        struct type *inner = classify_element(look, written, "[0]");
        if (!inner)
            return NULL;
        made = new_type(WEIR_MAP_ARRAY, type);
        made->element = inner;
    }
    made->n = (uint64_t)n;
    return made;
}

static struct type *classify_pointer(struct look *look, CXType type, CXType canonical)
{
    CXType target = clang_getCanonicalType(clang_getPointeeType(canonical));
    if (target.kind == CXType_FunctionProto || target.kind == CXType_FunctionNoProto)
        return refuse(look, "function pointers can't be mapped; " CUSTOM_OR_SKIP " or WEIR_FIELD(skip)");
    if (target.kind == CXType_Char_S || target.kind == CXType_Char_U)
        return new_type(WEIR_MAP_STRING, type);
    if (target.kind == CXType_Void)
        return refuse(look, "void pointers can't be mapped; use WEIR_FIELD(length = member) for bytes, or "
                            "WEIR_FIELD(encode=…, decode=…) or WEIR_FIELD(skip)");
    if (target.kind == CXType_Record && clang_Type_getSizeOf(target) < 0)
        return classify_record(look, target);
    return refuse_type(look, type,
                       "say WEIR_FIELD(optional) for one value that may be absent, or WEIR_FIELD(count = member) for "
                       "many");
}

static struct type *classify_scalar(struct look *look, CXType type, enum CXTypeKind kind)
{
    struct type *made;
    switch (kind) {
    case CXType_Bool:
        return new_type(WEIR_MAP_BOOL, type);
    case CXType_Char_S:
    case CXType_Char_U:
        made = new_type(kind == CXType_Char_S ? WEIR_MAP_INT : WEIR_MAP_UINT, type);
        made->plain_char = true;
        return made;
    case CXType_SChar:
    case CXType_Short:
    case CXType_Int:
    case CXType_Long:
    case CXType_LongLong:
        return new_type(WEIR_MAP_INT, type);
    case CXType_UChar:
    case CXType_UShort:
    case CXType_UInt:
    case CXType_ULong:
    case CXType_ULongLong:
        return new_type(WEIR_MAP_UINT, type);
    case CXType_Float:
    case CXType_Double:
        return new_type(WEIR_MAP_FLOAT, type);
    case CXType_LongDouble:
        return refuse_type(look, type, "use double, or WEIR_FIELD(encode=…, decode=…)");
    default:
        return refuse_type(look, type, CUSTOM_OR_SKIP " or WEIR_FIELD(skip)");
    }
}

/* The type of a value; NULL where it can't be mapped, which was said. */
static struct type *classify(struct look *look, CXType type)
{
    CXType canonical = clang_getCanonicalType(type);
    if (clang_isVolatileQualifiedType(canonical) || canonical.kind == CXType_Atomic)
        return refuse_type(look, type, "jobs are plain memory: take volatile or _Atomic away, or WEIR_FIELD(skip)");
    bool may_be_const = look->may_be_const;
    look->may_be_const = false;
    if (clang_isConstQualifiedType(canonical) && !may_be_const)
        return refuse_type(look, type, "decoding couldn't write it: take the const away, or WEIR_FIELD(skip)");
    switch (canonical.kind) {
    case CXType_Enum:
        return classify_enum(look, type);
    case CXType_Record:
        return classify_record(look, type);
    case CXType_ConstantArray:
        return classify_array(look, type, canonical);
    case CXType_IncompleteArray:
        return refuse(look, "flexible array members can't be mapped; use a pointer and WEIR_FIELD(count = member)");
    case CXType_Pointer:
        return classify_pointer(look, type, canonical);
    default:
        return classify_scalar(look, type, canonical.kind);
    }
}

static bool is_bytes(CXType target)
{
    return target.kind == CXType_Void || target.kind == CXType_UChar || target.kind == CXType_Char_S ||
           target.kind == CXType_Char_U;
}

/* What a pointer points to. It may be const: it is memory of our own, filled before anybody sees it. */
static struct type *classify_target(struct look *look, CXType pointer)
{
    CXType target = clang_getPointeeType(pointer);
    if (target.kind == CXType_Invalid)
        target = clang_getPointeeType(clang_getCanonicalType(pointer));
    look->may_be_const = true;
    return classify_element(look, target, NULL);
}

/* A field with `count` or `length`. */
static struct type *classify_counted(struct look *look, CXType type, bool is_length)
{
    CXType canonical = clang_getCanonicalType(type);
    struct location at = look->field->annotated_at;
    if (canonical.kind == CXType_ConstantArray) {
        struct type *made = classify(look, type);
        if (made && made->kind == WEIR_MAP_CHARS && is_length)
            made->kind = WEIR_MAP_BYTES;
        if (made && made->kind == WEIR_MAP_CHARS) {
            complain_of(look->field, at, "char[N] is text that ends with a NUL; for bytes say WEIR_FIELD(length = %s)",
                        "member");
            return NULL;
        }
        if (made && made->kind == WEIR_MAP_ARRAY && is_length) {
            complain_of(look->field, at, "'length' is for bytes; use 'count' for elements");
            return NULL;
        }
        return made;
    }
    if (canonical.kind != CXType_Pointer) {
        complain_of(look->field, at, "'%s' is for pointers and arrays", is_length ? "length" : "count");
        return NULL;
    }
    CXType target = clang_getCanonicalType(clang_getPointeeType(canonical));
    if (is_bytes(target))
        return new_type(WEIR_MAP_BINARY, type);
    if (is_length) {
        complain_of(look->field, at,
                    "'length' is for bytes (void *, char *, unsigned char *); use 'count' for elements");
        return NULL;
    }
    struct type *element = classify_target(look, type);
    if (!element)
        return NULL;
    struct type *made = new_type(WEIR_MAP_LIST, type);
    made->element = element;
    return made;
}

/* A pointer to one value that may be absent. */
static struct type *classify_optional(struct look *look, CXType type)
{
    CXType target = clang_getCanonicalType(clang_getPointeeType(clang_getCanonicalType(type)));
    if (target.kind == CXType_Pointer)
        return refuse_type(look, type,
                           "an optional value can't be a pointer itself; use WEIR_FIELD(count = member) "
                           "for many");
    if (target.kind == CXType_Void || target.kind == CXType_FunctionProto || target.kind == CXType_FunctionNoProto)
        return classify(look, type);
    look->field->pointer = true;
    return classify_target(look, type);
}

/* --- custom functions --- */

static CXCursor find_function(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->n_functions; i++) {
        CXString spelling = clang_getCursorSpelling(source->functions[i]);
        bool same = strcmp(clang_getCString(spelling), name) == 0;
        clang_disposeString(spelling);
        if (same)
            return source->functions[i];
    }
    return clang_getNullCursor();
}

/* A type's name without typedefs and without a const of its own. */
static const char *bare(CXType type)
{
    CXType canonical = clang_getCanonicalType(type);
    const char *text = take_text(clang_getTypeSpelling(canonical));
    if (!text)
        return "";
    size_t len = strlen(text);
    if (canonical.kind != CXType_Pointer)
        return strncmp(text, "const ", 6) == 0 ? text + 6 : text;
    return len > 5 && strcmp(text + len - 5, "const") == 0 ? keep_text(text, len - 5) : text;
}

/* What a custom function gets a pointer to: the field, or its first element. */
static CXType passed_type(CXType field)
{
    CXType canonical = clang_getCanonicalType(field);
    return canonical.kind == CXType_ConstantArray ? clang_getArrayElementType(canonical) : canonical;
}

static void check_function(struct look *look, CXType type, const char *role, const char *name, int n_args, unsigned at,
                           const char *shape)
{
    struct location where = look->field->annotated_at;
    if (!name)
        return;
    CXCursor function = find_function(look->source, name);
    if (clang_Cursor_isNull(function)) {
        complain_of(look->field, where, "the %s function '%s' isn't declared before or after the struct: %s", role,
                    name, shape);
        return;
    }
    CXType signature = clang_getCursorType(function);
    CXType argument = clang_getArgType(signature, at);
    bool pointer = clang_getCanonicalType(argument).kind == CXType_Pointer;
    CXType target = clang_getPointeeType(clang_getCanonicalType(argument));
    if (clang_getNumArgTypes(signature) != n_args || !pointer || strcmp(bare(target), bare(passed_type(type))) != 0)
        complain_of(look->field, where, "the %s function must be %s", role, shape);
}

static struct type *classify_custom(struct look *look, CXType type)
{
    struct field *field = look->field;
    const char *name = type_name(passed_type(type));
    bool pointer = passed_type(type).kind == CXType_Pointer;
    check_function(look, type, "encode", field->custom.encode, 3, 0,
                   keep_format("weir_status %s(%s%s%s *value, weir_value_sink *sink, weir_error *err)",
                               field->custom.encode, pointer ? "" : "const ", name, pointer ? "const" : ""));
    check_function(look, type, "decode", field->custom.decode, 4, 2,
                   keep_format("weir_status %s(const char *bytes, size_t len, %s *value, weir_error *err)",
                               field->custom.decode, name));
    if (field->custom.clear)
        check_function(look, type, "clear", field->custom.clear, 1, 0,
                       keep_format("void %s(%s *value)", field->custom.clear, name));
    enum CXTypeKind kind = clang_getCanonicalType(type).kind;
    field->is_array = kind == CXType_ConstantArray;
    if (look->owner->base) {
        complain_of(field, field->at, "custom functions need a struct with a name; give this one a tag");
        return NULL;
    }
    return kind == CXType_IncompleteArray ? classify(look, type) : new_type(WEIR_MAP_CUSTOM, type);
}

/* --- fields --- */

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
        structure->name = strncmp(structure->c_type, "struct ", 7) == 0 ? structure->c_type + 7 : structure->c_type;
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
