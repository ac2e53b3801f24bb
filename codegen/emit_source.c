/* SPDX-License-Identifier: MIT
 *
 * The generated source: the tables that lib/job/map_decode.c and map_encode.c work by.
 *
 * Sizes and offsets are left to the compiler (sizeof, offsetof), since libclang may have been told of another target.
 * Everything is positional, so that the file is C++, too.
 */
#include "emit.h"

#include "text.h"

#include <string.h>

struct writer {
    struct weir_buffer *out;
    const struct emission *emission;
    const char **names; /* of the file's static objects */
    size_t n_names;
    struct enumeration **enums; /* those that have tables */
    size_t n_enums;
};

/* --- names --- */

/* A name that no other static object of the file has. */
static const char *unique(struct writer *writer, const char *wanted)
{
    const char *name = wanted;
    for (size_t i = 0, next = 2; i < writer->n_names; i++) {
        if (strcmp(writer->names[i], name) != 0)
            continue;
        name = keep_format("%s_%zu", wanted, next++);
        i = (size_t)-1; /* from the start */
    }
    if (writer->n_names % 64 == 0) {
        const char **grown = keep((writer->n_names + 64) * sizeof *grown);
        if (writer->n_names > 0)
            memcpy(grown, writer->names, writer->n_names * sizeof *grown);
        writer->names = grown;
    }
    writer->names[writer->n_names++] = name;
    return name;
}

/* A text as a C string literal. */
static const char *literal(const char *text)
{
    struct weir_buffer out = {0};
    print(&out, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            print(&out, "\\%c", *at);
        else if (*at < 0x20 || *at > 0x7e || *at == '?') /* no trigraphs */
            print(&out, "\\%03o", *at);
        else
            print(&out, "%c", *at);
    }
    print(&out, "\"");
    const char *made = keep_text(out.bytes, out.len);
    weir_buffer_free(&out);
    return made;
}

/* --- expressions --- */

/* An lvalue for sizeof: the member of a struct that isn't there. */
static const char *member_of(const struct structure *owner, const char *member)
{
    if (owner->base)
        return keep_format("((%s *)0)->%s.%s", owner->base, owner->path, member);
    return keep_format("((%s *)0)->%s", owner->c_type, member);
}

static const char *offset_of(const struct structure *owner, const char *member)
{
    if (owner->base)
        return keep_format("offsetof(%s, %s.%s) - offsetof(%s, %s)", owner->base, owner->path, member, owner->base,
                           owner->path);
    return keep_format("offsetof(%s, %s)", owner->c_type, member);
}

static const char *size_of(const struct structure *structure)
{
    if (structure->base)
        return keep_format("sizeof(((%s *)0)->%s)", structure->base, structure->path);
    return keep_format("sizeof(%s)", structure->c_type);
}

static const char *kind_name(const struct type *type)
{
    static const char *const names[] = {
        [WEIR_MAP_INT] = "WEIR_MAP_INT",       [WEIR_MAP_UINT] = "WEIR_MAP_UINT",
        [WEIR_MAP_BOOL] = "WEIR_MAP_BOOL",     [WEIR_MAP_FLOAT] = "WEIR_MAP_FLOAT",
        [WEIR_MAP_ENUM] = "WEIR_MAP_ENUM",     [WEIR_MAP_STRING] = "WEIR_MAP_STRING",
        [WEIR_MAP_CHARS] = "WEIR_MAP_CHARS",   [WEIR_MAP_BINARY] = "WEIR_MAP_BINARY",
        [WEIR_MAP_BYTES] = "WEIR_MAP_BYTES",   [WEIR_MAP_STRUCT] = "WEIR_MAP_STRUCT",
        [WEIR_MAP_ARRAY] = "WEIR_MAP_ARRAY",   [WEIR_MAP_LIST] = "WEIR_MAP_LIST",
        [WEIR_MAP_CUSTOM] = "WEIR_MAP_CUSTOM",
    };
    return type->plain_char ? "WEIR_MAP_CHAR" : names[type->kind];
}

