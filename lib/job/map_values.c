/* SPDX-License-Identifier: MIT
 *
 * Decoding, what is common to fields and to msgpack: memory, and values that are checked before they are stored.
 *
 * Every function is called while measuring, too: `owner` and `out` are NULL then, and nothing is stored.
 */
#include "job/map_decode.h"
#include "job/text.h"

#include "base/error.h"

#include <inttypes.h>
#include <string.h>

/* --- memory --- */

/* The alignment that any type of this size can have. */
static size_t alignment_of(size_t size)
{
    size_t alignment = size & (~size + 1);
    return alignment > 16 ? 16 : alignment;
}

weir_status weir_decode_take(struct weir_decoder *d, size_t size, size_t n, const struct weir_map_path *path,
                             void **ret)
{
    size_t alignment = alignment_of(size);
    size_t start = (d->used + alignment - 1) & ~(alignment - 1);
    *ret = NULL;
    if (start > WEIR_MAP_MAX_BYTES || n > (WEIR_MAP_MAX_BYTES - start) / size)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "the payload needs more than %zu MiB of memory",
                              WEIR_MAP_MAX_BYTES >> 20);
    d->used = start + n * size;
    if (!d->measuring)
        *ret = d->block + start;
    return WEIR_OK;
}

/* --- checked values, from text and from msgpack --- */

static weir_status not_a(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                         const char *what, const char *text, size_t len)
{
    char shown[WEIR_MAP_SHOWN_SIZE];
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "\"%s\" is not %s (%s)", weir_map_shown(text, len, shown),
                          what, type->name);
}

weir_status weir_decode_range_error(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                    const char *text, size_t len)
{
    char shown[WEIR_MAP_SHOWN_SIZE];
    weir_map_shown(text, len, shown);
    if (type->kind == WEIR_MAP_UINT)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "\"%s\" is out of range (%s: 0 … %" PRIu64 ")", shown,
                              type->name, weir_uint_max(type->size));
    if (type->kind == WEIR_MAP_INT)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "\"%s\" is out of range (%s: %" PRId64 " … %" PRId64 ")",
                              shown, type->name, weir_int_min(type->size), weir_int_max(type->size));
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "\"%s\" is out of range (%s)", shown, type->name);
}

static weir_status read_enum(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                             const char *text, size_t len, void *out)
{
    for (size_t i = 0; i < type->names->n; i++) {
        const weir_map_enumerator *item = &type->names->items[i];
        if (strlen(item->name) != len || memcmp(item->name, text, len) != 0)
            continue;
        if (out)
            weir_map_store_uint(out, type->size, (uint64_t)item->value);
        return WEIR_OK;
    }
    return not_a(d, path, type, "a name of the enum", text, len);
}

weir_status weir_decode_refuse_nul(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                   const char *text, size_t len)
{
    if (len == 0 || !memchr(text, '\0', len))
        return WEIR_OK;
    return weir_map_error(d->err, WEIR_ERR_DECODE, path,
                          "the value has a NUL byte in it, which a C string can't hold (%s)", type->name);
}

static weir_status read_chars(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                              const char *text, size_t len, char *out)
{
    weir_status status = weir_decode_refuse_nul(d, path, type, text, len);
    if (status != WEIR_OK)
        return status;
    if (len >= type->size)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu bytes are too long; %s has room for %zu", len,
                              type->name, type->size - 1);
    if (out) {
        if (len > 0)
            memcpy(out, text, len);
        memset(out + len, 0, type->size - len);
    }
    return WEIR_OK;
}

weir_status weir_decode_max(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                            size_t n, const char *unit)
{
    if (field->max == 0 || n <= field->max)
        return WEIR_OK;
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu %s are too many; at most %zu are allowed", n, unit,
                          field->max);
}

weir_status weir_decode_count(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              size_t n, char *owner)
{
    const weir_map_type *type = &field->count_type;
    uint64_t most = type->kind == WEIR_MAP_INT ? (uint64_t)weir_int_max(type->size) : weir_uint_max(type->size);
    if (n > most)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu are too many for their count (%s)", n, type->name);
    if (!owner)
        return WEIR_OK;
    uint64_t before = weir_map_load_uint(owner + field->count_offset, type->size);
    if ((field->flags & WEIR_MAP_SHARED_COUNT) && before != n)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path,
                              "its length is %zu, but a field with the same count has %" PRIu64, n, before);
    weir_map_store_uint(owner + field->count_offset, type->size, n);
    return WEIR_OK;
}

weir_status weir_decode_bytes(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              const weir_map_type *type, const char *bytes, size_t len, char *owner, char *out)
{
    bool counted = field && weir_map_is_counted(field);
    if (len > type->size)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu bytes are too long; %s has room for %zu", len,
                              type->name, type->size);
    if (!counted && len < type->size)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu bytes are too few; %s has exactly %zu", len,
                              type->name, type->size);
    weir_status status = counted ? weir_decode_count(d, path, field, len, owner) : WEIR_OK;
    if (status == WEIR_OK && out && len > 0)
        memcpy(out, bytes, len);
    return status;
}

