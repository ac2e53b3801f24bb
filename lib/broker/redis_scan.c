/* SPDX-License-Identifier: MIT
 *
 * Which queues there are on a Redis: what SCAN finds.
 *
 * There is no list of queues to keep, and so none to be wrong. A queue is its stream; where that is not made yet or was
 * deleted, its delayed jobs or dead letters stand for it. So two passes are made, one over streams and one over sorted
 * sets, and in a cluster each of them over one primary after the other.
 *
 * The cursor is "PASS:SLOT:POSITION": the slot is the first of those that the present primary serves, the position is
 * the server's own cursor there.
 */
#include "base/error.h"
#include "base/number.h"
#include "broker/redis_session.h"
#include "redis/slot.h"
#include "redis/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PASS_STREAMS, PASS_DELAYED, N_PASSES };

enum { KEYS_A_STEP = 1000 };

struct place {
    uint64_t pass, slot, position;
};

static bool read_cursor(const weir_cursor *cursor, struct place *ret)
{
    *ret = (struct place){0};
    const char *first = strchr(cursor->text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    if (cursor->text[0] == '\0')
        return true;
    return second && weir_parse_u64(cursor->text, (size_t)(first - cursor->text), &ret->pass) &&
           weir_parse_u64(first + 1, (size_t)(second - first - 1), &ret->slot) &&
           weir_parse_u64(second + 1, strlen(second + 1), &ret->position) && ret->pass < N_PASSES &&
           ret->slot < WEIR_SLOTS;
}

static void write_cursor(weir_cursor *cursor, const struct place *place)
{
    cursor->text[0] = '\0';
    if (place->pass < N_PASSES)
        snprintf(cursor->text, sizeof cursor->text, "%" PRIu64 ":%" PRIu64 ":%" PRIu64, place->pass, place->slot,
                 place->position);
}

/* [cursor, [key, …]] */
static weir_status scan(struct redis_session *session, struct place *place, struct weir_reply **ret_keys,
                        weir_error *err)
{
    char position[WEIR_U64_DIGITS];
    struct weir_buffer *out = weir_connection_out(session->connection);
    weir_command_begin(out, 6);
    weir_command_text(out, "SCAN");
    weir_command_bytes(out, position, weir_format_u64(position, place->position));
    weir_command_text(out, "COUNT");
    weir_command_i64(out, KEYS_A_STEP);
    weir_command_text(out, "TYPE");
    weir_command_text(out, place->pass == PASS_STREAMS ? "stream" : "zset");
    struct weir_reply *reply;
    weir_status status = redis_exchange(session, "SCAN", &reply, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_reply_is_array(reply, 2) || !weir_reply_is_text(&reply->items[0]) ||
        !weir_parse_u64(reply->items[0].text, reply->items[0].len, &place->position) ||
        !weir_reply_is_array(&reply->items[1], 0))
        return redis_surprise(session, "SCAN", err);
    *ret_keys = &reply->items[1];
    return WEIR_OK;
}

/* A primary has been gone through: on to the next one, or to the next pass. */
static weir_status move_on(struct redis_session *session, struct place *place, weir_error *err)
{
    unsigned next;
    if (weir_connection_in_cluster(session->connection)) {
        struct weir_buffer *out = weir_connection_out(session->connection);
        weir_command_begin(out, 2);
        weir_command_text(out, "CLUSTER");
        weir_command_text(out, "SLOTS");
        struct weir_reply *reply;
        weir_status status = redis_exchange(session, "CLUSTER SLOTS", &reply, err);
        if (status != WEIR_OK)
            return status;
        if (weir_slots_next(reply, (unsigned)place->slot, weir_connection_endpoint(session->connection), &next)) {
            place->slot = next;
            return WEIR_OK;
        }
    }
    place->pass++;
    place->slot = 0;
    return WEIR_OK;
}

/* Whether each of n streams exists, asked in one go. */
static weir_status ask_whether_they_exist(struct redis_session *session, char *const *streams, bool *exist, size_t n,
                                          weir_error *err)
{
    struct weir_buffer *out = weir_connection_out(session->connection);
    for (size_t i = 0; i < n; i++) {
        weir_command_begin(out, 2);
        weir_command_text(out, "EXISTS");
        weir_command_text(out, streams[i]);
    }
    for (size_t i = 0; i < n; i++) {
        struct weir_reply *reply;
        weir_status status = redis_exchange(session, "EXISTS", &reply, err);
        if (status == WEIR_ERR_PERMISSION) { /* somebody else's queue */
            exist[i] = true;
            continue;
        }
        if (status != WEIR_OK) {
            session->base.ops->disconnect(&session->base); /* answers may be outstanding */
            return status;
        }
        exist[i] = reply->kind == WEIR_REPLY_INTEGER && reply->integer == 1;
    }
    return WEIR_OK;
}

/* What one step has found. */
struct found {
    const char **streams; /* to be visited */
    char **owners;        /* whose side key was met: to be visited where they don't exist */
    bool *exist;
    size_t n, n_owners;
};

static weir_status sort_out(struct redis_session *session, const struct weir_reply *keys, const struct place *place,
                            struct found *found, weir_error *err)
{
    struct weir_arena *arena = &session->scratch;
    found->streams = weir_arena_alloc(arena, keys->len * sizeof *found->streams);
    found->owners = weir_arena_alloc(arena, keys->len * sizeof *found->owners);
    found->exist = weir_arena_alloc(arena, keys->len * sizeof *found->exist);
    if (!found->streams || !found->owners || !found->exist)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a list of queues");
    for (size_t i = 0; i < keys->len; i++) {
        const struct weir_reply *key = &keys->items[i];
        char owner[WEIR_STREAM_SIZE];
        if (!weir_reply_is_text(key))
            return redis_surprise(session, "SCAN", err);
        if (key->len == 0 || key->len >= sizeof owner + 8 || memchr(key->text, '\0', key->len))
            continue; /* no name that weir could be given */
        if (weir_keys_owner(key->text, place->pass == PASS_STREAMS ? ":dead" : ":delayed", owner)) {
            found->owners[found->n_owners] = weir_arena_copy(arena, owner, strlen(owner));
            if (!found->owners[found->n_owners++])
                return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a list of queues");
        } else if (place->pass == PASS_STREAMS && key->len < sizeof owner) {
            found->streams[found->n++] = key->text;
        }
    }
    return ask_whether_they_exist(session, found->owners, found->exist, found->n_owners, err);
}

weir_status redis_streams(struct weir_session *base, weir_cursor *cursor, weir_stream_visit_fn visit, void *user_data,
                          weir_error *err)
{
    struct redis_session *session = redis_session(base);
    struct place place;
    if (!read_cursor(cursor, &place))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "\"%.60s\" is no cursor that weir_admin_streams has left",
                              cursor->text);
    weir_connection_set_slot(session->connection, (unsigned)place.slot);
    weir_status status = session->base.ops->connect(base, err);
    if (status == WEIR_OK)
        status = redis_begin(session, err);
    struct weir_reply *keys = NULL;
    if (status == WEIR_OK)
        status = scan(session, &place, &keys, err);
    struct found found = {0};
    if (status == WEIR_OK)
        status = sort_out(session, keys, &place, &found, err);
    if (status == WEIR_OK && place.position == 0)
        status = move_on(session, &place, err);
    if (status != WEIR_OK)
        return status;

    write_cursor(cursor, &place);
    bool ended = false;
    for (size_t i = 0; i < found.n && !ended; i++)
        ended = visit(found.streams[i], user_data) != 0;
    for (size_t i = 0; i < found.n_owners && !ended; i++)
        ended = !found.exist[i] && visit(found.owners[i], user_data) != 0;
    return WEIR_OK;
}