/* A weir_map_type's initializer; element and tables are there already, by these symbols. */
static const char *type_initializer(const struct type *type, const char *access, const char *element)
{
    bool tables = type->kind == WEIR_MAP_STRUCT, names = type->kind == WEIR_MAP_ENUM;
    return keep_format("{%s, sizeof(%s), %s, %s, %s%s, %s%s, %s%s}", kind_name(type), access, literal(type->name),
                       type->kind == WEIR_MAP_ARRAY ? keep_format("%llu", (unsigned long long)type->n) : "0",
                       element ? "&" : "", element ? element : "NULL", tables ? "&" : "",
                       tables ? type->structure->symbol : "NULL", names ? "&" : "",
                       names ? type->enumeration->symbol : "NULL");
}

/* --- tables --- */

static const char *enumerator_value(const struct enumeration *enumeration, const struct enumerator *item)
{
    if (!enumeration->is_inner)
        return keep_format("(int64_t)%s", item->constant);
    if (item->value == INT64_MIN)
        return "INT64_MIN";
    return keep_format("INT64_C(%lld)", (long long)item->value);
}

static void emit_enum(struct writer *writer, struct enumeration *enumeration, const char *fallback)
{
    for (size_t i = 0; i < writer->n_enums; i++)
        if (strcmp(writer->enums[i]->id, enumeration->id) == 0) {
            enumeration->symbol = writer->enums[i]->symbol;
            return;
        }
    const char *name = keep_format("%s%s", writer->emission->prefix, enumeration->tag ? enumeration->tag : fallback);
    const char *items = unique(writer, keep_format("%s_enumerators", name));
    enumeration->symbol = unique(writer, keep_format("%s_names", name));
    print(writer->out, "\nstatic const weir_map_enumerator %s[] = {\n", items);
    for (size_t i = 0; i < enumeration->n; i++)
        print(writer->out, "    {%s, %s},\n", literal(enumeration->items[i].name),
              enumerator_value(enumeration, &enumeration->items[i]));
    print(writer->out, "};\n");
    print(writer->out, "static const weir_map_enum %s = {%s, %zu, %d};\n", enumeration->symbol, items, enumeration->n,
          enumeration->is_signed);

    struct enumeration **grown = keep((writer->n_enums + 1) * sizeof(struct enumeration *));
    if (writer->n_enums > 0)
        memcpy(grown, writer->enums, writer->n_enums * sizeof(struct enumeration *));
    grown[writer->n_enums++] = enumeration;
    writer->enums = grown;
}

/* The tables that a type needs before it can be written; returns the symbol of its element, or NULL. */
static const char *emit_parts(struct writer *writer, const struct type *type, const char *access, const char *name)
{
    if (type->kind == WEIR_MAP_ENUM)
        emit_enum(writer, type->enumeration, name);
    if (!type->element)
        return NULL;
    const char *inner_access = keep_format("%s[0]", access);
    const char *inner_name = keep_format("%s_element", name);
    const char *inner = emit_parts(writer, type->element, inner_access, inner_name);
    const char *symbol = unique(writer, inner_name);
    print(writer->out, "\nstatic const weir_map_type %s = {\n    %s\n};\n", symbol,
          keep_text(type_initializer(type->element, inner_access, inner) + 1,
                    strlen(type_initializer(type->element, inner_access, inner)) - 2));
    return symbol;
}

