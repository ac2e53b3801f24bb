/* SPDX-License-Identifier: MIT
 *
 * Encoding by a table: a struct into fields.
 *
 * Runs on the thread that enqueues. Everything that decoding would refuse is refused here already: a char array without
 * its NUL, an enum value without a name, a pointer that is NULL where the field is required, what exceeds a `max`.
 *
 * msgpack-c writes what is nested. Strings are msgpack strings, binaries are msgpack binaries, structs are maps by the
 * fields' names.
 */
#include "job/map.h"
#include "job/sink.h"
#include "job/text.h"

#include "base/error.h"

#include <msgpack.h>
#include <string.h>

struct weir_value_sink {
    struct weir_buffer bytes;
};

weir_status weir_value_write(weir_value_sink *sink, const void *bytes, size_t len)
{
    if (!sink || (!bytes && len > 0))
        return WEIR_ERR_ARGUMENT;
    weir_buffer_append(&sink->bytes, bytes, len);
    return sink->bytes.failed ? WEIR_ERR_MEMORY : WEIR_OK;
}

/* A field's value that is ready to be written as bytes: at the top that is all there is. */
struct bytes {
    const char *at;
    size_t len;
    char text[WEIR_TEXT_SIZE];
};

static weir_status is_null(weir_error *err, const struct weir_map_path *path, const weir_map_type *type)
{
    return weir_map_error(err, WEIR_ERR_DECODE, path, "is NULL (%s); make it optional, or give it a default",
                          type->name);
}

static weir_status enum_name(weir_error *err, const struct weir_map_path *path, const weir_map_type *type,
                             const void *value, struct bytes *ret)
{
    int64_t number =
        type->names->is_signed ? weir_map_load_int(value, type->size) : (int64_t)weir_map_load_uint(value, type->size);
    for (size_t i = 0; i < type->names->n; i++) {
        if (type->names->items[i].value != number)
            continue;
        ret->at = type->names->items[i].name;
        ret->len = strlen(ret->at);
        return WEIR_OK;
    }
    size_t len = weir_text_write_int(ret->text, number);
    return weir_map_error(err, WEIR_ERR_DECODE, path, "%.*s is no value of %s", (int)len, ret->text, type->name);
}

static weir_status chars(weir_error *err, const struct weir_map_path *path, const weir_map_type *type,
                         const char *value, struct bytes *ret)
{
    const char *end = memchr(value, '\0', type->size);
    if (!end)
        return weir_map_error(err, WEIR_ERR_DECODE, path, "%s is not NUL-terminated", type->name);
    ret->at = value;
    ret->len = (size_t)(end - value);
    return WEIR_OK;
}

static weir_status string(weir_error *err, const struct weir_map_path *path, const weir_map_type *type,
                          const void *value, struct bytes *ret)
{
    ret->at = weir_map_load_pointer(value);
    if (!ret->at)
        return is_null(err, path, type);
    ret->len = strlen(ret->at);
    return WEIR_OK;
}

/* The bytes of a string, an enum or a char array, which lie the same at the top and within msgpack. */
static weir_status string_like(weir_error *err, const struct weir_map_path *path, const weir_map_type *type,
                               const void *value, struct bytes *ret)
{
    if (type->kind == WEIR_MAP_ENUM)
        return enum_name(err, path, type, value, ret);
    return type->kind == WEIR_MAP_CHARS ? chars(err, path, type, value, ret) : string(err, path, type, value, ret);
}

static weir_status check_max(weir_error *err, const struct weir_map_path *path, const weir_map_field *field, size_t n,
                             const char *unit)
{
    if (field->max == 0 || n <= field->max)
        return WEIR_OK;
    return weir_map_error(err, WEIR_ERR_DECODE, path, "%zu %s are too many; at most %zu are allowed", n, unit,
                          field->max);
}

