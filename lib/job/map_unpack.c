/* SPDX-License-Identifier: MIT
 *
 * Decoding what is nested: one field's msgpack into structs, arrays and lists.
 *
 * Every value is read twice, once while measuring, and the values of a struct are skipped once before that, to know
 * which key is where. Types, not the wire, decide how deep this goes.
 */
#include "job/map_decode.h"
#include "job/text.h"

#include <math.h>
#include <string.h>

static weir_status read_packed_struct(struct weir_decoder *d, const struct weir_map_path *path,
                                      const weir_map_struct *map, struct weir_unpacker *in, char *out);

static weir_status unpack(struct weir_decoder *d, const struct weir_map_path *path, struct weir_unpacker *in,
                          struct weir_packed *ret)
{
    if (weir_unpack(in, ret))
        return WEIR_OK;
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "the value is not msgpack, or is cut short");
}

static weir_status wrong_kind(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                              const struct weir_packed *value, const char *expected)
{
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%s where %s is expected (%s)",
                          weir_packed_kind_text(value->kind), expected, type->name);
}

/* An integer of msgpack goes through the checks of its text form. */
static weir_status read_packed_number(struct weir_decoder *d, const struct weir_map_path *path,
                                      const weir_map_type *type, const struct weir_packed *value, void *out)
{
    char text[WEIR_TEXT_SIZE];
    if (value->kind != WEIR_PACKED_UINT && value->kind != WEIR_PACKED_INT)
        return wrong_kind(d, path, type, value, type->kind == WEIR_MAP_UINT ? "an unsigned integer" : "an integer");
    bool negative = value->kind == WEIR_PACKED_INT;
    bool fits = type->kind == WEIR_MAP_UINT ? !negative && value->as.u <= weir_uint_max(type->size)
                                            : (negative ? value->as.i >= weir_int_min(type->size)
                                                        : value->as.u <= (uint64_t)weir_int_max(type->size));
    if (!fits) {
        size_t len = negative ? weir_text_write_int(text, value->as.i) : weir_text_write_uint(text, value->as.u);
        return weir_decode_range_error(d, path, type, text, len);
    }
    if (out)
        weir_map_store_uint(out, type->size, negative ? (uint64_t)value->as.i : value->as.u);
    return WEIR_OK;
}

static weir_status read_packed_float(struct weir_decoder *d, const struct weir_map_path *path,
                                     const weir_map_type *type, const struct weir_packed *value, void *out)
{
    double wide;
    if (value->kind == WEIR_PACKED_FLOAT)
        wide = value->as.f;
    else if (value->kind == WEIR_PACKED_UINT)
        wide = (double)value->as.u;
    else if (value->kind == WEIR_PACKED_INT)
        wide = (double)value->as.i;
    else
        return wrong_kind(d, path, type, value, "a number");
    float narrow = (float)wide;
    if (type->size == sizeof narrow && isinf(narrow) && !isinf(wide)) {
        char text[WEIR_TEXT_SIZE];
        return weir_decode_range_error(d, path, type, text, weir_text_write_double(text, wide));
    }
    if (out && type->size == sizeof narrow)
        memcpy(out, &narrow, sizeof narrow);
    else if (out)
        memcpy(out, &wide, sizeof wide);
    return WEIR_OK;
}

static weir_status read_packed_bool(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                    const struct weir_packed *value, void *out)
{
    bool is_bool = value->kind == WEIR_PACKED_BOOL;
    if (!is_bool && !(value->kind == WEIR_PACKED_UINT && value->as.u <= 1))
        return wrong_kind(d, path, type, value, "true or false");
    bool yes = is_bool ? value->as.boolean : value->as.u == 1;
    if (out)
        memcpy(out, &yes, sizeof yes);
    return WEIR_OK;
}

static weir_status read_elements(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *element,
                                 size_t n, struct weir_unpacker *in, char *out)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        struct weir_map_path here = {path, NULL, i};
        status = weir_decode_packed(d, &here, NULL, element, in, NULL, out ? out + i * element->size : NULL);
    }
    return status;
}

/* A fixed or a counted array; field is NULL for an array that is an element itself. */
static weir_status read_array(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              const weir_map_type *type, struct weir_unpacker *in, char *owner, void *out)
{
    struct weir_packed head;
    weir_status status = unpack(d, path, in, &head);
    if (status != WEIR_OK)
        return status;
    if (head.kind != WEIR_PACKED_ARRAY)
        return wrong_kind(d, path, type, &head, "an array");
    bool counted = field && weir_map_is_counted(field);
    if (type->kind == WEIR_MAP_ARRAY && (counted ? head.n > type->n : head.n != type->n))
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu elements are too %s; %s has %s %zu", head.n,
                              head.n > type->n ? "many" : "few", type->name, counted ? "room for" : "exactly", type->n);
    status = field ? weir_decode_max(d, path, field, head.n, "elements") : WEIR_OK;
    if (status == WEIR_OK && counted)
        status = weir_decode_count(d, path, field, head.n, owner);
    if (status == WEIR_OK && type->kind == WEIR_MAP_LIST && head.n > 0) {
        void *elements;
        status = weir_decode_take(d, type->element->size, head.n, path, &elements);
        if (elements)
            weir_map_store_pointer(out, elements);
        out = elements;
    }
    return status == WEIR_OK ? read_elements(d, path, type->element, head.n, in, out) : status;
}