static const char *emit_custom(struct writer *writer, const struct structure *owner, const struct field *field,
                               const char *name)
{
    const struct custom *custom = &field->custom;
    const char *address = field->is_array ? "" : "&";
    const char *encode = unique(writer, keep_format("%s_encode", name));
    const char *decode = unique(writer, keep_format("%s_decode", name));
    const char *symbol = unique(writer, keep_format("%s_custom", name));
    print(writer->out,
          "\nstatic weir_status %s(const void *owner, weir_value_sink *sink, weir_error *err)\n{\n"
          "    return %s(%s((const %s *)owner)->%s, sink, err);\n}\n",
          encode, custom->encode, address, owner->c_type, field->member);
    print(writer->out,
          "\nstatic weir_status %s(const char *value, size_t len, void *owner, weir_error *err)\n{\n"
          "    return %s(value, len, %s((%s *)owner)->%s, err);\n}\n",
          decode, custom->decode, address, owner->c_type, field->member);
    const char *clear = "NULL";
    if (custom->clear) {
        clear = unique(writer, keep_format("%s_clear_value", name));
        print(writer->out, "\nstatic void %s(void *owner)\n{\n    %s(%s((%s *)owner)->%s);\n}\n", clear, custom->clear,
              address, owner->c_type, field->member);
    }
    print(writer->out, "\nstatic const weir_map_custom %s = {%s, %s, %s};\n", symbol, encode, decode, clear);
    return symbol;
}

static const char *flags_of(const struct field *field)
{
    const char *flags = "";
    if (field->optional)
        flags = "WEIR_MAP_OPTIONAL";
    if (field->pointer)
        flags = keep_format("%s%sWEIR_MAP_POINTER", flags, *flags ? " | " : "");
    if (field->shared_count)
        flags = keep_format("%s%sWEIR_MAP_SHARED_COUNT", flags, *flags ? " | " : "");
    return *flags ? flags : "0";
}

/* One row of a field table, made before the table so that what it points to comes first. */
static const char *field_row(struct writer *writer, const struct structure *owner, const struct field *field,
                             const char *struct_name)
{
    const char *name = keep_format("%s_%s", struct_name, field->member);
    const char *access = member_of(owner, field->member);
    if (field->pointer)
        access = keep_format("%s[0]", access);
    const char *element = emit_parts(writer, field->type, access, name);
    const char *custom = field->type->kind == WEIR_MAP_CUSTOM ? emit_custom(writer, owner, field, name) : NULL;
    const char *row =
        keep_format("    {\n        %s, %zu, %s,\n        %s,\n        %s", literal(field->name), strlen(field->name),
                    offset_of(owner, field->member), type_initializer(field->type, access, element), flags_of(field));
    row = field->default_text
              ? keep_format("%s, %s, %zu, ", row, literal(field->default_text), strlen(field->default_text))
              : keep_format("%s, NULL, 0, ", row);
    row = keep_format("%s%llu, ", row, (unsigned long long)field->max_value);
    if (field->count)
        row = keep_format("%s%s,\n        %s, ", row, offset_of(owner, field->count->member),
                          type_initializer(field->count->type, member_of(owner, field->count->member), NULL));
    else
        row = keep_format("%s0, WEIR_MAP_NO_TYPE, ", row);
    return keep_format("%s%s%s,\n    },\n", row, custom ? "&" : "", custom ? custom : "NULL");
}

static void emit_codec(struct writer *writer, const struct structure *structure, const char *name)
{
    const char *type = structure->c_type;
    const char *decode = unique(writer, keep_format("%s_codec_decode", name));
    const char *clear = needs_clearing(structure, false) ? unique(writer, keep_format("%s_codec_clear", name)) : NULL;
    const char *encode = unique(writer, keep_format("%s_codec_encode", name));
    print(writer->out,
          "\nstatic weir_status %s(const weir_fields *fields, void *value, weir_error *err)\n{\n"
          "    return %s_decode(fields, (%s *)value, err);\n}\n",
          decode, name, type);
    if (clear)
        print(writer->out, "\nstatic void %s(void *value)\n{\n    %s_clear((%s *)value);\n}\n", clear, name, type);
    print(writer->out,
          "\nstatic weir_status %s(const void *value, weir_field_sink *sink, weir_error *err)\n{\n"
          "    return %s_encode((const %s *)value, sink, err);\n}\n",
          encode, name, type);
    print(writer->out, "\nconst weir_codec %s_codec = {\n    sizeof(weir_codec), %s, sizeof(%s), %s, %s, %s,\n};\n",
          name, literal(structure->name), type, decode, clear ? clear : "NULL", encode);
}

