/* SPDX-License-Identifier: MIT
 *
 * The reader: brings new jobs from the server to the pool.
 *
 * It owns the one connection on which blocking reads wait. It asks for no more than there is room for, and what it has
 * asked for is reserved, so that nothing is fetched that can't be kept. While there is a backlog, a few reads are
 * outstanding at once: the next batch is on its way while the last one runs. Once a read comes back short, a single one
 * waits on the server.
 *
 * At the start, and after each lost connection, this consumer's own pending entries are gone through first: an answer
 * that was lost on the way has left entries pending for us that nobody knows of.
 *
 * What must stay true:
 *   - `reserved` is what the outstanding reads ask for, and 0 without a connection;
 *   - a stop never closes a connection on which a read could still be answered without having tried to unblock it: what
 * is read then would be pending for a consumer that is gone (reader_dirty tells the acker to look for it).
 */
#include "base/clock.h"
#include "queue/core.h"

#include <string.h>

enum {
    OUTSTANDING_MAX = 3,
    WORTH_ASKING = WEIR_ASK_MAX / 8,
    LOST_MAX = 4, /* connections, over one and the same entry: it is too large, and holds up all that come after it */
};

struct reader {
    struct weir_queue *core;
    struct weir_service *service;
    size_t asked[OUTSTANDING_MAX]; /* entries of each outstanding read, oldest first */
    int64_t asked_us[OUTSTANDING_MAX];
    size_t n_asked;
    bool backlog;             /* the last read was answered in full */
    bool recovered;           /* since the connection was made */
    bool stopping;            /* the unblocking has begun */
    struct weir_batch *batch; /* being filled */

    /* of recover: an entry that was asked for alone, and how often the connection was lost over it */
    struct weir_entry_id alone;
    unsigned n_lost;
    struct weir_entry_id passed_over; /* the next pass begins after this one */
};

static bool is_running(struct weir_queue *core)
{
    pthread_mutex_lock(&core->mutex);
    bool running = core->state == CORE_RUNNING;
    pthread_mutex_unlock(&core->mutex);
    return running;
}

/* Forgets outstanding reads, with the connection or because it is gone. */
static void forget_reads(struct reader *reader)
{
    struct weir_queue *core = reader->core;
    size_t reserved = 0;
    for (size_t i = 0; i < reader->n_asked; i++)
        reserved += reader->asked[i];
    pthread_mutex_lock(&core->mutex);
    core->reserved -= reserved;
    core->reader_dirty |= reader->n_asked > 0;
    pthread_mutex_unlock(&core->mutex);
    reader->n_asked = 0;
    reader->backlog = false;
    weir_core_batch_unused(core, reader->batch);
    reader->batch = NULL;
}

/* How many entries may be asked for. Locks: held. */
static size_t may_read(struct weir_queue *core)
{
    return weir_core_is_paused(core) ? 0 : weir_core_room(core, false);
}

/*
 * How many entries to ask for next; reserves them. 0: no room (or not worth asking now). May wait for room, and for the
 * end of a pause.
 */
static size_t reserve(struct reader *reader, bool may_wait)
{
    struct weir_queue *core = reader->core;
    size_t room;
    pthread_mutex_lock(&core->mutex);
    while ((room = may_read(core)) == 0 && may_wait && core->state == CORE_RUNNING && !core->reader_kicked) {
        core->reader_waits = true;
        weir_service_wait(core, reader->service, weir_core_is_paused(core) ? INT64_MAX : weir_now_us() + 100000);
    }
    core->reader_waits = false;
    if (core->state != CORE_RUNNING || core->reader_kicked)
        room = 0;
    if (room > reader->service->most) /* bounds what a jump in their size can do to the memory, too */
        room = reader->service->most;
    core->reserved += room;
    pthread_mutex_unlock(&core->mutex);
    return room;
}

static void unreserve(struct weir_queue *core, size_t n)
{
    pthread_mutex_lock(&core->mutex);
    core->reserved -= n;
    pthread_mutex_unlock(&core->mutex);
}

static weir_status submit(struct reader *reader, size_t count, int64_t block_ms, weir_error *err)
{
    int64_t asked_us = weir_now_us();
    weir_status status = reader->core->ops->read_submit(reader->service->session, count, block_ms, err);
    if (status != WEIR_OK) {
        unreserve(reader->core, count);
        return status;
    }
    reader->asked_us[reader->n_asked] = asked_us;
    reader->asked[reader->n_asked++] = count;
    return WEIR_OK;
}

