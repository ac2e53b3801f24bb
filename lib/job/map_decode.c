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
#include "job/map.h"
#include "job/text.h"
#include "job/unpack.h"

#include "base/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
    bool measuring;
    char *block;
    size_t used;
    weir_error *err;
};

/* The alignment that any type of this size can have. */
static size_t alignment_of(size_t size)
{
    size_t alignment = size & (~size + 1);
    return alignment > 16 ? 16 : alignment;
}

/* Takes memory from the block; *ret is NULL while measuring. False where it would be too much. */
static weir_status take(struct decoder *d, size_t size, size_t n, const struct weir_map_path *path, void **ret)
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

static weir_status not_a(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                         const char *what, const char *text, size_t len)
{
    char shown[WEIR_MAP_SHOWN_SIZE];
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "\"%s\" is not %s (%s)", weir_map_shown(text, len, shown),
                          what, type->name);
}

/* The message for a number that is too large, whatever form it came in. */
static weir_status out_of_range(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
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

static weir_status read_enum(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
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

static weir_status refuse_nul(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                              const char *text, size_t len)
{
    if (len == 0 || !memchr(text, '\0', len))
        return WEIR_OK;
    return weir_map_error(d->err, WEIR_ERR_DECODE, path,
                          "the value has a NUL byte in it, which a C string can't hold (%s)", type->name);
}

static weir_status read_chars(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                              const char *text, size_t len, char *out)
{
    weir_status status = refuse_nul(d, path, type, text, len);
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

static weir_status check_max(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field, size_t n,
                             const char *unit)
{
    if (field->max == 0 || n <= field->max)
        return WEIR_OK;
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu %s are too many; at most %zu are allowed", n, unit,
                          field->max);
}

/* How many bytes or elements there are: writes the count member, or compares with what is already there. */
static weir_status put_count(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field, size_t n,
                             char *owner)
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

static weir_status read_bytes(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              const weir_map_type *type, const char *bytes, size_t len, char *owner, char *out)
{
    bool counted = field && weir_map_is_counted(field);
    if (len > type->size)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu bytes are too long; %s has room for %zu", len,
                              type->name, type->size);
    if (!counted && len < type->size)
        return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%zu bytes are too few; %s has exactly %zu", len,
                              type->name, type->size);
    weir_status status = counted ? put_count(d, path, field, len, owner) : WEIR_OK;
    if (status == WEIR_OK && out && len > 0)
        memcpy(out, bytes, len);
    return status;
}

static weir_status read_binary(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const char *bytes, size_t len, char *owner)
{
    weir_status status = check_max(d, path, field, len, "bytes");
    if (status == WEIR_OK)
        status = put_count(d, path, field, len, owner);
    if (status == WEIR_OK && owner)
        weir_map_store_pointer(owner + field->offset, len > 0 || bytes ? bytes : "");
    return status;
}

/* The custom function's own words, with the field's name before them. */
static weir_status read_custom(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const char *value, size_t len, char *owner)
{
    if (!owner)
        return WEIR_OK;
    weir_error failure;
    weir_error_set(&failure, WEIR_ERR_DECODE, "its decode function refused the value");
    weir_status status = field->custom->decode(value ? value : "", len, owner, &failure);
    if (status == WEIR_OK)
        return WEIR_OK;
    return weir_map_error(d->err, status == WEIR_ERR_MEMORY ? WEIR_ERR_MEMORY : WEIR_ERR_DECODE, path, "%s",
                          failure.message);
}

/* A scalar from its text form. */
static weir_status read_text(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
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
    return result == WEIR_TEXT_RANGE ? out_of_range(d, path, type, text, len) : WEIR_OK;
}

/* --- msgpack --- */

static weir_status read_packed_struct(struct decoder *d, const struct weir_map_path *path, const weir_map_struct *map,
                                      struct weir_unpacker *in, char *out);

static weir_status unpack(struct decoder *d, const struct weir_map_path *path, struct weir_unpacker *in,
                          struct weir_packed *ret)
{
    if (weir_unpack(in, ret))
        return WEIR_OK;
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "the value is not msgpack, or is cut short");
}

static weir_status wrong_kind(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                              const struct weir_packed *value, const char *expected)
{
    return weir_map_error(d->err, WEIR_ERR_DECODE, path, "%s where %s is expected (%s)",
                          weir_packed_kind_text(value->kind), expected, type->name);
}

/* An integer of msgpack goes through the checks of its text form. */
static weir_status read_packed_number(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                      const struct weir_packed *value, void *out)
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
        return out_of_range(d, path, type, text, len);
    }
    if (out)
        weir_map_store_uint(out, type->size, negative ? (uint64_t)value->as.i : value->as.u);
    return WEIR_OK;
}

