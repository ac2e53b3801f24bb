/* SPDX-License-Identifier: MIT
 *
 * What another writer left in Redis, as this library reads it: the entry of a stream as a job and as a dead letter, the
 * value of a delayed job, ids and numbers. What is read can be packed, and unpacks to the same.
 *
 * The input: rows of a byte that picks the name, or asks for one of the input, two bytes of length, and the value. The
 * first value is also taken for a delayed job's, and for an id.
 */
#include "fuzz.h"

#include "base/number.h"
#include "broker/keys.h"
#include "broker/letter.h"
#include "job/job.h"
#include "job/names.h"
#include "job/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 40 };

static const char *const names[] = {
    WEIR_NAME_ID,
    WEIR_NAME_GROUP,
    WEIR_NAME_ATTEMPTS,
    WEIR_NAME_FIRST_ENQUEUED,
    WEIR_NAME_REASON,
    WEIR_NAME_ERROR,
    WEIR_NAME_DELIVERIES,
    WEIR_NAME_SOURCE_ID,
    "weir.",
    "weir.unknown",
    "to",
    "",
};

static volatile unsigned char sink;

static void insist(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void touch(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sink = (unsigned char)(sink + (unsigned char)bytes[i]);
}

static bool same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool same(const weir_fields *left, const weir_fields *right)
{
    bool alike = left->n == right->n;
    for (size_t i = 0; alike && i < left->n; i++) {
        const weir_field *a = &left->items[i], *b = &right->items[i];
        alike = same_bytes(a->name, a->name_len, b->name, b->name_len) &&
                same_bytes(a->value, a->value_len, b->value, b->value_len);
    }
    return alike;
}

/* Rows of the input as raw fields, in the arena as a reply's would be. */
static size_t read_rows(struct weir_arena *arena, const uint8_t *data, size_t size, weir_field *rows)
{
    size_t n = 0;
    while (size >= 3 && n < MOST_FIELDS) {
        size_t which = data[0], len = (size_t)(data[1] & 7) << 8 | data[2];
        data += 3;
        size -= 3;
        len = len < size ? len : size;
        const char *value = weir_arena_copy(arena, (const char *)data, len);
        const char *name = which < sizeof names / sizeof *names ? names[which] : value;
        rows[n++] = (weir_field){name, name == value ? len : strlen(name), value, len};
        data += len;
        size -= len;
    }
    return n;
}

static void pack_again(const struct weir_packed_job *job)
{
    struct weir_buffer bytes = {0};
    struct weir_arena arena;
    struct weir_packed_job back;
    weir_arena_init(&arena, 0);
    weir_pack_job(&bytes, job);
    insist(!bytes.failed && weir_unpack_job(bytes.bytes, bytes.len, &arena, &back),
           "what was packed can't be unpacked");
    insist(back.attempts == job->attempts && back.first_enqueued_ms == job->first_enqueued_ms &&
               same_bytes(back.group, back.group_len, job->group, job->group_len) && same(&back.fields, &job->fields),
           "packed, and unpacked to something else");
    weir_buffer_free(&bytes);
    weir_arena_free(&arena);
}

static void as_job(const uint8_t *data, size_t size)
{
    struct weir_batch *batch = weir_batch_new(0);
    weir_field *rows = weir_arena_alloc(&batch->arena, MOST_FIELDS * sizeof *rows);
    size_t n = read_rows(&batch->arena, data, size, rows);
    insist(weir_batch_reserve(batch, 1), "no memory");
    const struct weir_job *job = weir_batch_add(batch, (struct weir_entry_id){1, 2}, rows, n, 1);
    insist(job->fields.n <= n && job->attempts < UINT32_MAX && job->enqueued_ms >= 0, "a job that can't be");
    insist(strlen(weir_job_id(job)) < WEIR_ID_SIZE, "an id is too long");
    for (size_t i = 0; i < job->fields.n; i++)
        touch(job->fields.items[i].value, job->fields.items[i].value_len + 1);
    struct weir_packed_job packed = {.attempts = job->attempts,
                                     .first_enqueued_ms = job->enqueued_ms,
                                     .group = job->group ? job->group : "",
                                     .group_len = job->group_len,
                                     .fields = job->fields};
    pack_again(&packed);
    weir_batch_free(batch);
}

static void as_letter(const uint8_t *data, size_t size)
{
    struct weir_arena arena;
    weir_arena_init(&arena, 0);
    weir_field *rows = weir_arena_alloc(&arena, MOST_FIELDS * sizeof *rows);
    size_t n = read_rows(&arena, data, size, rows);
    weir_dead_letter letter;
    insist(weir_letter_read(&arena, (struct weir_entry_id){1, 2}, rows, n, &letter), "no memory");
    const char *texts[] = {letter.id, letter.job_id, letter.entry_id, letter.group, letter.reason_text, letter.error};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        touch(texts[i], strlen(texts[i]) + 1);
    insist(letter.fields.n <= n && (unsigned)letter.reason <= WEIR_DEAD_OTHER, "a letter that can't be");
    weir_arena_free(&arena);
}

static void as_delayed_job(const char *value, size_t len)
{
    struct weir_arena arena;
    struct weir_packed_job job;
    weir_arena_init(&arena, 0);
    if (weir_unpack_job(value, len, &arena, &job))
        pack_again(&job);
    weir_arena_free(&arena);
}

static void as_id(const char *text, size_t len)
{
    struct weir_entry_id id, back;
    char out[WEIR_ENTRY_ID_SIZE];
    if (weir_entry_id_parse(text, len, &id)) {
        insist(weir_entry_id_parse(out, weir_entry_id_format(id, out), &back) && weir_entry_id_compare(id, back) == 0,
               "an id that reads back as another");
        insist(weir_entry_id_compare(weir_entry_id_next(id), id) >= 0, "the next id is before");
    }
    int64_t number;
    weir_parse_i64(text, len, &number);
}

static void as_name(const char *bytes, size_t len)
{
    char *name = malloc(len + 1);
    memcpy(name, bytes, len);
    name[len] = '\0';
    struct weir_keys keys;
    if (name[0] != '\0') {
        insist(weir_keys_make(name, &keys), "no memory");
        touch(keys.dead.bytes, keys.dead.len);
        weir_keys_clear(&keys);
    }
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_job(data, size);
    as_letter(data, size);
    if (size > 3) {
        char *value = malloc(size - 3); /* of its own, so that reading beyond it is seen */
        memcpy(value, data + 3, size - 3);
        as_delayed_job(value, size - 3);
        as_id(value, size - 3);
        as_name(value, size - 3);
        free(value);
    }
    return 0;
}
