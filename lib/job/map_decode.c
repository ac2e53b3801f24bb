/* SPDX-License-Identifier: MIT
 *
 * Decoding by a table: fields into a struct.
 *
 * Runs once for each job of a queue with a generated codec, on the worker's thread. What is variable in the struct is
 * measured first, and then filled, by the same code: `out` is NULL while measuring, and the block is only a number. So
 * a job is one allocation at most (most are none), everything nested was checked once before memory was taken, and what
 * the wire can make us allocate is bounded by WEIR_MAP_MAX_BYTES.
 *
 * What must stay true:
 *   - both passes visit the same values in the same order: the struct's, not the wire's, which map.c relies on;
 *   - nothing is read beyond a field's length (its NUL is only pointed at);
 *   - a failure leaves the struct zeroed and nothing allocated.
 */
#include "job/map_decode.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A field at the top: the text form, bytes, or msgpack. */
static weir_status read_field(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              const weir_field *wire, char *owner)
{
    const weir_map_type *type = &field->type;
    const char *text = wire->value ? wire->value : "";
    size_t len = wire->value_len;
    void *out;
    weir_status status = weir_decode_place(d, path, field, owner, &out);
    if (status != WEIR_OK)
        return status;
    switch (type->kind) {
    case WEIR_MAP_STRING:
        status = weir_decode_max(d, path, field, len, "bytes");
        if (status == WEIR_OK)
            status = weir_decode_refuse_nul(d, path, type, text, len);
        if (status == WEIR_OK && out)
            weir_map_store_pointer(out, text);
        return status;
    case WEIR_MAP_BINARY:
        return weir_decode_binary(d, path, field, text, len, owner);
    case WEIR_MAP_BYTES:
        return weir_decode_bytes(d, path, field, type, text, len, owner, out);
    case WEIR_MAP_CUSTOM:
        return weir_decode_custom(d, path, field, text, len, owner);
    case WEIR_MAP_STRUCT:
    case WEIR_MAP_ARRAY:
    case WEIR_MAP_LIST: {
        struct weir_unpacker in = {(const unsigned char *)text, (const unsigned char *)text + len};
        status = weir_decode_packed(d, path, field, type, &in, owner, out);
        if (status == WEIR_OK && in.at != in.end)
            status = weir_map_error(d->err, WEIR_ERR_DECODE, path, "something follows the msgpack value");
        return status;
    }
    default:
        return weir_decode_text(d, path, type, text, len, out);
    }
}

/* Which field of the job is which of the struct's. */
static void match(const weir_map_struct *map, const weir_fields *fields, const weir_field **found)
{
    size_t guess = 0;
    memset(found, 0, map->n * sizeof(const weir_field *));
    for (size_t i = 0; i < fields->n; i++) {
        size_t at = weir_decode_find(map, fields->items[i].name, fields->items[i].name_len, guess);
        if (at == map->n)
            continue;
        found[at] = &fields->items[i];
        guess = at + 1 < map->n ? at + 1 : 0;
    }
}

static bool needs_measuring(const weir_map_field *field)
{
    return (field->flags & WEIR_MAP_POINTER) || field->type.kind == WEIR_MAP_STRUCT ||
           field->type.kind == WEIR_MAP_ARRAY || field->type.kind == WEIR_MAP_LIST;
}

static weir_status decode_field(struct weir_decoder *d, const weir_map_field *field, const weir_field *wire,
                                char *owner)
{
    struct weir_map_path path = {NULL, field->name, 0};
    return wire ? read_field(d, &path, field, wire, owner) : weir_decode_absent(d, &path, field, owner, false);
}

/* One pass: measuring where owner is NULL, and only what may need memory. */
static weir_status pass(struct weir_decoder *d, const weir_map_struct *map, const weir_field **found, char *owner)
{
    weir_status status = WEIR_OK;
    d->measuring = owner == NULL;
    d->used = 0;
    for (size_t i = 0; i < map->n && status == WEIR_OK; i++)
        if (owner || needs_measuring(&map->fields[i]))
            status = decode_field(d, &map->fields[i], found[i], owner);
    return status;
}

static void undo(const weir_map_struct *map, void *value, void *block)
{
    weir_map_release(map, value, block);
    memset(value, 0, map->size);
}

/*
 * Measuring failed, but it passes over what needs no memory: the error to report is that of the struct's first field
 * that is wrong. Custom functions need the struct to say what they think.
 */
static weir_status first_error(struct weir_decoder *d, const weir_map_struct *map, const weir_field **found,
                               char *value)
{
    weir_status status = WEIR_OK;
    d->used = 0;
    for (size_t i = 0; i < map->n && status == WEIR_OK; i++)
        status = decode_field(d, &map->fields[i], found[i], map->fields[i].type.kind == WEIR_MAP_CUSTOM ? value : NULL);
    undo(map, value, NULL);
    return status;
}

weir_status weir_map_decode(const weir_map_struct *map, const weir_fields *fields, void *value, weir_error *err)
{
    const weir_field *found[WEIR_MAP_MAX_FIELDS];
    if (!map || !fields || !value || map->n > WEIR_MAP_MAX_FIELDS)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", !map ? "map" : !fields ? "fields" : "value");
    struct weir_decoder d = {.err = err};
    memset(value, 0, map->size);
    match(map, fields, found);
    if (map->clears && pass(&d, map, found, NULL) != WEIR_OK)
        return first_error(&d, map, found, value);
    if (d.used > 0) {
        d.block = calloc(1, d.used);
        if (!d.block)
            return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the payload \"%s\"", map->name);
    }
    weir_status status = pass(&d, map, found, value);
    if (status != WEIR_OK)
        undo(map, value, d.block);
    return status;
}