static void emit_struct(struct writer *writer, struct structure *structure)
{
    const char *name = keep_format("%s%s", writer->emission->prefix, structure->name);
    bool own = is_public(structure);
    print(writer->out, "\n/* --- %s --- */\n",
          structure->inner_c  ? structure->inner_c
          : structure->c_type ? structure->c_type
                              : keep_format("%s, %s", structure->base, structure->path));
    const char *rows = "";
    for (const struct field *field = structure->fields; field; field = field->next)
        if (is_mapped(field))
            rows = keep_format("%s%s", rows, field_row(writer, structure, field, name));
    const char *fields = own ? keep_format("%s_fields", name) : unique(writer, keep_format("%s_fields", name));
    structure->symbol = own ? keep_format("%s_map", name) : unique(writer, keep_format("%s_map", name));
    size_t n = count_mapped(structure);
    if (own)
        print(writer->out, "\nconst weir_map_field %s[%s_N_FIELDS] = {\n%s};\n\nconst weir_map_struct %s = {\n", fields,
              upper(name), rows, structure->symbol);
    else
        print(writer->out, "\nstatic const weir_map_field %s[] = {\n%s};\n\nstatic const weir_map_struct %s = {\n",
              fields, rows, structure->symbol);
    print(writer->out, "    %s, %s, %s, %zu, %d,\n};\n", literal(structure->name), size_of(structure), fields, n,
          needs_clearing(structure, true));
    if (own)
        emit_codec(writer, structure, name);
}

/* Structs of other headers are only needed where something of ours has them as parts. */
static bool is_used(const struct model *model, const struct structure *structure)
{
    if (is_public(structure))
        return true;
    for (const struct structure *other = model->first; other; other = other->next)
        for (const struct field *field = other->fields; field; field = field->next) {
            const struct type *type = is_mapped(field) ? field->type : NULL;
            while (type && type->element)
                type = type->element;
            if (type && type->structure == structure && is_used(model, other))
                return true;
        }
    return false;
}

/* The names that others have given, so that no static object takes one of them. */
static void reserve_names(struct writer *writer, const struct model *model)
{
    static const char *const suffixes[] = {"fields", "map",     "codec",        "encode", "decode",
                                           "clear",  "enqueue", "enqueue_bulk", "of"};
    for (const struct structure *structure = model->first; structure; structure = structure->next) {
        for (size_t i = 0; is_public(structure) && i < sizeof suffixes / sizeof *suffixes; i++)
            unique(writer, keep_format("%s%s_%s", writer->emission->prefix, structure->name, suffixes[i]));
        for (const struct field *field = structure->fields; field; field = field->next) {
            const char *const functions[] = {field->custom.encode, field->custom.decode, field->custom.clear};
            for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
                if (functions[i])
                    unique(writer, functions[i]);
        }
    }
}

void emit_source(struct weir_buffer *out, const struct model *model, const struct emission *emission)
{
    struct writer writer = {.out = out, .emission = emission};
    emit_opening(out, emission);
    print(out, "#include \"%s.h\"\n\n#include <stddef.h>\n#include <stdint.h>\n", emission->base);
    for (const struct structure *structure = model->first; structure; structure = structure->next)
        if (structure->inner_c && !is_public(structure) && is_used(model, structure))
            emit_inner_type(out, structure);
    reserve_names(&writer, model);
    for (struct structure *structure = model->first; structure; structure = structure->next)
        if (is_used(model, structure))
            emit_struct(&writer, structure);
}