weir_status weir_decode_binary(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const char *bytes, size_t len, char *owner)
{
    weir_status status = weir_decode_max(d, path, field, len, "bytes");
    if (status == WEIR_OK)
        status = weir_decode_count(d, path, field, len, owner);
    if (status == WEIR_OK && owner)
        weir_map_store_pointer(owner + field->offset, len > 0 || bytes ? bytes : "");
    return status;
}

weir_status weir_decode_custom(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const char *value, size_t len, char *owner)
{
    if (!owner)
        return WEIR_OK;
    weir_error failure;
    weir_error_set(&failure, WEIR_ERR_DECODE, "%s", "");
    weir_status status = field->custom->decode(value ? value : "", len, owner, &failure);
    return status == WEIR_OK ? WEIR_OK : weir_map_custom_error(d->err, path, status, &failure, "decode");
}

weir_status weir_decode_text(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                             const char *text, size_t len, void *out)
{
    enum weir_text result;
    switch (type->kind) {
    case WEIR_MAP_INT: {
        int64_t value = 0;
        result = weir_text_read_int(text, len, type->size, &value);
        if (result == WEIR_TEXT_MALFORMED)
            return not_a(d, path, type, "an integer", text, len);
        if (result == WEIR_TEXT_OK && out)
            weir_map_store_uint(out, type->size, (uint64_t)value);
        break;
    }
    case WEIR_MAP_UINT: {
        uint64_t value = 0;
        result = weir_text_read_uint(text, len, type->size, &value);
        if (result == WEIR_TEXT_MALFORMED)
            return not_a(d, path, type, "an unsigned integer", text, len);
        if (result == WEIR_TEXT_OK && out)
            weir_map_store_uint(out, type->size, value);
        break;
    }
    case WEIR_MAP_BOOL: {
        bool value = false;
        result = weir_text_read_bool(text, len, &value);
        if (result == WEIR_TEXT_MALFORMED)
            return not_a(d, path, type, "true, false, 1 or 0", text, len);
        if (out)
            memcpy(out, &value, sizeof value);
        break;
    }
    case WEIR_MAP_FLOAT: {
        float narrow = 0;
        double wide = 0;
        result = type->size == sizeof narrow ? weir_text_read_float(text, len, &narrow)
                                             : weir_text_read_double(text, len, &wide);
        if (result == WEIR_TEXT_MALFORMED)
            return not_a(d, path, type, "a number", text, len);
        if (result == WEIR_TEXT_OK && out) {
            if (type->size == sizeof narrow)
                memcpy(out, &narrow, sizeof narrow);
            else
                memcpy(out, &wide, sizeof wide);
        }
        break;
    }
    case WEIR_MAP_ENUM:
        return read_enum(d, path, type, text, len, out);
    case WEIR_MAP_CHARS:
        return read_chars(d, path, type, text, len, out);
    default:
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "the mapper's table is damaged");
    }
    return result == WEIR_TEXT_RANGE ? weir_decode_range_error(d, path, type, text, len) : WEIR_OK;
}

weir_status weir_decode_string(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                               const char *text, size_t len, void *out)
{
    void *copy;
    weir_status status = weir_decode_refuse_nul(d, path, type, text, len);
    if (status == WEIR_OK)
        status = weir_decode_take(d, 1, len + 1, path, &copy);
    if (status == WEIR_OK && copy) {
        memcpy(copy, text, len);
        ((char *)copy)[len] = '\0';
        weir_map_store_pointer(out, copy);
    }
    return status;
}

/* --- fields of a struct, at the top and nested --- */

weir_status weir_decode_place(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              char *owner, void **ret)
{
    *ret = owner ? owner + field->offset : NULL;
    if (!(field->flags & WEIR_MAP_POINTER))
        return WEIR_OK;
    void *value;
    weir_status status = weir_decode_take(d, field->type.size, 1, path, &value);
    if (status == WEIR_OK && owner)
        weir_map_store_pointer(owner + field->offset, value);
    *ret = value;
    return status;
}

weir_status weir_decode_absent(struct weir_decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               char *owner, bool nested)
{
    if (!field->default_text) {
        if (!(field->flags & WEIR_MAP_OPTIONAL))
            return weir_map_error(d->err, WEIR_ERR_DECODE, path, "is missing");
        return weir_map_is_counted(field) && (field->flags & WEIR_MAP_SHARED_COUNT)
                   ? weir_decode_count(d, path, field, 0, owner)
                   : WEIR_OK;
    }
    void *out = owner ? owner + field->offset : NULL;
    if (field->type.kind != WEIR_MAP_STRING)
        return weir_decode_text(d, path, &field->type, field->default_text, field->default_len, out);
    if (nested)
        return weir_decode_string(d, path, &field->type, field->default_text, field->default_len, out);
    if (out)
        weir_map_store_pointer(out, field->default_text);
    return WEIR_OK;
}

/* A field at the top: the text form, bytes, or msgpack. */

size_t weir_decode_find(const weir_map_struct *map, const char *name, size_t len, size_t guess)
{
    for (size_t i = 0; i < map->n; i++) {
        size_t at = guess + i < map->n ? guess + i : guess + i - map->n;
        if (map->fields[at].name_len == len && memcmp(map->fields[at].name, name, len) == 0)
            return at;
    }
    return map->n;
}
