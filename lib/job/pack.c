/* SPDX-License-Identifier: MIT
 *
 * The msgpack form of a delayed job. Redis' own cmsgpack reads it in promote.lua, and so may any other language: see
 * docs/wire-format.md. The old "raw" string family alone is written (str, never bin), since cmsgpack and every msgpack
 * library read it as bytes.
 */
#include "job/pack.h"

#include "job/names.h"
#include "job/unpack.h"

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

/* The bytes of the next value; false where it is neither str nor bin. */
static bool read_bytes(struct weir_unpacker *in, const char **ret, size_t *ret_len)
{
    struct weir_packed value;
    if (!weir_unpack(in, &value) || (value.kind != WEIR_PACKED_STR && value.kind != WEIR_PACKED_BIN))
        return false;
    *ret = value.bytes;
    *ret_len = value.n;
    return true;
}

static bool read_number(struct weir_unpacker *in, uint64_t most, uint64_t *ret)
{
    struct weir_packed value;
    if (!weir_unpack(in, &value) || value.kind != WEIR_PACKED_UINT || value.as.u > most)
        return false;
    *ret = value.as.u;
    return true;
}

bool weir_unpack_job(const char *bytes, size_t len, struct weir_arena *arena, struct weir_packed_job *ret)
{
    const unsigned char *at = (const unsigned char *)bytes;
    struct weir_unpacker in = {.at = at, .end = at + len};
    struct weir_packed array;
    if (!weir_unpack(&in, &array) || array.kind != WEIR_PACKED_ARRAY || array.n < 3 || array.n % 2 == 0)
        return false;

    struct weir_packed_job job = {0};
    uint64_t attempts, enqueued_ms;
    if (!read_number(&in, UINT32_MAX - 1, &attempts) || !read_number(&in, INT64_MAX, &enqueued_ms) ||
        !read_bytes(&in, &job.group, &job.group_len))
        return false;
    job.attempts = (uint32_t)attempts;
    job.first_enqueued_ms = (int64_t)enqueued_ms;

    size_t n = (array.n - 3) / 2;
    weir_field *fields = weir_arena_alloc(arena, n * sizeof *fields);
    if (!fields)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!read_bytes(&in, &fields[i].name, &fields[i].name_len) ||
            !read_bytes(&in, &fields[i].value, &fields[i].value_len))
            return false;
    if (in.at != in.end)
        return false;
    job.fields = (weir_fields){fields, n};
    *ret = job;
    return true;
}
