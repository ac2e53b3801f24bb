/* SPDX-License-Identifier: MIT
 *
 * Replies: hiredis' parser with object functions of our own, which build the reply in an arena instead of by malloc.
 *
 * The parser calls create… for each element in order and hands us the parent's object; the elements of an array are one
 * contiguous run, so an element's place is known by its index. What a hostile server can make us allocate is bounded by
 * the arena's limit: beyond it the functions return NULL, which the parser reports as out of memory, and the connection
 * is dropped.
 */
#include "redis/reply.h"

#include "base/error.h"

#include <hiredis/hiredis.h>
#include <hiredis/sds.h>
#include <string.h>

enum { BUFFER_KEPT = 64 * 1024 }; /* of what has arrived and is not parsed: memory that outlives a reply */

static struct weir_reply *place(const redisReadTask *task)
{
    if (task->parent) {
        struct weir_reply *parent = task->parent->obj;
        return &parent->items[task->idx];
    }
    return weir_arena_alloc(task->privdata, sizeof(struct weir_reply));
}

static void *create_string(const redisReadTask *task, char *text, size_t len)
{
    struct weir_reply *reply = place(task);
    if (!reply)
        return NULL;
    const char *copy = weir_arena_copy(task->privdata, text, len);
    if (!copy)
        return NULL;
    reply->kind = task->type == REDIS_REPLY_ERROR    ? WEIR_REPLY_ERROR
                  : task->type == REDIS_REPLY_STATUS ? WEIR_REPLY_STATUS
                                                     : WEIR_REPLY_STRING;
    reply->len = len;
    reply->text = copy;
    return reply;
}

static void *create_elements(const redisReadTask *task, size_t n)
{
    struct weir_reply *reply = place(task);
    if (!reply || n > SIZE_MAX / sizeof *reply)
        return NULL;
    struct weir_reply *items = weir_arena_alloc(task->privdata, n * sizeof *items);
    if (!items)
        return NULL;
    memset(items, 0, n * sizeof *items);
    reply->kind = WEIR_REPLY_ARRAY;
    reply->len = n;
    reply->items = items;
    return reply;
}

#if HIREDIS_MAJOR >= 1
static void *create_array(const redisReadTask *task, size_t n)
{
    return create_elements(task, n);
}

static void *create_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void)value;
    return create_string(task, text, len);
}

static void *create_bool(const redisReadTask *task, int value)
{
    struct weir_reply *reply = place(task);
    if (reply)
        *reply = (struct weir_reply){.kind = WEIR_REPLY_INTEGER, .integer = value};
    return reply;
}
#else
static void *create_array(const redisReadTask *task, int n)
{
    return n < 0 ? NULL : create_elements(task, (size_t)n);
}
#endif

static void *create_integer(const redisReadTask *task, long long value)
{
    struct weir_reply *reply = place(task);
    if (reply)
        *reply = (struct weir_reply){.kind = WEIR_REPLY_INTEGER, .integer = value};
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    struct weir_reply *reply = place(task);
    if (reply)
        *reply = (struct weir_reply){.kind = WEIR_REPLY_NIL};
    return reply;
}

static void free_object(void *object)
{
    (void)object; /* the arena's */
}

static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
    .createDouble = create_double,
    .createBool = create_bool,
#endif
    .createNil = create_nil,
    .freeObject = free_object,
};

struct redisReader *weir_reply_reader_new(void)
{
    struct redisReader *reader = redisReaderCreateWithFunctions(&functions);
    if (reader)
        reader->maxbuf = 0; /* its buffer is ours to let go of: hiredis before 1.0 ends the program where it can't */
    return reader;
}

bool weir_reply_reader_feed(struct redisReader *reader, const char *bytes, size_t len)
{
    if (reader->len == 0 && sdsavail(reader->buf) > BUFFER_KEPT) {
        sds fresh = sdsempty();
        if (!fresh)
            return false;
        sdsfree(reader->buf);
        reader->buf = fresh;
        reader->pos = 0;
    }
    return redisReaderFeed(reader, bytes, len) == REDIS_OK;
}

bool weir_reply_is_array(const struct weir_reply *reply, size_t at_least)
{
    return reply->kind == WEIR_REPLY_ARRAY && reply->len >= at_least;
}

bool weir_reply_is_text(const struct weir_reply *reply)
{
    return reply->kind == WEIR_REPLY_STRING || reply->kind == WEIR_REPLY_STATUS;
}

static bool contains(const struct weir_reply *reply, const char *words)
{
    return memmem(reply->text, reply->len, words, strlen(words)) != NULL;
}

/* A user was denied a command that a script calls: the words of servers up to 7.0, and of later ones. */
static bool is_denied_in_script(const struct weir_reply *reply)
{
    return contains(reply, "The user executing the script can't ") || contains(reply, "ACL failure in script: ");
}