/* Keeps reads outstanding: one that waits on the server, or several while there is a backlog. */
static weir_status submit_reads(struct reader *reader, weir_error *err)
{
    weir_status status = WEIR_OK;
    if (reader->n_asked == 0) {
        size_t count = reserve(reader, true);
        if (count > 0)
            status = submit(reader, count, reader->backlog ? 0 : reader->core->options.block_ms, err);
    }
    while (status == WEIR_OK && reader->backlog && reader->n_asked > 0 && reader->n_asked < OUTSTANDING_MAX) {
        size_t count = reserve(reader, false);
        if (count < WORTH_ASKING && count < reader->core->options.concurrency) {
            unreserve(reader->core, count);
            break;
        }
        status = submit(reader, count, 0, err);
    }
    return status;
}

/* Waits for the oldest read and hands its jobs over. */
static weir_status collect(struct reader *reader, weir_error *err)
{
    struct weir_queue *core = reader->core;
    if (!reader->batch)
        reader->batch = weir_core_batch(core);
    if (!reader->batch) {
        *err = (weir_error){.code = WEIR_ERR_MEMORY, .message = "no memory for a batch of jobs"};
        return WEIR_ERR_MEMORY;
    }
    weir_status status = core->ops->read_collect(reader->service->session, reader->batch, err);
    if (status == WEIR_ERR_STOPPED)
        return status;

    bool answered = core->ops->connected(reader->service->session);
    size_t asked = answered ? reader->asked[0] : 0;
    int64_t asked_us = reader->asked_us[0];
    if (answered) {
        reader->n_asked--;
        memmove(reader->asked, reader->asked + 1, reader->n_asked * sizeof *reader->asked);
        memmove(reader->asked_us, reader->asked_us + 1, reader->n_asked * sizeof *reader->asked_us);
        pthread_mutex_lock(&core->mutex);
        core->last_read_us = weir_now_us();
        weir_service_note_traffic(core, reader->service);
        pthread_mutex_unlock(&core->mutex);
    }
    if (status != WEIR_OK) {
        if (!answered)
            weir_service_ask_less(reader->service, reader->asked[0]);
        unreserve(core, asked);
        weir_core_batch_unused(core, reader->batch);
        reader->batch = NULL;
        reader->backlog = false;
        return status;
    }
    reader->backlog = reader->batch->n >= asked;
    if (reader->batch->n > 0)
        weir_service_ask_more(reader->service);
    weir_core_deliver(core, reader->batch, asked, asked_us);
    reader->batch = NULL;
    return WEIR_OK;
}

