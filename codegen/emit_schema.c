/* SPDX-License-Identifier: MIT
 *
 * email.schema.json: JSON Schema 2020-12 of a job, for people and tools of other languages. It describes the values;
 * how they lie in Redis (as text, or as msgpack where they are nested) is in docs/codegen.md.
 */
#include "emit.h"

#include "text.h"

#include "job/text.h"

#include <string.h>

/* The length of the UTF-8 character at a text's beginning; 0: it is none. NULs end the text, and are no continuation.
 */
static size_t utf8_length(const unsigned char *at)
{
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    size_t len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    unsigned least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80; /* no overlong forms, */
    unsigned most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;  /* no surrogates, nothing above U+10FFFF */
    if (at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return len;
}

/* A JSON string. Comments and names may be in any encoding; JSON is UTF-8. */
static const char *quoted(const char *text)
{
    struct weir_buffer out = {0};
    print(&out, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t len = utf8_length(at);
        if (len == 0)
            print(&out, "\\ufffd");
        else if (*at == '"' || *at == '\\')
            print(&out, "\\%c", *at);
        else if (*at < 0x20)
            print(&out, "\\u%04x", *at);
        else
            print(&out, "%.*s", (int)len, (const char *)at);
        at += len > 0 ? len : 1;
    }
    print(&out, "\"");
    const char *made = keep_text(out.bytes, out.len);
    weir_buffer_free(&out);
    return made;
}

/* A JSON object, one pair a line; pairs are added in turn. */
struct object {
    struct weir_buffer *out;
    int depth;
    bool any;
};

static struct object open_object(struct weir_buffer *out, int depth)
{
    print(out, "{");
    return (struct object){out, depth, false};
}

static void key(struct object *object, const char *name)
{
    print(object->out, "%s\n%*s%s: ", object->any ? "," : "", 2 * object->depth + 2, "", quoted(name));
    object->any = true;
}

static void close_object(struct object *object)
{
    if (object->any)
        print(object->out, "\n%*s", 2 * object->depth, "");
    print(object->out, "}");
}

static void emit_properties(struct object *object, const struct structure *structure);

static void emit_integer(struct object *object, const struct type *type)
{
    char text[WEIR_TEXT_SIZE];
    size_t size = (size_t)type->size;
    key(object, "type");
    print(object->out, "\"integer\"");
    key(object, "minimum");
    print(object->out, "%.*s", (int)weir_text_write_int(text, type->kind == WEIR_MAP_INT ? weir_int_min(size) : 0),
          text);
    key(object, "maximum");
    size_t len = type->kind == WEIR_MAP_INT ? weir_text_write_int(text, weir_int_max(size))
                                            : weir_text_write_uint(text, weir_uint_max(size));
    print(object->out, "%.*s", (int)len, text);
}

static void emit_enum(struct object *object, const struct enumeration *enumeration)
{
    key(object, "enum");
    print(object->out, "[");
    for (size_t i = 0; i < enumeration->n; i++)
        print(object->out, "%s%s", i > 0 ? ", " : "", quoted(enumeration->items[i].name));
    print(object->out, "]");
}

static void emit_limit(struct object *object, const char *name, uint64_t limit)
{
    if (limit == 0)
        return;
    key(object, name);
    print(object->out, "%llu", (unsigned long long)limit);
}

/* The pairs of a value; field is NULL for an element. */
static void emit_type(struct object *object, const struct type *type, const struct field *field)
{
    bool counted = field && field->count;
    uint64_t max = field ? field->max_value : 0;
    switch (type->kind) {
    case WEIR_MAP_INT:
    case WEIR_MAP_UINT:
        emit_integer(object, type);
        break;
    case WEIR_MAP_BOOL:
        key(object, "type");
        print(object->out, "\"boolean\"");
        break;
    case WEIR_MAP_FLOAT:
        key(object, "type");
        print(object->out, "\"number\"");
        break;
    case WEIR_MAP_ENUM:
        emit_enum(object, type->enumeration);
        break;
    case WEIR_MAP_STRING:
    case WEIR_MAP_CHARS:
    case WEIR_MAP_CUSTOM:
        key(object, "type");
        print(object->out, "\"string\"");
        emit_limit(object, "maxLength", type->kind == WEIR_MAP_CHARS ? type->n - 1 : max);
        break;
    case WEIR_MAP_BINARY:
    case WEIR_MAP_BYTES:
        key(object, "type");
        print(object->out, "\"string\"");
        key(object, "contentEncoding");
        print(object->out, "\"base64\"");
        break;
    case WEIR_MAP_STRUCT:
        if (type->structure->c_type) {
            key(object, "$ref");
            print(object->out, "%s", quoted(keep_format("#/$defs/%s", type->structure->name)));
        } else {
            emit_properties(object, type->structure);
        }
        break;
    case WEIR_MAP_ARRAY:
    case WEIR_MAP_LIST:
        key(object, "type");
        print(object->out, "\"array\"");
        key(object, "items");
        struct object items = open_object(object->out, object->depth + 1);
        emit_type(&items, type->element, NULL);
        close_object(&items);
        if (type->kind == WEIR_MAP_ARRAY && !counted)
            emit_limit(object, "minItems", type->n);
        emit_limit(object, "maxItems", max > 0 && (max < type->n || type->n == 0) ? max : type->n);
        break;
    }
}

static void emit_default(struct object *object, const struct field *field)
{
    weir_map_kind kind = field->type->kind;
    const char *text = field->default_text;
    bool bare = kind == WEIR_MAP_INT || kind == WEIR_MAP_UINT || kind == WEIR_MAP_BOOL;
    if (kind == WEIR_MAP_FLOAT)
        bare = strspn(text, "-0123456789.e") == strlen(text); /* JSON has no inf and no nan */
    key(object, "default");
    print(object->out, "%s", bare ? text : quoted(text));
}

static void emit_properties(struct object *object, const struct structure *structure)
{
    key(object, "type");
    print(object->out, "\"object\"");
    key(object, "properties");
    struct object properties = open_object(object->out, object->depth + 1);
    for (const struct field *field = structure->fields; field; field = field->next) {
        if (!is_mapped(field))
            continue;
        key(&properties, field->name);
        struct object property = open_object(object->out, object->depth + 2);
        if (field->doc) {
            key(&property, "description");
            print(object->out, "%s", quoted(field->doc));
        }
        emit_type(&property, field->type, field);
        if (field->default_text)
            emit_default(&property, field);
        close_object(&property);
    }
    close_object(&properties);
    key(object, "required");
    print(object->out, "[");
    bool any = false;
    for (const struct field *field = structure->fields; field; field = field->next) {
        if (!is_mapped(field) || field->optional || field->default_text)
            continue;
        print(object->out, "%s%s", any ? ", " : "", quoted(field->name));
        any = true;
    }
    print(object->out, "]");
}

/* The structs with names that are part of this one, each once, parts first. */
static void collect(const struct structure *structure, const struct structure **found, size_t *n)
{
    for (const struct field *field = structure->fields; field; field = field->next) {
        const struct type *type = is_mapped(field) ? field->type : NULL;
        while (type && type->element)
            type = type->element;
        if (!type || !type->structure)
            continue;
        bool known = false;
        for (size_t i = 0; i < *n; i++)
            known |= found[i] == type->structure;
        if (known)
            continue;
        collect(type->structure, found, n);
        if (type->structure->c_type && *n < 1024)
            found[(*n)++] = type->structure;
    }
}

void emit_schema(struct weir_buffer *out, const struct structure *structure)
{
    struct object object = open_object(out, 0);
    key(&object, "$schema");
    print(out, "\"https://json-schema.org/draft/2020-12/schema\"");
    key(&object, "title");
    print(out, "%s", quoted(structure->name));
    if (structure->doc) {
        key(&object, "description");
        print(out, "%s", quoted(structure->doc));
    }
    emit_properties(&object, structure);

    const struct structure **parts = keep(1024 * sizeof *parts);
    size_t n = 0;
    collect(structure, parts, &n);
    if (n > 0) {
        key(&object, "$defs");
        struct object defs = open_object(out, 1);
        for (size_t i = 0; i < n; i++) {
            key(&defs, parts[i]->name);
            struct object part = open_object(out, 2);
            if (parts[i]->doc) {
                key(&part, "description");
                print(out, "%s", quoted(parts[i]->doc));
            }
            emit_properties(&part, parts[i]);
            close_object(&part);
        }
        close_object(&defs);
    }
    close_object(&object);
    print(out, "\n");
}