/* What a command in a script answered: before 7.0 that stands behind "@user_script: LINE: -". */
static const char *unwrapped(const struct weir_reply *reply, size_t *ret_len)
{
    static const char mark[] = "@user_script: ";
    const char *text = reply->text, *end = reply->text + reply->len, *found;
    while ((found = memmem(text, (size_t)(end - text), mark, sizeof mark - 1)))
        text = found + sizeof mark - 1;
    if (text > reply->text) {
        while (text < end && *text >= '0' && *text <= '9')
            text++;
        while (text < end && (*text == ':' || *text == ' ' || *text == '-'))
            text++;
    }
    *ret_len = (size_t)(end - text);
    return text;
}

static bool text_starts_with(const char *text, size_t len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

bool weir_reply_starts_with(const struct weir_reply *reply, const char *prefix)
{
    if (!weir_reply_is_text(reply) && reply->kind != WEIR_REPLY_ERROR)
        return false;
    size_t len = reply->len;
    const char *text = reply->kind == WEIR_REPLY_ERROR ? unwrapped(reply, &len) : reply->text;
    return text_starts_with(text, len, prefix);
}

weir_status weir_reply_status(const struct weir_reply *reply, const char *command, weir_error *err)
{
    static const struct {
        const char *prefix;
        weir_status status;
        const char *sentence; /* with the command's name for %s */
    } known[] = {
        {"OOM", WEIR_ERR_FULL, "%s: the server has reached its maxmemory; raise it, or let the queue drain"},
        {"LOADING", WEIR_ERR_UNAVAILABLE, "%s: the server is still loading its data"},
        {"READONLY", WEIR_ERR_UNAVAILABLE, "%s: the server is a read-only replica"},
        {"MASTERDOWN", WEIR_ERR_UNAVAILABLE, "%s: the replica has lost its primary"},
        {"MISCONF", WEIR_ERR_UNAVAILABLE, "%s: the server refuses writes because it can't persist them"},
        {"NOREPLICAS", WEIR_ERR_UNAVAILABLE, "%s: the server has too few replicas to accept writes"},
        {"BUSY ", WEIR_ERR_UNAVAILABLE, "%s: the server is busy running a script"},
        {"CLUSTERDOWN", WEIR_ERR_UNAVAILABLE, "%s: the cluster is down"},
        {"TRYAGAIN", WEIR_ERR_UNAVAILABLE, "%s: the cluster is moving the slot"},
        {"ERR max number of clients", WEIR_ERR_UNAVAILABLE,
         "%s: the server has as many clients as its maxclients allows; raise it"},
        {"NOAUTH", WEIR_ERR_AUTH, "%s: the server wants a password; put it into the url"},
        {"WRONGPASS", WEIR_ERR_AUTH, "%s: the user or the password of the url is wrong"},
        {"ERR invalid password", WEIR_ERR_AUTH, "%s: the password of the url is wrong"},
        {"ERR AUTH ", WEIR_ERR_AUTH, "%s: the server has no password set, but the url has one"},
        {"NOPERM", WEIR_ERR_PERMISSION,
         "%s: the server's ACL does not allow it for this user; grant the command and the keys"},
        {"EXECABORT Transaction discarded because of: NOPERM", WEIR_ERR_PERMISSION,
         "%s: the server's ACL does not allow it for this user; grant the command"},
        {"NOGROUP", WEIR_ERR_NO_GROUP, "%s: the consumer group does not exist"},
        {"UNBLOCKED", WEIR_ERR_NO_GROUP, "%s: the stream was deleted or replaced"},
        {"WRONGTYPE", WEIR_ERR_SERVER,
         "%s: the key holds something else than weir keeps there; use another stream name"},
        {"MOVED", WEIR_ERR_UNSUPPORTED,
         "%s: the server is a cluster node that does not hold this queue's slot; use redis+cluster://"},
        {"ASK ", WEIR_ERR_UNSUPPORTED,
         "%s: the server is a cluster node that moves this queue's slot; use "
         "redis+cluster://"},
        {"CROSSSLOT", WEIR_ERR_UNSUPPORTED,
         "%s: the queue's keys are in several cluster slots; give the name a hash tag"},
        {"ERR unknown command", WEIR_ERR_UNSUPPORTED,
         "%s: the server does not know the command; Redis 6.2 or later is needed"},
        {"ERR unknown subcommand", WEIR_ERR_UNSUPPORTED,
         "%s: the server does not know it; Redis 6.2 or later is needed"},
        {"", WEIR_ERR_SERVER, "%s: the server refused it"},
    };
    if (reply->kind != WEIR_REPLY_ERROR)
        return WEIR_OK;

    static const char DENIED[] = "NOPERM";
    size_t i = 0, len;
    const char *text = unwrapped(reply, &len);
    if (is_denied_in_script(reply)) {
        text = DENIED;
        len = sizeof DENIED - 1;
    }
    while (!text_starts_with(text, len, known[i].prefix))
        i++;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    weir_error_set(err, known[i].status, known[i].sentence, command);
#pragma GCC diagnostic pop
    weir_error_server_words(err, reply->text, reply->len);
    return known[i].status;
}