static weir_status read_packed_float(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                                     const struct weir_packed *value, void *out)
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
        return out_of_range(d, path, type, text, weir_text_write_double(text, wide));
    }
    if (out && type->size == sizeof narrow)
        memcpy(out, &narrow, sizeof narrow);
    else if (out)
        memcpy(out, &wide, sizeof wide);
    return WEIR_OK;
}

static weir_status read_packed_bool(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
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

/* A string within msgpack has no NUL after it: it is copied into the block. */
static weir_status copy_string(struct decoder *d, const struct weir_map_path *path, const weir_map_type *type,
                               const char *text, size_t len, void *out)
{
    void *copy;
    weir_status status = refuse_nul(d, path, type, text, len);
    if (status == WEIR_OK)
        status = take(d, 1, len + 1, path, &copy);
    if (status == WEIR_OK && copy) {
        memcpy(copy, text, len);
        ((char *)copy)[len] = '\0';
        weir_map_store_pointer(out, copy);
    }
    return status;
}

static weir_status read_packed(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               const weir_map_type *type, struct weir_unpacker *in, char *owner, void *out);

static weir_status read_elements(struct decoder *d, const struct weir_map_path *path, const weir_map_type *element,
                                 size_t n, struct weir_unpacker *in, char *out)
{
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        struct weir_map_path here = {path, NULL, i};
        status = read_packed(d, &here, NULL, element, in, NULL, out ? out + i * element->size : NULL);
    }
    return status;
}

/* A fixed or a counted array; field is NULL for an array that is an element itself. */
static weir_status read_array(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
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
    status = field ? check_max(d, path, field, head.n, "elements") : WEIR_OK;
    if (status == WEIR_OK && counted)
        status = put_count(d, path, field, head.n, owner);
    if (status == WEIR_OK && type->kind == WEIR_MAP_LIST && head.n > 0) {
        void *elements;
        status = take(d, type->element->size, head.n, path, &elements);
        if (elements)
            weir_map_store_pointer(out, elements);
        out = elements;
    }
    return status == WEIR_OK ? read_elements(d, path, type->element, head.n, in, out) : status;
}

/* One value of msgpack. owner and out are NULL while measuring. */
static weir_status read_packed(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
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
        status = field ? check_max(d, path, field, value.n, "bytes") : WEIR_OK;
        return status == WEIR_OK ? copy_string(d, path, type, value.bytes, value.n, out) : status;
    case WEIR_MAP_BYTES:
        return read_bytes(d, path, field, type, value.bytes, value.n, owner, out);
    case WEIR_MAP_BINARY:
        return read_binary(d, path, field, value.bytes, value.n, owner);
    case WEIR_MAP_CUSTOM:
        return read_custom(d, path, field, value.bytes, value.n, owner);
    default: /* ENUM, CHARS */
        return read_text(d, path, type, value.bytes, value.n, out);
    }
}

/* --- fields --- */

/* Where a field's value goes; a POINTER's is allocated. NULL while measuring. */
static weir_status place(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field, char *owner,
                         void **ret)
{
    *ret = owner ? owner + field->offset : NULL;
    if (!(field->flags & WEIR_MAP_POINTER))
        return WEIR_OK;
    void *value;
    weir_status status = take(d, field->type.size, 1, path, &value);
    if (status == WEIR_OK && owner)
        weir_map_store_pointer(owner + field->offset, value);
    *ret = value;
    return status;
}

/* A field that isn't there. `nested`: within msgpack, where strings are copies. */
static weir_status read_absent(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                               char *owner, bool nested)
{
    if (!field->default_text) {
        if (!(field->flags & WEIR_MAP_OPTIONAL))
            return weir_map_error(d->err, WEIR_ERR_DECODE, path, "is missing");
        return weir_map_is_counted(field) && (field->flags & WEIR_MAP_SHARED_COUNT)
                   ? put_count(d, path, field, 0, owner)
                   : WEIR_OK;
    }
    void *out = owner ? owner + field->offset : NULL;
    if (field->type.kind != WEIR_MAP_STRING)
        return read_text(d, path, &field->type, field->default_text, field->default_len, out);
    if (nested)
        return copy_string(d, path, &field->type, field->default_text, field->default_len, out);
    if (out)
        weir_map_store_pointer(out, field->default_text);
    return WEIR_OK;
}

