/* SPDX-License-Identifier: MIT
 *
 * What a hostile or broken server answers: each operation of the Redis broker, over the library's own connection and
 * hiredis' own reader.
 *
 * The input: a byte of flags, a byte that says how many operations, a byte for each of them, and what the server says.
 * That is taken as it is, or, by a flag, as a recipe for well-formed replies of any shape, since most broken servers
 * still speak the protocol.
 */
#include "fuzz.h"

#include "broker/admin.h"
#include "broker/broker.h"
#include "recipe.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPS_MAX = 16, REPLY_LIMIT = 256 * 1024, ENTRIES = 5, VERDICTS = 6 };

enum flag {
    FLAG_BARE = 1,   /* also the introduction is answered by the input */
    FLAG_RECIPE = 2, /* the rest is a recipe */
    FLAG_RETENTION = 12,
    FLAG_CHUNK = 48,  /* receive by 1, 7, 64 or all bytes */
    FLAG_AFRESH = 64, /* connect again before each operation */
    FLAG_LARGE = 128, /* a job too large for a script is among those to settle */
};

struct client {
    struct weir_session *session;
    struct weir_batch *batch;
    struct weir_entry_id at; /* of sweeps */
    bool large;
};

static volatile unsigned char sink;

static void insist(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* Reads each byte that is handed out, so that a sanitizer sees what should not be. */
static void touch(const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sink = (unsigned char)(sink + ((const unsigned char *)bytes)[i]);
}

static void touch_fields(const weir_fields *fields)
{
    for (size_t i = 0; i < fields->n; i++) {
        touch(fields->items[i].name, fields->items[i].name_len);
        touch(fields->items[i].value, fields->items[i].value_len + 1);
        insist(fields->items[i].value[fields->items[i].value_len] == '\0', "a value is not terminated");
    }
}

/* What every operation promises, whatever came. */
static void check(const struct client *client, weir_status status, const weir_error *err)
{
    if (status == WEIR_OK)
        return;
    insist(strcmp(weir_status_name(status), "unknown status") != 0, "no status");
    if (err->code != status || err->message[0] == '\0')
        fprintf(stderr, "%s, but %s: %s\n", weir_status_name(status), weir_status_name(err->code), err->message);
    insist(err->code == status && err->message[0] != '\0', "a failure without words");
    bool gone = status == WEIR_ERR_CONNECTION || status == WEIR_ERR_IN_DOUBT || status == WEIR_ERR_PROTOCOL;
    insist(!gone || !client->session->ops->connected(client->session), "the connection is kept after a failure");
}

static void check_batch(const struct weir_batch *batch, weir_status status)
{
    insist(status == WEIR_OK || batch->n == 0, "a batch that came with an error is not empty");
    insist(batch->n <= batch->capacity || batch->n == 0, "more jobs than room");
    for (size_t i = 0; i < batch->n; i++) {
        const struct weir_job *job = &batch->jobs[i];
        touch_fields(&job->fields);
        touch(weir_job_id(job), strlen(weir_job_id(job)) + 1);
        insist(strlen(weir_job_id(job)) < WEIR_ID_SIZE, "an id is too long");
        insist(i == 0 || weir_entry_id_compare(batch->jobs[i - 1].entry, job->entry) < 0, "jobs out of order");
    }
}

static int visit(const weir_dead_letter *letter, void *user_data)
{
    const char *texts[] = {letter->id,    letter->job_id,      letter->entry_id,
                           letter->group, letter->reason_text, letter->error};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        touch(texts[i], strlen(texts[i]) + 1);
    touch_fields(&letter->fields);
    return --*(int *)user_data <= 0;
}

static bool every_second(void *context, struct weir_entry_id entry)
{
    (void)context;
    return entry.seq % 2 == 1;
}

/* --- operations --- */

static weir_status read_once(struct client *client, weir_error *err)
{
    const struct weir_broker_ops *ops = client->session->ops;
    weir_status status = ops->read_submit(client->session, 10, 100, err);
    if (status == WEIR_OK)
        status = ops->read_collect(client->session, client->batch, err);
    return status;
}

static weir_status read_twice(struct client *client, weir_error *err)
{
    const struct weir_broker_ops *ops = client->session->ops;
    weir_status status = ops->read_submit(client->session, 10, 0, err);
    if (status == WEIR_OK)
        status = ops->read_submit(client->session, 10, 0, err);
    for (int i = 0; i < 2 && status == WEIR_OK; i++) {
        weir_batch_reset(client->batch, REPLY_LIMIT);
        status = ops->read_collect(client->session, client->batch, err);
        check_batch(client->batch, status);
    }
    if (status != WEIR_OK)
        ops->disconnect(client->session); /* with what is outstanding */
    return status;
}

static weir_status settle(struct client *client, weir_error *err)
{
    enum { LARGE = 4000 };
    static weir_field fields[LARGE];
    if (!fields[0].name)
        for (size_t i = 0; i < LARGE; i++)
            fields[i] = weir_field_text("name", "value");
    struct weir_batch *batch = client->batch;
    if (!weir_batch_reserve(batch, 2 * VERDICTS))
        return WEIR_OK;
    for (unsigned i = 0; i < 2 * VERDICTS; i++) {
        weir_field *raw = weir_arena_alloc(&batch->arena, sizeof *raw);
        if (!raw)
            return WEIR_OK;
        *raw = fields[0];
        struct weir_job *job = weir_batch_add(batch, (struct weir_entry_id){1, i}, raw, 1, 1);
        job->verdict = WEIR_VERDICT_ACK + i % (WEIR_VERDICT_RELEASE - WEIR_VERDICT_ACK + 1);
        job->payload_lost = i == VERDICTS;
        job->next = job + 1;
        if (client->large && job->verdict == WEIR_VERDICT_BURY && i > VERDICTS)
            job->fields = (weir_fields){fields, LARGE};
    }
    batch->jobs[batch->n - 1].next = NULL;
    weir_status status = client->session->ops->settle(client->session, batch->jobs, err);
    for (size_t i = 0; i < batch->n; i++)
        insist(batch->jobs[i].settled <= WEIR_SETTLED_NOT_OWNED ||
                   (batch->jobs[i].settled == WEIR_SETTLED_GONE && batch->jobs[i].verdict == WEIR_VERDICT_RELEASE),
               "no such end");
    weir_batch_reset(batch, REPLY_LIMIT);
    return status;
}

static weir_status claim(struct client *client, weir_error *err)
{
    return client->session->ops->claim(client->session, &client->at, 1000, 10, client->batch, err);
}

static weir_status recover(struct client *client, weir_error *err)
{
    bool more;
    return client->session->ops->recover(client->session, &client->at, 10, client->at.seq % 2, INT64_MAX, every_second,
                                         NULL, client->batch, &more, err);
}

static weir_status renew(struct client *client, weir_error *err)
{
    struct weir_entry_id entries[ENTRIES];
    enum weir_lease leases[ENTRIES];
    for (unsigned i = 0; i < ENTRIES; i++)
        entries[i] = (struct weir_entry_id){1, i};
    weir_status status = client->session->ops->renew(client->session, entries, ENTRIES, leases, err);
    for (unsigned i = 0; status == WEIR_OK && i < ENTRIES; i++)
        insist(leases[i] <= WEIR_LEASE_ENTRY_GONE, "no such lease");
    return status;
}

static weir_status promote(struct client *client, weir_error *err)
{
    size_t moved = 0;
    int64_t next_ms = -1;
    weir_status status = client->session->ops->promote(client->session, 100, &moved, &next_ms, err);
    insist(status != WEIR_OK || (next_ms >= -1 && next_ms <= INT64_C(1) << 52), "a time that can't be");
    return status;
}

static weir_status trim(struct client *client, weir_error *err)
{
    size_t removed;
    return client->session->ops->trim(client->session, 10, 100, &removed, err);
}

static weir_status reap(struct client *client, weir_error *err)
{
    size_t deleted;
    return client->session->ops->reap(client->session, 1000, &deleted, err);
}

static weir_status leave(struct client *client, weir_error *err)
{
    return client->session->ops->leave(client->session, err);
}

static weir_status add(struct client *client, weir_error *err)
{
    weir_field field = weir_field_text("name", "value");
    weir_fields fields = {&field, 1};
    weir_enqueue_options named = WEIR_ENQUEUE_OPTIONS_INIT, delayed = WEIR_ENQUEUE_OPTIONS_INIT;
    weir_enqueue_options once = WEIR_ENQUEUE_OPTIONS_INIT;
    named.id = once.id = "my own";
    delayed.delay_ms = 1000;
    once.idempotency_ms = 60000;
    struct weir_broker_add jobs[] = {
        {.fields = &fields},
        {.fields = &fields, .options = &delayed},
        {.fields = &fields, .options = &named},
        {.fields = &fields, .options = &delayed},
        {.fields = &fields, .options = &once},
    };
    enum { N = sizeof jobs / sizeof *jobs };
    weir_status status = client->session->ops->add(client->session, jobs, N, err);
    bool all = true;
    for (size_t i = 0; i < N; i++) {
        insist((jobs[i].status == WEIR_OK) == (jobs[i].id.text[0] != '\0'), "accepted without an id, or the reverse");
        touch(jobs[i].id.text, strlen(jobs[i].id.text) + 1);
        all &= jobs[i].status == WEIR_OK;
    }
    insist((status == WEIR_OK) == all, "the status of all is not that of each");
    return status;
}

static weir_status dead_list(struct client *client, weir_error *err)
{
    size_t n;
    bool ended;
    int most = 5;
    weir_status status =
        client->session->ops->dead_list(client->session, &client->at, 10, visit, &most, &n, &ended, err);
    return status;
}

static weir_status dead_get(struct client *client, weir_error *err)
{
    int most = 1;
    return client->session->ops->dead_get(client->session, client->at, visit, &most, err);
}

static weir_status dead_count(struct client *client, weir_error *err)
{
    uint64_t n;
    return client->session->ops->dead_count(client->session, &n, err);
}

static weir_status dead_requeue(struct client *client, weir_error *err)
{
    return client->session->ops->dead_requeue(client->session, client->at, err);
}

static weir_status dead_delete(struct client *client, weir_error *err)
{
    return client->session->ops->dead_delete(client->session, client->at, err);
}

static weir_status dead_purge(struct client *client, weir_error *err)
{
    uint64_t n;
    return client->session->ops->dead_purge(client->session, &n, err);
}

static weir_status create_group(struct client *client, weir_error *err)
{
    bool created;
    return client->session->ops->create_group(client->session, "0", &created, err);
}

static weir_status probe(struct client *client, weir_error *err)
{
    return client->session->ops->probe(client->session, err);
}

static weir_status unblock(struct client *client, weir_error *err)
{
    return client->session->ops->unblock(client->session, client->session, err);
}

static weir_status dead_newest(struct client *client, weir_error *err)
{
    return client->session->ops->dead_newest(client->session, &client->at, err);
}

static void stays(const char *id, weir_status why, const char *words, void *user_data)
{
    (void)user_data;
    touch(id, strlen(id) + 1);
    insist(why == WEIR_ERR_STATE || why == WEIR_ERR_UNSUPPORTED, "no such reason");
    touch(words, strlen(words) + 1);
}

static weir_status dead_requeue_some(struct client *client, weir_error *err)
{
    struct weir_dead_step step = {.last = {5, 5}, .max = 10, .stays = stays};
    return client->session->ops->dead_requeue_some(client->session, &step, err);
}

static weir_status dead_delete_some(struct client *client, weir_error *err)
{
    struct weir_dead_step step = {.last = {5, 5}, .max = 10};
    return client->session->ops->dead_delete_some(client->session, &step, err);
}

static weir_status dead_list_newest(struct client *client, weir_error *err)
{
    size_t n;
    bool ended;
    int most = 5;
    return client->session->ops->dead_list_newest(client->session, &client->at, 10, visit, &most, &n, &ended, err);
}

/* --- weir_admin's --- */

static const struct weir_admin_ops *admin_of(const struct client *client)
{
    return client->session->ops->admin;
}

static void touch_text(const char *text)
{
    touch(text, strlen(text) + 1);
}

static weir_status look(struct client *client, weir_error *err)
{
    bool paused, delayed;
    return client->session->ops->look(client->session, &paused, &delayed, err);
}

static weir_status set_paused(struct client *client, weir_error *err)
{
    bool changed;
    return client->session->ops->set_paused(client->session, client->at.seq % 2, &changed, err);
}

static weir_status info(struct client *client, weir_error *err)
{
    weir_queue_info info = {.stream = "jobs"};
    weir_status status = admin_of(client)->info(client->session, 1000, &client->batch->arena, &info, err);
    for (size_t i = 0; status == WEIR_OK && i < info.n_groups; i++) {
        touch_text(info.groups[i]->name);
        touch_text(info.groups[i]->last_delivered_id);
        touch_text(info.groups[i]->most_delivered_id);
        insist(info.groups[i]->oldest_waiting_ms >= 0 && info.groups[i]->oldest_runnable_ms >= 0, "a negative age");
    }
    insist(status != WEIR_OK || info.overdue_ms >= 0, "overdue for less than no time");
    return status;
}

static int visit_stream(const char *stream, void *user_data)
{
    touch_text(stream);
    return --*(int *)user_data <= 0;
}

static weir_status streams(struct client *client, weir_error *err)
{
    weir_cursor cursor = {""};
    int most = 5;
    weir_status status = admin_of(client)->streams(client->session, &cursor, visit_stream, &most, err);
    touch_text(cursor.text);
    return status;
}

static int visit_consumer(const weir_consumer_info *consumer, void *user_data)
{
    touch_text(consumer->name);
    return --*(int *)user_data <= 0;
}

static weir_status consumers(struct client *client, weir_error *err)
{
    int most = 5;
    return admin_of(client)->consumers(client->session, "g", 1000, visit_consumer, &most, err);
}

static int visit_pending(const weir_pending_info *pending, void *user_data)
{
    touch_text(pending->entry_id);
    touch_text(pending->consumer);
    return --*(int *)user_data <= 0;
}

static weir_status pending(struct client *client, weir_error *err)
{
    struct weir_visit visited;
    int most = 5;
    return admin_of(client)->pending(client->session, "g", NULL, &client->at, 10, visit_pending, &most, &visited, err);
}

static int visit_job(const weir_job_info *job, void *user_data)
{
    touch(job->id, job->id_len + 1);
    touch_text(job->job_id);
    touch_text(job->group);
    touch_text(job->traceparent);
    touch_fields(&job->fields);
    return --*(int *)user_data <= 0;
}

static weir_status entry(struct client *client, weir_error *err)
{
    int most = 1;
    return admin_of(client)->entry(client->session, client->at, visit_job, &most, err);
}

static weir_status delayed(struct client *client, weir_error *err)
{
    const weir_delayed_position after = {12, "c", 1};
    struct weir_visit visited;
    int most = 5;
    return admin_of(client)->delayed(client->session, client->at.seq % 2 ? &after : NULL, 10, visit_job, &most,
                                     &visited, err);
}

static weir_status delayed_run(struct client *client, weir_error *err)
{
    return admin_of(client)->delayed_run(client->session, "c", err);
}

static weir_status delayed_delete(struct client *client, weir_error *err)
{
    return admin_of(client)->delayed_delete(client->session, "c", err);
}

static weir_status reap_group(struct client *client, weir_error *err)
{
    uint64_t n;
    return admin_of(client)->reap(client->session, "g", 1000, &n, err);
}

static weir_status server(struct client *client, weir_error *err)
{
    weir_server_info info = WEIR_SERVER_INFO_INIT;
    weir_status status = admin_of(client)->server(client->session, &info, err);
    touch_text(info.version);
    touch_text(info.memory_policy);
    return status;
}

static weir_status (*const operations[])(struct client *client, weir_error *err) = {
    create_group,
    probe,
    read_once,
    read_twice,
    unblock,
    settle,
    claim,
    recover,
    renew,
    promote,
    trim,
    reap,
    leave,
    add,
    dead_list,
    dead_get,
    dead_count,
    dead_requeue,
    dead_delete,
    dead_purge,
    dead_newest,
    dead_requeue_some,
    look,
    set_paused,
    info,
    streams,
    consumers,
    pending,
    entry,
    delayed,
    delayed_run,
    delayed_delete,
    reap_group,
    server,
    dead_delete_some,
    dead_list_newest,
};
enum { N_OPERATIONS = sizeof operations / sizeof *operations };

static void run(struct client *client, size_t which, bool afresh)
{
    const struct weir_broker_ops *ops = client->session->ops;
    weir_error err = {.code = WEIR_OK};
    if (afresh)
        ops->disconnect(client->session);
    weir_status status = ops->connect(client->session, &err);
    check(client, status, &err);
    if (status != WEIR_OK)
        return;
    err = (weir_error){.code = WEIR_OK};
    weir_batch_reset(client->batch, REPLY_LIMIT);
    status = operations[which](client, &err);
    check(client, status, &err);
    check_batch(client->batch, status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    static const size_t chunks[] = {SIZE_MAX, 1, 7, 64};
    static struct recipe recipe;
    unsigned flags = data[0];
    size_t n_ops = data[1] % OPS_MAX + 1;
    const uint8_t *ops = data + 2;
    if (n_ops > size - 2)
        n_ops = size - 2;
    const uint8_t *rest = ops + n_ops;
    size_t n_rest = size - 2 - n_ops;
    size_t chunk = chunks[(flags & FLAG_CHUNK) / 16];
    if (flags & FLAG_RECIPE) {
        recipe_write(&recipe, rest, n_rest);
        wire_feed(recipe.out, recipe.len, chunk, !(flags & FLAG_BARE));
    } else {
        wire_feed((const char *)rest, n_rest, chunk, !(flags & FLAG_BARE));
    }

    const struct weir_broker_config config = {
        .url = WIRE_URL,
        .stream = "jobs",
        .group = "g",
        .consumer = "c",
        .start_id = "0",
        .retention = (weir_retention)((flags & FLAG_RETENTION) / 4),
        .connection = WEIR_CONNECTION_OPTIONS_INIT(1000),
        .reply_limit = REPLY_LIMIT,
    };
    struct weir_broker *broker = NULL;
    struct client client = {.batch = weir_batch_new(REPLY_LIMIT), .large = flags & FLAG_LARGE};
    weir_error err;
    insist(client.batch && weir_broker_open(&broker, &config, &err) == WEIR_OK, "no broker");
    insist(broker->ops->session_open(&client.session, broker, "reader", &err) == WEIR_OK, "no session");
    for (size_t i = 0; i < n_ops; i++) {
        bool gone = wire_left() == 0 && !client.session->ops->connected(client.session);
        run(&client, ops[i] % N_OPERATIONS, flags & FLAG_AFRESH);
        if (gone)
            break; /* the server has nothing more to say: this was the last attempt */
    }
    weir_batch_free(client.batch);
    broker->ops->session_close(client.session);
    broker->ops->close(broker);
    return 0;
}