/* How many bytes or elements a field has. */
static weir_status count_of(weir_error *err, const struct weir_map_path *path, const weir_map_field *field,
                            const void *owner, size_t *ret)
{
    bool bytes = field->type.kind == WEIR_MAP_BINARY || field->type.kind == WEIR_MAP_BYTES;
    size_t n = bytes ? field->type.size : field->type.n;
    if (weir_map_is_counted(field) && !weir_map_load_count(field, owner, &n))
        return weir_map_error(err, WEIR_ERR_DECODE, path, "its count is negative");
    size_t room = field->type.kind == WEIR_MAP_BYTES ? field->type.size : field->type.n;
    if ((field->type.kind == WEIR_MAP_BYTES || field->type.kind == WEIR_MAP_ARRAY) && n > room)
        return weir_map_error(err, WEIR_ERR_DECODE, path, "its count is %zu; %s has room for %zu", n, field->type.name,
                              room);
    *ret = n;
    return check_max(err, path, field, n, bytes ? "bytes" : "elements");
}

/* The bytes of a BINARY or BYTES field, which is present at `value`. */
static weir_status binary(weir_error *err, const struct weir_map_path *path, const weir_map_field *field,
                          const char *owner, const char *value, struct bytes *ret)
{
    weir_status status = count_of(err, path, field, owner, &ret->len);
    if (status != WEIR_OK)
        return status;
    ret->at = field->type.kind == WEIR_MAP_BYTES ? value : weir_map_load_pointer(value);
    return !ret->at && ret->len > 0 ? is_null(err, path, &field->type) : WEIR_OK;
}

static weir_status custom(weir_error *err, const struct weir_map_path *path, const weir_map_field *field,
                          const void *owner, weir_value_sink *sink)
{
    weir_error failure;
    weir_error_set(&failure, WEIR_ERR_DECODE, "%s", "");
    weir_status status = field->custom->encode(owner, sink, &failure);
    if (status == WEIR_OK && !sink->bytes.failed)
        return WEIR_OK;
    return weir_map_custom_error(err, path, sink->bytes.failed ? WEIR_ERR_MEMORY : status, &failure, "encode");
}

/*
 * Whether an optional field that lies in the struct itself is absent: its bytes are zero, or it counts none. So what is
 * absent is read as zero, and zero is written as absent, whatever is in it.
 */
static bool is_zero(const weir_map_field *field, const char *owner)
{
    const char *value = owner + field->offset;
    size_t n = 0;
    if (weir_map_is_counted(field))
        return weir_map_load_count(field, owner, &n) && n == 0;
    for (size_t i = 0; i < field->type.size; i++)
        if (value[i] != 0)
            return false;
    return true;
}

/* Where the field's value lies; NULL: the field is absent. */
static const char *present_value(const weir_map_field *field, const char *owner)
{
    const char *value = owner + field->offset;
    bool may_lack = (field->flags & WEIR_MAP_OPTIONAL) || field->default_text;
    if (field->flags & WEIR_MAP_POINTER)
        return weir_map_load_pointer(value);
    bool pointer =
        field->type.kind == WEIR_MAP_STRING || field->type.kind == WEIR_MAP_BINARY || field->type.kind == WEIR_MAP_LIST;
    if (!pointer)
        return (field->flags & WEIR_MAP_OPTIONAL) && is_zero(field, owner) ? NULL : value;
    if (!may_lack || weir_map_load_pointer(value))
        return value;
    size_t n = 0; /* NULL, but counted: an error, to be found later */
    return weir_map_is_counted(field) && (!weir_map_load_count(field, owner, &n) || n > 0) ? value : NULL;
}

/* --- msgpack --- */

static int write_bytes(void *data, const char *bytes, size_t len)
{
    weir_buffer_append(data, bytes, len);
    return 0; /* `failed` remembers */
}

static weir_status pack_struct(msgpack_packer *packer, weir_error *err, const struct weir_map_path *path,
                               const weir_map_struct *map, const char *owner);

static void pack_str(msgpack_packer *packer, const char *bytes, size_t len)
{
    msgpack_pack_str(packer, len);
    if (len > 0)
        msgpack_pack_str_body(packer, bytes, len);
}

static void pack_bin(msgpack_packer *packer, const char *bytes, size_t len)
{
    msgpack_pack_bin(packer, len);
    if (len > 0)
        msgpack_pack_bin_body(packer, bytes, len);
}

static void pack_float(msgpack_packer *packer, const weir_map_type *type, const void *value)
{
    if (type->size == sizeof(float)) {
        float narrow;
        memcpy(&narrow, value, sizeof narrow);
        msgpack_pack_float(packer, narrow);
    } else {
        double wide;
        memcpy(&wide, value, sizeof wide);
        msgpack_pack_double(packer, wide);
    }
}