/* A page's answer was lost. `last`: the last entry that was looked at, if any was after `from`. */
static void note_lost_page(struct reader *reader, size_t asked, struct weir_entry_id from, struct weir_entry_id last)
{
    weir_service_ask_less(reader->service, asked);
    if (asked > 1 || weir_entry_id_compare(from, last) == 0)
        return;
    if (weir_entry_id_compare(reader->alone, last) != 0)
        reader->n_lost = 0;
    reader->alone = last;
    if (++reader->n_lost < LOST_MAX)
        return;
    reader->n_lost = 0;
    reader->passed_over = last;
    char id[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(last, id);
    weir_core_log(reader->core, WEIR_LOG_WARNING,
                  "queue %s: the entry %s can't be received, maybe for its size; it is left pending, and others go on",
                  reader->core->options.stream, id);
}

/* One page of this consumer's own pending entries; *more: there may be others. */
static weir_status recover_page(struct reader *reader, struct weir_entry_id *after, bool first_time, bool *more,
                                weir_error *err)
{
    struct weir_queue *core = reader->core;
    bool none = core->policy.backoff.kind == WEIR_BACKOFF_NONE;
    int64_t max_idle_ms = INT64_MAX;
    size_t room = reserve(reader, true);
    *more = false;
    if (room == 0)
        return WEIR_ERR_STOPPED;
    if (none && !first_time) {
        /* jobs that failed stay pending and wait for the claimer: only what was delivered since the last answer was
         * lost */
        pthread_mutex_lock(&core->mutex);
        max_idle_ms = (weir_now_us() - core->last_read_us) / 1000 + 1;
        pthread_mutex_unlock(&core->mutex);
    }

    struct weir_batch *batch = weir_core_batch(core);
    if (!batch) {
        unreserve(core, room);
        *err = (weir_error){.code = WEIR_ERR_MEMORY, .message = "no memory for a batch of jobs"};
        return WEIR_ERR_MEMORY;
    }
    if (!weir_core_take_over_begin(core, reader->service)) {
        unreserve(core, room);
        weir_core_batch_unused(core, batch);
        return WEIR_ERR_STOPPED;
    }
    int64_t asked_us = weir_now_us();
    struct weir_entry_id from = *after;
    weir_status status = core->ops->recover(reader->service->session, after, room, !first_time && !none, max_idle_ms,
                                            weir_core_in_flight, core, batch, more, err);
    if (status == WEIR_OK) {
        pthread_mutex_lock(&core->mutex);
        core->stats.recovered += batch->n;
        pthread_mutex_unlock(&core->mutex);
        if (batch->n > 0)
            weir_service_ask_more(reader->service);
        weir_core_deliver(core, batch, room, asked_us);
    } else {
        if (!core->ops->connected(reader->service->session))
            note_lost_page(reader, room, from, *after);
        unreserve(core, room);
        weir_core_batch_unused(core, batch);
    }
    weir_core_take_over_end(core);
    return status;
}

/* What comes after connecting and before reading: whether reading is allowed, and what is ours already. */
static weir_status recover(struct reader *reader, weir_error *err)
{
    struct weir_queue *core = reader->core;
    bool paused, delayed;
    uint64_t look = weir_core_begin_look(core);
    weir_status looked = core->ops->look(reader->service->session, &paused, &delayed, err);
    if (looked != WEIR_OK)
        return looked;
    weir_core_note_pause(core, look, paused);
    pthread_mutex_lock(&core->mutex);
    bool first_time = !core->recovered;
    pthread_mutex_unlock(&core->mutex);

    struct weir_entry_id after = reader->passed_over;
    bool more = true;
    while (more) {
        weir_status status = recover_page(reader, &after, first_time, &more, err);
        if (status != WEIR_OK)
            return status;
    }
    reader->passed_over = (struct weir_entry_id){0, 0};
    pthread_mutex_lock(&core->mutex);
    core->recovered = true;
    pthread_mutex_unlock(&core->mutex);
    return WEIR_OK;
}

/* Woken: by a stop, or because another thread found the server gone. True to go on reading. */
static bool handle_wake(struct reader *reader)
{
    struct weir_queue *core = reader->core;
    core->ops->unwake(reader->service->session);
    pthread_mutex_lock(&core->mutex);
    bool running = core->state == CORE_RUNNING, abandoned = core->state == CORE_ABANDONED;
    pthread_mutex_unlock(&core->mutex);
    if (running)
        return true; /* a kick: heeded next */
    if (reader->n_asked == 0 || abandoned || reader->stopping)
        return false;

    /* something may still be read: ask the acker to unblock us, and wait for the answer until woken again */
    reader->stopping = true;
    pthread_mutex_lock(&core->mutex);
    core->unblock_wanted = true;
    pthread_cond_signal(&core->acker.cond);
    pthread_mutex_unlock(&core->mutex);
    return true;
}

/* Another thread found the server unreachable: the connection is not to be trusted, and what was asked for is lost. */
static void heed_kick(struct reader *reader)
{
    struct weir_queue *core = reader->core;
    pthread_mutex_lock(&core->mutex);
    bool kicked = core->reader_kicked && core->state == CORE_RUNNING;
    core->reader_kicked = false;
    pthread_mutex_unlock(&core->mutex);
    if (!kicked)
        return;
    core->ops->unwake(reader->service->session);
    core->ops->disconnect(reader->service->session);
}

void *weir_reader_main(void *argument)
{
    struct weir_queue *core = argument;
    struct reader reader = {.core = core, .service = &core->reader};
    weir_error err;
    weir_watch_this_thread(&core->reader.watch);
    while (is_running(core) || reader.n_asked > 0) {
        weir_watch_go_on();
        weir_status status = WEIR_OK;
        heed_kick(&reader);
        if (!core->ops->connected(reader.service->session)) {
            forget_reads(&reader);
            if (!is_running(core))
                break;
            if (!weir_service_connect(core, reader.service)) {
                core->ops->unwake(reader.service->session);
                continue;
            }
            reader.recovered = false;
        }
        if (!reader.recovered && !reader.stopping) {
            status = recover(&reader, &err);
            reader.recovered = status == WEIR_OK;
        }
        if (status == WEIR_OK && !reader.stopping)
            status = submit_reads(&reader, &err);
        if (status == WEIR_OK && reader.n_asked > 0)
            status = collect(&reader, &err);
        if (status == WEIR_OK) {
            weir_service_fine(core, reader.service);
        } else if (status == WEIR_ERR_NO_GROUP && reader.n_asked > 0) {
            continue; /* the group is made anew once no answer is outstanding that could be taken for that one's */
        } else if (status == WEIR_ERR_STOPPED) {
            if (!handle_wake(&reader))
                break;
        } else {
            weir_service_trouble(core, reader.service, status, &err);
        }
    }
    core->ops->disconnect(reader.service->session);
    forget_reads(&reader);
    weir_service_exit(core, reader.service);
    return NULL;
}