weir_status weir_decode_packed(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const weir_map_type *type, struct weir_unpacker *in, char *owner, void *out)
{
    if (type->kind == WEIR_MAP_ARRAY || type->kind == WEIR_MAP_LIST)
        return read_array(d, path, field, type, in, owner, out);
    if (type->kind == WEIR_MAP_STRUCT)
        return read_packed_struct(d, path, type->fields, in, out);

    struct weir_packed value;
    weir_status status = unpack(d, path, in, &value);
    if (status != WEIR_OK)
        return status;
    bool bytes = value.kind == WEIR_PACKED_STR || value.kind == WEIR_PACKED_BIN;
    switch (type->kind) {
    case WEIR_MAP_INT:
    case WEIR_MAP_UINT:
        return read_packed_number(d, path, type, &value, out);
    case WEIR_MAP_BOOL:
        return read_packed_bool(d, path, type, &value, out);
    case WEIR_MAP_FLOAT:
        return read_packed_float(d, path, type, &value, out);
    default:
        break;
    }
    if (!bytes)
        return wrong_kind(d, path, type, &value,
                          type->kind == WEIR_MAP_BYTES || type->kind == WEIR_MAP_BINARY ? "a binary" : "a string");
    switch (type->kind) {
    case WEIR_MAP_STRING:
        status = field ? weir_decode_max(d, path, field, value.n, "bytes") : WEIR_OK;
        return status == WEIR_OK ? weir_decode_string(d, path, type, value.bytes, value.n, out) : status;
    case WEIR_MAP_BYTES:
        return weir_decode_bytes(d, path, field, type, value.bytes, value.n, owner, out);
    case WEIR_MAP_BINARY:
        return weir_decode_binary(d, path, field, value.bytes, value.n, owner);
    case WEIR_MAP_CUSTOM:
        return weir_decode_custom(d, path, field, value.bytes, value.n, owner);
    default: /* ENUM, CHARS */
        return weir_decode_text(d, path, type, value.bytes, value.n, out);
    }
}

/* A nested struct: a map by names. Keys that aren't strings are unknown fields, too. The last of a name counts. */
static weir_status read_packed_struct(struct weir_decoder *d, const struct weir_map_path *path,
                                      const weir_map_struct *map, struct weir_unpacker *in, char *out)
{
    struct weir_packed head, key;
    const unsigned char *found[WEIR_MAP_MAX_FIELDS];
    weir_status status = unpack(d, path, in, &head);
    if (status != WEIR_OK)
        return status;
    if (head.kind != WEIR_PACKED_MAP) {
        weir_map_type type = {.name = map->name};
        return wrong_kind(d, path, &type, &head, "a map");
    }
    memset(found, 0, map->n * sizeof *found);
    for (size_t i = 0, guess = 0; i < head.n; i++) {
        struct weir_unpacker before = *in;
        if (!weir_unpack_skip(in))
            return unpack(d, path, in, &key) == WEIR_OK
                       ? weir_map_error(d->err, WEIR_ERR_DECODE, path, "the value is not msgpack, or is cut short")
                       : WEIR_ERR_DECODE;
        size_t at = map->n;
        if (weir_unpack(&before, &key) && (key.kind == WEIR_PACKED_STR || key.kind == WEIR_PACKED_BIN))
            at = weir_decode_find(map, key.bytes, key.n, guess);
        const unsigned char *value = in->at;
        if (!weir_unpack_skip(in))
            return weir_map_error(d->err, WEIR_ERR_DECODE, path, "the value is not msgpack, or is cut short");
        if (at < map->n) {
            found[at] = value;
            guess = at + 1 < map->n ? at + 1 : 0;
        }
    }
    for (size_t i = 0; i < map->n && status == WEIR_OK; i++) {
        const weir_map_field *field = &map->fields[i];
        struct weir_map_path here = {path, field->name, 0};
        if (!found[i] || (*found[i] == 0xc0 && (field->flags & WEIR_MAP_OPTIONAL))) { /* nil is as good as absent */
            status = weir_decode_absent(d, &here, field, out, true);
            continue;
        }
        struct weir_unpacker value = {found[i], in->at};
        void *at;
        status = weir_decode_place(d, &here, field, out, &at);
        if (status == WEIR_OK)
            status = weir_decode_packed(d, &here, field, &field->type, &value, out, at);
    }
    return status;
}