static weir_status pack_value(msgpack_packer *packer, weir_error *err, const struct weir_map_path *path,
                              const weir_map_type *type, const char *value, size_t n)
{
    weir_status status = WEIR_OK;
    struct bytes bytes = {.len = 0};
    switch (type->kind) {
    case WEIR_MAP_INT:
        msgpack_pack_int64(packer, weir_map_load_int(value, type->size));
        break;
    case WEIR_MAP_UINT:
        msgpack_pack_uint64(packer, weir_map_load_uint(value, type->size));
        break;
    case WEIR_MAP_BOOL:
        if (*value)
            msgpack_pack_true(packer);
        else
            msgpack_pack_false(packer);
        break;
    case WEIR_MAP_FLOAT:
        pack_float(packer, type, value);
        break;
    case WEIR_MAP_BYTES:
        pack_bin(packer, value, type->size);
        break;
    case WEIR_MAP_STRUCT:
        return pack_struct(packer, err, path, type->fields, value);
    case WEIR_MAP_ARRAY:
    case WEIR_MAP_LIST:
        msgpack_pack_array(packer, n);
        for (size_t i = 0; i < n && status == WEIR_OK; i++) {
            struct weir_map_path here = {path, NULL, i};
            status = pack_value(packer, err, &here, type->element, value + i * type->element->size, type->element->n);
        }
        break;
    default: /* STRING, CHARS, ENUM */
        status = string_like(err, path, type, value, &bytes);
        if (status == WEIR_OK)
            pack_str(packer, bytes.at, bytes.len);
    }
    return status;
}

/* A field of a nested struct, or a nested field at the top; it is present, at `value`. */
static weir_status pack_field(msgpack_packer *packer, weir_error *err, const struct weir_map_path *path,
                              const weir_map_field *field, const char *owner, const char *value)
{
    const weir_map_type *type = &field->type;
    weir_status status;
    struct bytes bytes = {.len = 0};
    size_t n = 0;
    switch (type->kind) {
    case WEIR_MAP_CUSTOM: {
        weir_value_sink sink = {.bytes = {0}};
        status = custom(err, path, field, owner, &sink);
        if (status == WEIR_OK)
            pack_bin(packer, sink.bytes.bytes, sink.bytes.len);
        weir_buffer_free(&sink.bytes);
        return status;
    }
    case WEIR_MAP_BINARY:
    case WEIR_MAP_BYTES:
        status = binary(err, path, field, owner, value, &bytes);
        if (status == WEIR_OK)
            pack_bin(packer, bytes.at, bytes.len);
        return status;
    case WEIR_MAP_STRING:
        status = string(err, path, type, value, &bytes);
        if (status == WEIR_OK)
            status = check_max(err, path, field, bytes.len, "bytes");
        if (status == WEIR_OK)
            pack_str(packer, bytes.at, bytes.len);
        return status;
    case WEIR_MAP_LIST:
    case WEIR_MAP_ARRAY:
        status = count_of(err, path, field, owner, &n);
        if (status == WEIR_OK && type->kind == WEIR_MAP_LIST) {
            value = weir_map_load_pointer(value);
            if (!value && n > 0)
                status = is_null(err, path, type);
        }
        return status == WEIR_OK ? pack_value(packer, err, path, type, value, n) : status;
    default:
        return pack_value(packer, err, path, type, value, type->n);
    }
}

static weir_status pack_struct(msgpack_packer *packer, weir_error *err, const struct weir_map_path *path,
                               const weir_map_struct *map, const char *owner)
{
    size_t present = 0;
    for (size_t i = 0; i < map->n; i++)
        present += present_value(&map->fields[i], owner) != NULL;
    msgpack_pack_map(packer, present);
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < map->n && status == WEIR_OK; i++) {
        const weir_map_field *field = &map->fields[i];
        struct weir_map_path here = {path, field->name, 0};
        const char *value = present_value(field, owner);
        if (!value)
            continue;
        pack_str(packer, field->name, field->name_len);
        status = pack_field(packer, err, &here, field, owner, value);
    }
    return status;
}

/* --- fields --- */

static weir_status add(weir_field_sink *sink, const weir_map_field *field, const char *bytes, size_t len,
                       const struct weir_map_path *path, weir_error *err)
{
    if (weir_sink_add(sink, field->name, field->name_len, bytes ? bytes : "", len) == WEIR_OK)
        return WEIR_OK;
    return weir_map_error(err, WEIR_ERR_MEMORY, path, "no memory for its value");
}

