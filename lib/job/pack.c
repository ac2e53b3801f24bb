/* SPDX-License-Identifier: MIT
 *
 * The msgpack form of a delayed job. Redis' own cmsgpack reads it in promote.lua, and so may any other language: see
 * docs/wire-format.md. The old "raw" string family alone is written (str, never bin), since cmsgpack and every msgpack
 * library read it as bytes.
 */
#include "job/pack.h"

#include "job/names.h"

#include <msgpack.h>
#include <string.h>

static int write_bytes(void *data, const char *bytes, size_t len)
{
    struct weir_buffer *out = data;
    weir_buffer_append(out, bytes, len);
    return out->failed ? -1 : 0;
}

static void pack_bytes(msgpack_packer *packer, const char *bytes, size_t len)
{
    msgpack_pack_str(packer, len);
    if (len)
        msgpack_pack_str_body(packer, bytes, len);
}

void weir_pack_job(struct weir_buffer *out, const struct weir_packed_job *job)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, write_bytes);
    msgpack_pack_array(&packer, 3 + 2 * (job->fields.n + (job->id ? 1 : 0) + (job->traceparent ? 1 : 0)));
    msgpack_pack_uint32(&packer, job->attempts);
    msgpack_pack_int64(&packer, job->first_enqueued_ms);
    pack_bytes(&packer, job->group, job->group_len);
    if (job->id) {
        pack_bytes(&packer, WEIR_NAME_ID, sizeof WEIR_NAME_ID - 1);
        pack_bytes(&packer, job->id, strlen(job->id));
    }
    if (job->traceparent) {
        pack_bytes(&packer, WEIR_NAME_TRACEPARENT, sizeof WEIR_NAME_TRACEPARENT - 1);
        pack_bytes(&packer, job->traceparent, strlen(job->traceparent));
    }
    for (size_t i = 0; i < job->fields.n; i++) {
        pack_bytes(&packer, job->fields.items[i].name, job->fields.items[i].name_len);
        pack_bytes(&packer, job->fields.items[i].value, job->fields.items[i].value_len);
    }
}

/* The bytes of a str or bin object; false for anything else. */
static bool as_bytes(const msgpack_object *object, const char **ret, size_t *ret_len)
{
    if (object->type == MSGPACK_OBJECT_STR) {
        *ret = object->via.str.ptr;
        *ret_len = object->via.str.size;
        return true;
    }
    if (object->type == MSGPACK_OBJECT_BIN) {
        *ret = object->via.bin.ptr;
        *ret_len = object->via.bin.size;
        return true;
    }
    return false;
}

static bool read_array(const msgpack_object_array *array, struct weir_arena *arena, struct weir_packed_job *job)
{
    if (array->size < 3 || array->size % 2 == 0)
        return false;
    const msgpack_object *attempts = &array->ptr[0], *enqueued = &array->ptr[1];
    if (attempts->type != MSGPACK_OBJECT_POSITIVE_INTEGER || attempts->via.u64 > UINT32_MAX - 1)
        return false;
    if (enqueued->type != MSGPACK_OBJECT_POSITIVE_INTEGER || enqueued->via.u64 > INT64_MAX)
        return false;
    job->attempts = (uint32_t)attempts->via.u64;
    job->first_enqueued_ms = (int64_t)enqueued->via.u64;
    if (!as_bytes(&array->ptr[2], &job->group, &job->group_len))
        return false;

    size_t n = (array->size - 3) / 2;
    weir_field *fields = weir_arena_alloc(arena, n * sizeof *fields);
    if (!fields)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!as_bytes(&array->ptr[3 + 2 * i], &fields[i].name, &fields[i].name_len) ||
            !as_bytes(&array->ptr[4 + 2 * i], &fields[i].value, &fields[i].value_len))
            return false;
    job->fields = (weir_fields){fields, n};
    return true;
}

bool weir_unpack_job(const char *bytes, size_t len, struct weir_arena *arena, struct weir_packed_job *ret)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t end = 0;
    struct weir_packed_job job = {0};
    bool ok = msgpack_unpack_next(&unpacked, bytes, len, &end) == MSGPACK_UNPACK_SUCCESS && end == len &&
              unpacked.data.type == MSGPACK_OBJECT_ARRAY && read_array(&unpacked.data.via.array, arena, &job);
    msgpack_unpacked_destroy(&unpacked);
    if (ok)
        *ret = job;
    return ok;
}
