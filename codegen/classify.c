/* SPDX-License-Identifier: MIT
 *
 * The kind of a member: from its type, and from what its annotation says of it. What can't be mapped is refused here,
 * with what to do instead.
 */
#include "classify.h"

#include "diagnostics.h"
#include "text.h"

#include <string.h>

enum { DEEPEST = 16 };

/* --- names --- */

const char *type_name(CXType type)
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

struct type *new_type(weir_map_kind kind, CXType type)
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

/* What is in quotes in `name = "…"`; NULL where that isn't all there is, or where it is empty or has escapes. */
static const char *wire_name(const char *text)
{
    if (strncmp(text, "name", 4) != 0)
        return NULL;
    text += 4 + strspn(text + 4, " ");
    if (*text++ != '=')
        return NULL;
    text += strspn(text, " ");
    size_t len = *text == '"' ? strcspn(text + 1, "\"\\") : 0;
    return len > 0 && strcmp(text + 1 + len, "\"") == 0 ? keep_text(text + 1, len) : NULL;
}

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
    item->value = enumeration->is_signed ? clang_getEnumConstantDeclValue(cursor)
                                         : (int64_t)clang_getEnumConstantDeclUnsignedValue(cursor);

    struct annotations annotations;
    annotations_of(reader->source, cursor, "weir:field:", &annotations);
    for (size_t i = 0; i < annotations.n; i++) {
        item->name = wire_name(annotations.texts[i]);
        if (!item->name) {
            item->name = item->constant;
            complain(annotations.at[i], "enumerator '%s': only WEIR_FIELD(name = \"…\") is possible here",
                     item->constant);
        }
    }
    for (size_t i = 0; i + 1 < enumeration->n; i++)
        if (strcmp(enumeration->items[i].name, item->name) == 0)
            complain(location_of(reader->source, cursor), "enumerator '%s': '%s' has the name \"%s\", too",
                     item->constant, enumeration->items[i].constant, item->name);
    return CXChildVisit_Continue;
}

static bool is_signed(CXType integer)
{
    switch (clang_getCanonicalType(integer).kind) {
    case CXType_SChar:
    case CXType_Char_S:
    case CXType_Short:
    case CXType_Int:
    case CXType_Long:
    case CXType_LongLong:
        return true;
    default:
        return false;
    }
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
    reader.enumeration->is_signed = is_signed(clang_getEnumDeclIntegerType(definition));
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
    if (!unnamed && job.n == 0 && part.n == 0 && clang_Location_isInSystemHeader(clang_getCursorLocation(definition)))
        return refuse_type(look, type, "it is a system header's struct: " CUSTOM_OR_SKIP " or WEIR_FIELD(skip)");
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
    if (target.kind == CXType_UChar)
        return refuse_type(look, type,
                           "say WEIR_FIELD(length = member) for bytes, or WEIR_FIELD(optional) for one value that may "
                           "be absent; for text " CUSTOM_OR_SKIP " or WEIR_FIELD(skip)");
    return refuse_type(look, type,
                       "say WEIR_FIELD(optional) for one value that may be absent, or WEIR_FIELD(count = member) for "
                       "many, or WEIR_FIELD(skip)");
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

struct type *classify(struct look *look, CXType type)
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
    long long size = clang_Type_getSizeOf(target), alignment = clang_Type_getAlignOf(target);
    if (size > 0 && alignment > 0 && (alignment > 16 || size % alignment != 0))
        return refuse_type(look, target,
                           "its alignment is above 16, or no part of its size: " CUSTOM_OR_SKIP " or WEIR_FIELD(skip)");
    look->may_be_const = true;
    return classify_element(look, target, NULL);
}

struct type *classify_counted(struct look *look, CXType type, bool is_length)
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

struct type *classify_optional(struct look *look, CXType type)
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