/* A nested value: packed into a buffer first, since its length is only known then. */
static weir_status add_packed(weir_field_sink *sink, const weir_map_field *field, const char *owner, const char *value,
                              const struct weir_map_path *path, weir_error *err)
{
    struct weir_buffer buffer = {0};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &buffer, write_bytes);
    weir_status status = pack_field(&packer, err, path, field, owner, value);
    if (status == WEIR_OK && buffer.failed)
        status = weir_map_error(err, WEIR_ERR_MEMORY, path, "no memory for its value");
    if (status == WEIR_OK)
        status = add(sink, field, buffer.bytes, buffer.len, path, err);
    weir_buffer_free(&buffer);
    return status;
}

static weir_status add_custom(weir_field_sink *sink, const weir_map_field *field, const char *owner,
                              const struct weir_map_path *path, weir_error *err)
{
    weir_value_sink bytes = {.bytes = {0}};
    weir_status status = custom(err, path, field, owner, &bytes);
    if (status == WEIR_OK)
        status = add(sink, field, bytes.bytes.bytes, bytes.bytes.len, path, err);
    weir_buffer_free(&bytes.bytes);
    return status;
}

static size_t write_float(char *out, const weir_map_type *type, const void *value)
{
    if (type->size == sizeof(float)) {
        float narrow;
        memcpy(&narrow, value, sizeof narrow);
        return weir_text_write_float(out, narrow);
    }
    double wide;
    memcpy(&wide, value, sizeof wide);
    return weir_text_write_double(out, wide);
}

/* The text form or bytes of a field at the top. */
static weir_status top_bytes(weir_error *err, const struct weir_map_path *path, const weir_map_field *field,
                             const char *owner, const char *value, struct bytes *ret)
{
    const weir_map_type *type = &field->type;
    weir_status status;
    ret->at = ret->text;
    switch (type->kind) {
    case WEIR_MAP_INT:
        ret->len = weir_text_write_int(ret->text, weir_map_load_int(value, type->size));
        return WEIR_OK;
    case WEIR_MAP_UINT:
        ret->len = weir_text_write_uint(ret->text, weir_map_load_uint(value, type->size));
        return WEIR_OK;
    case WEIR_MAP_BOOL:
        ret->at = *value ? "true" : "false";
        ret->len = strlen(ret->at);
        return WEIR_OK;
    case WEIR_MAP_FLOAT:
        ret->len = write_float(ret->text, type, value);
        return WEIR_OK;
    case WEIR_MAP_BINARY:
    case WEIR_MAP_BYTES:
        return binary(err, path, field, owner, value, ret);
    default: /* STRING, CHARS, ENUM */
        status = string_like(err, path, type, value, ret);
        return status == WEIR_OK ? check_max(err, path, field, ret->len, "bytes") : status;
    }
}

static weir_status encode_field(const weir_map_field *field, const char *owner, weir_field_sink *sink, weir_error *err)
{
    struct weir_map_path path = {NULL, field->name, 0};
    const char *value = present_value(field, owner);
    if (!value)
        return WEIR_OK;
    if (field->type.kind == WEIR_MAP_CUSTOM)
        return add_custom(sink, field, owner, &path, err);
    if (field->type.kind == WEIR_MAP_STRUCT || field->type.kind == WEIR_MAP_ARRAY || field->type.kind == WEIR_MAP_LIST)
        return add_packed(sink, field, owner, value, &path, err);
    struct bytes bytes = {.len = 0};
    weir_status status = top_bytes(err, &path, field, owner, value, &bytes);
    return status == WEIR_OK ? add(sink, field, bytes.at, bytes.len, &path, err) : status;
}

weir_status weir_map_encode(const weir_map_struct *map, const void *value, weir_field_sink *sink, weir_error *err)
{
    if (!map || !value || !sink)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", !map ? "map" : !value ? "value" : "sink");
    struct weir_sink_mark before = weir_sink_mark(sink);
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < map->n && status == WEIR_OK; i++)
        status = encode_field(&map->fields[i], value, sink, err);
    if (status != WEIR_OK)
        weir_sink_rewind(sink, before);
    return status;
}
