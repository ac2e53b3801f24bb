/* SPDX-License-Identifier: MIT
 *
 * Options: structs of any values and texts of any bytes, through the public calls, on an in-process broker. What is
 * accepted must work: a queue is asked, started and stopped, a job enqueued and its id handed out.
 *
 * The input: a byte of flags, then numbers of eight bytes for as long as there are any, each after a byte that says
 * which option it is; what has no number keeps its default. The texts are made of what the flags leave.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

enum flag { FLAG_START = 1, FLAG_CODEC = 2, FLAG_SIZE = 4, FLAG_NO_HANDLER = 8 };

struct input {
    const uint8_t *data;
    size_t left;
};

static void insist(bool good, const char *what, const weir_error *err)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s\n", what, err ? err->message : "");
    abort();
}

static unsigned next(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

static uint64_t number(struct input *input)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | next(input);
    return value;
}

/* A text of the input, of memory of its own; now and then NULL, or far too long. */
static char *text(struct input *input)
{
    size_t len = next(input);
    if (len == 255)
        return NULL;
    size_t total = len == 254 ? 600 : len;
    if (len > input->left)
        len = total = input->left;
    char *copy = malloc(total + 1);
    for (size_t i = 0; i < total; i++)
        copy[i] = (char)(len == total ? input->data[i] : 'x');
    copy[total] = '\0';
    if (len == total) {
        input->data += len;
        input->left -= len;
    }
    return copy;
}

static weir_outcome handle(weir_job *job, void *user_data)
{
    (void)user_data;
    insist(weir_job_id(job)[0] != '\0' && weir_job_attempt(job) >= 1, "a job without an id", NULL);
    return WEIR_DONE;
}

static weir_status decode(const weir_fields *fields, void *value, weir_error *err)
{
    (void)fields, (void)err;
    *(char *)value = 1;
    return WEIR_OK;
}

static void refused(weir_status status, const weir_error *err)
{
    insist(status == WEIR_ERR_ARGUMENT && err->code == status && err->message[0] != '\0', "refused without words", err);
}

/* One option of a queue; `which` beyond them changes nothing. */
static void set(weir_queue_options *o, unsigned which, uint64_t value)
{
    double real;
    memcpy(&real, &value, sizeof real);
    switch (which % 32) {
    case 0:
        o->concurrency = (uint32_t)(value % 64);
        break;
    case 1:
        o->max_attempts = (uint32_t)value;
        break;
    case 2:
        o->max_deliveries = (uint32_t)value;
        break;
    case 3:
        o->max_run_ms = (int64_t)value;
        break;
    case 4:
        o->min_idle_ms = (int64_t)value;
        break;
    case 5:
        o->backoff = (weir_backoff_kind)value;
        break;
    case 6:
        o->backoff_base_ms = (int64_t)value;
        break;
    case 7:
        o->backoff_cap_ms = (int64_t)value;
        break;
    case 8:
        o->backoff_factor = real;
        break;
    case 9:
        o->backoff_jitter = real;
        break;
    case 10:
        o->prefetch_ms = (int64_t)value;
        break;
    case 11:
        o->fetch_max_jobs = (uint32_t)value;
        break;
    case 12:
        o->fetch_max_bytes = (size_t)value;
        break;
    case 13:
        o->block_ms = (int64_t)value;
        break;
    case 14:
        o->claim_interval_ms = (int64_t)value;
        break;
    case 15:
        o->promote_interval_ms = (int64_t)value;
        break;
    case 16:
        o->trim_interval_ms = (int64_t)value;
        break;
    case 17:
        o->reap_idle_ms = (int64_t)value;
        break;
    case 18:
        o->retention = (weir_retention)value;
        break;
    case 19:
        o->retention_count = value;
        break;
    case 20:
        o->dead_mode = (weir_dead_mode)value;
        break;
    case 21:
        o->connection.connect_timeout_ms = (int64_t)value;
        break;
    case 22:
        o->connection.command_timeout_ms = (int64_t)value;
        break;
    case 23:
        o->connection.keepalive_s = (int64_t)value;
        break;
    case 24:
        o->concurrency = (uint32_t)value;
        break;
    default:
        break;
    }
}

static void work(weir_queue *queue, weir_producer *producer, struct input *input, bool start)
{
    weir_error err = {.code = WEIR_OK};
    weir_stats stats = WEIR_STATS_INIT;
    insist(weir_queue_stats(queue, &stats) == WEIR_OK, "no numbers", NULL);
    insist(weir_queue_consumer(queue)[0] != '\0', "no consumer", NULL);

    char *id = text(input), *name = text(input), *value = text(input);
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.delay_ms = next(input) % 2 ? (int64_t)number(input) : 0;
    options.run_at_ms = next(input) % 2 ? (int64_t)number(input) : 0;
    weir_field field = {name, name ? strlen(name) : 0, value, value ? strlen(value) : next(input)};
    weir_fields fields = {&field, next(input) % 4 ? 1 : 0};
    weir_id ret = {"untouched"};
    weir_status status = weir_enqueue(producer, &fields, &options, &ret, &err);
    if (status == WEIR_OK) {
        insist(ret.text[0] != '\0' && (!id || strcmp(ret.text, id) == 0), "accepted under another id", &err);
    } else {
        insist(strcmp(ret.text, "untouched") == 0, "refused, and the id written", &err);
        if (status != WEIR_ERR_EXISTS)
            refused(status, &err);
    }
    if (start) {
        insist(weir_queue_start(queue, &err) == WEIR_OK, "can't be started", &err);
        insist(weir_queue_stop(queue, 5000) == WEIR_OK, "can't be stopped", NULL);
    }
    free(id);
    free(name);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const weir_codec codec = {.size = sizeof codec, .name = "byte", .struct_size = 1, .decode = decode};
    struct input input = {data, size};
    unsigned flags = next(&input);
    char *texts[4];
    for (int i = 0; i < 4; i++)
        texts[i] = text(&input);

    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = "memory:fuzz";
    options.stream = texts[0];
    options.group = texts[1];
    options.consumer = texts[2];
    options.handler = flags & FLAG_NO_HANDLER ? NULL : handle;
    options.codec = flags & FLAG_CODEC ? &codec : NULL;
    options.connection.client_name = flags & FLAG_CODEC ? texts[3] : NULL;
    if (flags & FLAG_CODEC && next(&input) % 2)
        options.start_id = texts[3];
    for (unsigned n = next(&input) % 8; n > 0; n--) {
        unsigned which = next(&input);
        set(&options, which, which & 32 ? number(&input) : next(&input));
    }
    if (flags & FLAG_SIZE)
        options.size = number(&input);

    weir_producer_options producing = WEIR_PRODUCER_OPTIONS_INIT;
    producing.url = options.url;
    producing.stream = options.stream;
    producing.connection = options.connection;
    weir_error err = {.code = WEIR_OK};
    weir_queue *queue = NULL;
    weir_producer *producer = NULL;
    weir_status status = weir_queue_open(&queue, &options, &err);
    if (status != WEIR_OK) {
        insist(!queue, "refused, and written", &err);
        refused(status, &err);
    }
    status = weir_producer_open(&producer, &producing, &err);
    if (status != WEIR_OK) {
        insist(!producer, "refused, and written", &err);
        refused(status, &err);
    }
    if (queue && producer)
        work(queue, producer, &input, flags & FLAG_START);
    weir_producer_close(producer);
    weir_queue_close(queue);
    for (int i = 0; i < 4; i++)
        free(texts[i]);
    return 0;
}