/* A field at the top: the text form, bytes, or msgpack. */
static weir_status read_field(struct decoder *d, const struct weir_map_path *path, const weir_map_field *field,
                              const weir_field *wire, char *owner)
{
    const weir_map_type *type = &field->type;
    const char *text = wire->value ? wire->value : "";
    size_t len = wire->value_len;
    void *out;
    weir_status status = place(d, path, field, owner, &out);
    if (status != WEIR_OK)
        return status;
    switch (type->kind) {
    case WEIR_MAP_STRING:
        status = check_max(d, path, field, len, "bytes");
        if (status == WEIR_OK)
            status = refuse_nul(d, path, type, text, len);
        if (status == WEIR_OK && out)
            weir_map_store_pointer(out, text);
        return status;
    case WEIR_MAP_BINARY:
        return read_binary(d, path, field, text, len, owner);
    case WEIR_MAP_BYTES:
        return read_bytes(d, path, field, type, text, len, owner, out);
    case WEIR_MAP_CUSTOM:
        return read_custom(d, path, field, text, len, owner);
    case WEIR_MAP_STRUCT:
    case WEIR_MAP_ARRAY:
    case WEIR_MAP_LIST: {
        struct weir_unpacker in = {(const unsigned char *)text, (const unsigned char *)text + len};
        status = read_packed(d, path, field, type, &in, owner, out);
        if (status == WEIR_OK && in.at != in.end)
            status = weir_map_error(d->err, WEIR_ERR_DECODE, path, "something follows the msgpack value");
        return status;
    }
    default:
        return read_text(d, path, type, text, len, out);
    }
}

/* The index of the field of this name; map->n where there is none. `guess` is looked at first. */
static size_t find_field(const weir_map_struct *map, const char *name, size_t len, size_t guess)
{
    for (size_t i = 0; i < map->n; i++) {
        size_t at = guess + i < map->n ? guess + i : guess + i - map->n;
        if (map->fields[at].name_len == len && memcmp(map->fields[at].name, name, len) == 0)
            return at;
    }
    return map->n;
}

/* A nested struct: a map by names. Keys that aren't strings are unknown fields, too. The last of a name counts. */
static weir_status read_packed_struct(struct decoder *d, const struct weir_map_path *path, const weir_map_struct *map,
                                      struct weir_unpacker *in, char *out)
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
            at = find_field(map, key.bytes, key.n, guess);
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
            status = read_absent(d, &here, field, out, true);
            continue;
        }
        struct weir_unpacker value = {found[i], in->at};
        void *at;
        status = place(d, &here, field, out, &at);
        if (status == WEIR_OK)
            status = read_packed(d, &here, field, &field->type, &value, out, at);
    }
    return status;
}

/* Which field of the job is which of the struct's. */
static void match(const weir_map_struct *map, const weir_fields *fields, const weir_field **found)
{
    size_t guess = 0;
    memset(found, 0, map->n * sizeof(const weir_field *));
    for (size_t i = 0; i < fields->n; i++) {
        size_t at = find_field(map, fields->items[i].name, fields->items[i].name_len, guess);
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

/* One pass: measuring where owner is NULL, and only what may need memory. */
static weir_status pass(struct decoder *d, const weir_map_struct *map, const weir_field **found, char *owner)
{
    weir_status status = WEIR_OK;
    d->measuring = owner == NULL;
    d->used = 0;
    for (size_t i = 0; i < map->n && status == WEIR_OK; i++) {
        const weir_map_field *field = &map->fields[i];
        struct weir_map_path path = {NULL, field->name, 0};
        if (d->measuring && !needs_measuring(field))
            continue;
        status = found[i] ? read_field(d, &path, field, found[i], owner) : read_absent(d, &path, field, owner, false);
    }
    return status;
}

weir_status weir_map_decode(const weir_map_struct *map, const weir_fields *fields, void *value, weir_error *err)
{
    const weir_field *found[WEIR_MAP_MAX_FIELDS];
    if (!map || !fields || !value || map->n > WEIR_MAP_MAX_FIELDS)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL", !map ? "map" : !fields ? "fields" : "value");
    struct decoder d = {.err = err};
    memset(value, 0, map->size);
    match(map, fields, found);
    weir_status status = map->clears ? pass(&d, map, found, NULL) : WEIR_OK;
    if (status != WEIR_OK)
        return status;
    if (d.used > 0) {
        d.block = calloc(1, d.used);
        if (!d.block)
            return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the payload \"%s\"", map->name);
    }
    status = pass(&d, map, found, value);
    if (status != WEIR_OK) {
        weir_map_release(map, value, d.block);
        memset(value, 0, map->size);
    }
    return status;
}
