/* SPDX-License-Identifier: MIT
 *
 * What decoding and encoding by a table share, and clearing.
 *
 * A decoder allocates one block for all variable parts of a struct, and hands out its pieces in the order of the
 * struct's fields, depth first, an array before what its elements point to. So the first pointer into the block that is
 * met in that order is the block itself: nothing else needs to be kept in the user's struct. What is borrowed from the
 * job (strings at the top, binaries everywhere) is passed over.
 */
#include "job/map.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- messages --- */

const char *weir_map_shown(const char *bytes, size_t len, char out[WEIR_MAP_SHOWN_SIZE])
{
    size_t n = len < 40 ? len : 40;
    for (size_t i = 0; i < n; i++)
        out[i] = bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '"' ? '?' : bytes[i];
    memcpy(out + n, len > 40 ? "..." : "", len > 40 ? 4 : 1);
    return out;
}

static size_t write_path(const struct weir_map_path *path, char *out, size_t size)
{
    size_t used = path->parent ? write_path(path->parent, out, size) : 0;
    if (used >= size)
        return used;
    int n = path->name ? snprintf(out + used, size - used, "%s%s", path->parent ? "." : "", path->name)
                       : snprintf(out + used, size - used, "[%zu]", path->index);
    return n < 0 ? used : used + (size_t)n;
}

weir_status weir_map_error(weir_error *err, weir_status code, const struct weir_map_path *path, const char *format, ...)
{
    char where[128], why[sizeof err->message];
    write_path(path, where, sizeof where);
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return weir_error_set(err, code, "field \"%s\": %.180s", where, why);
}

weir_status weir_map_custom_error(weir_error *err, const struct weir_map_path *path, weir_status status,
                                  const weir_error *failure, const char *role)
{
    weir_status code = status == WEIR_ERR_MEMORY ? WEIR_ERR_MEMORY : WEIR_ERR_DECODE;
    if (failure->message[0] != '\0')
        return weir_map_error(err, code, path, "%s", failure->message);
    if (code == WEIR_ERR_MEMORY)
        return weir_map_error(err, code, path, "no memory for its value");
    return weir_map_error(err, code, path, "its %s function refused the value", role);
}

/* --- memory --- */

int64_t weir_map_load_int(const void *at, size_t size)
{
    uint64_t bits = weir_map_load_uint(at, size);
    unsigned unused = (unsigned)(64 - 8 * size);
    return (int64_t)(bits << unused) >> unused;
}

uint64_t weir_map_load_uint(const void *at, size_t size)
{
    uint8_t one;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
    case 1:
        memcpy(&one, at, sizeof one);
        return one;
    case 2:
        memcpy(&two, at, sizeof two);
        return two;
    case 4:
        memcpy(&four, at, sizeof four);
        return four;
    default:
        memcpy(&eight, at, sizeof eight);
        return eight;
    }
}

void weir_map_store_uint(void *at, size_t size, uint64_t value)
{
    uint8_t one = (uint8_t)value;
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    switch (size) {
    case 1:
        memcpy(at, &one, sizeof one);
        break;
    case 2:
        memcpy(at, &two, sizeof two);
        break;
    case 4:
        memcpy(at, &four, sizeof four);
        break;
    default:
        memcpy(at, &value, sizeof value);
    }
}

void *weir_map_load_pointer(const void *at)
{
    void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

void weir_map_store_pointer(void *at, const void *pointer)
{
    memcpy(at, &pointer, sizeof pointer);
}

bool weir_map_load_count(const weir_map_field *field, const void *owner, size_t *ret)
{
    const char *at = (const char *)owner + field->count_offset;
    uint64_t count = weir_map_load_uint(at, field->count_type.size);
    if (field->count_type.kind == WEIR_MAP_INT && weir_map_load_int(at, field->count_type.size) < 0)
        return false;
    *ret = (size_t)count;
    return count <= SIZE_MAX;
}

/* --- clearing --- */

/* A walk over everything that a struct holds, in the order in which a decoder allocates. */
struct walk {
    bool find;   /* the block, else call the clear functions of custom fields */
    void *block; /* once it is found */
};

static void walk_struct(struct walk *walk, const weir_map_struct *map, char *owner, bool nested);

static void walk_value(struct walk *walk, const weir_map_type *type, char *value, size_t n)
{
    if (type->kind == WEIR_MAP_STRING && walk->find)
        walk->block = weir_map_load_pointer(value);
    if (type->kind == WEIR_MAP_STRUCT)
        walk_struct(walk, type->fields, value, true);
    if (type->kind == WEIR_MAP_ARRAY || type->kind == WEIR_MAP_LIST)
        for (size_t i = 0; i < n && !walk->block; i++)
            walk_value(walk, type->element, value + i * type->element->size, type->element->n);
}

static void walk_field(struct walk *walk, const weir_map_field *field, char *owner, bool nested)
{
    const weir_map_type *type = &field->type;
    char *value = owner + field->offset;
    size_t n = type->n;
    if (type->kind == WEIR_MAP_CUSTOM) {
        if (!walk->find && field->custom->clear)
            field->custom->clear(owner);
        return;
    }
    if (type->kind == WEIR_MAP_BINARY || (type->kind == WEIR_MAP_STRING && !nested))
        return;
    if (weir_map_is_counted(field) && !weir_map_load_count(field, owner, &n))
        return;
    if (type->kind == WEIR_MAP_ARRAY && n > type->n)
        return;
    if (type->kind == WEIR_MAP_LIST || (field->flags & WEIR_MAP_POINTER)) {
        value = weir_map_load_pointer(value);
        if (walk->find)
            walk->block = value;
        if (!value || walk->block)
            return;
    }
    walk_value(walk, type, value, n);
}

static void walk_struct(struct walk *walk, const weir_map_struct *map, char *owner, bool nested)
{
    for (size_t i = 0; i < map->n && map->clears && !walk->block; i++)
        walk_field(walk, &map->fields[i], owner, nested);
}

void weir_map_release(const weir_map_struct *map, void *value, void *block)
{
    struct walk customs = {.find = false};
    walk_struct(&customs, map, value, false);
    if (!block) {
        struct walk search = {.find = true};
        walk_struct(&search, map, value, false);
        block = search.block;
    }
    free(block);
}

void weir_map_clear(const weir_map_struct *map, void *value)
{
    if (!map || !value)
        return;
    weir_map_release(map, value, NULL);
    memset(value, 0, map->size);
}
