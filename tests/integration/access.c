/* SPDX-License-Identifier: MIT
 *
 * The access lists of docs/security.md, read from there: each is enough for the whole life of a job, everything in it
 * is used, and what is taken away is missed, by name.
 *
 *     access PAGE
 */
#include "support/fleet.h"

#include "scene.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 64, TOKEN_SIZE = 48 };
#define EMAILS "emails"

static const char *page; /* its text */
static weir_error last_error;

/* --- lists --- */

struct list {
    char tokens[MAX_TOKENS][TOKEN_SIZE]; /* "~emails", "+xadd" */
    size_t n;
};

static bool has_token(const struct list *list, const char *token)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->tokens[i], token) == 0)
            return true;
    return false;
}

/* Adds the keys and commands of the page's block of that name. */
static void add_block(struct list *list, const char *name)
{
    char fence[64];
    snprintf(fence, sizeof fence, "\n```acl %s\n", name);
    const char *block = strstr(page, fence);
    if (!block)
        test_die("the page has no block \"acl %s\"", name);
    block += strlen(fence);
    char *text = strndup(block, (size_t)(strstr(block, "\n```") - block)), *rest = NULL;
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if ((word[0] != '~' && word[0] != '+') || has_token(list, word))
            continue;
        assert_true(list->n < MAX_TOKENS && strlen(word) < TOKEN_SIZE);
        strcpy(list->tokens[list->n++], word);
    }
    free(text);
}

/* The user "u" may do what is in the list, but for one token of it (NULL: all). */
static void allow(struct test_server *server, const struct list *list, const char *without)
{
    const char *argv[MAX_TOKENS + 8] = {"ACL", "SETUSER", "u", "reset", "on", ">secret"};
    int argc = 6;
    for (size_t i = 0; i < list->n; i++)
        if (!without || strcmp(list->tokens[i], without) != 0)
            argv[argc++] = list->tokens[i];
    redisReply *reply = test_server_argv(server, argc, argv, NULL);
    if (reply->type == REDIS_REPLY_ERROR)
        test_die("ACL SETUSER: %s", reply->str);
    freeReplyObject(reply);
}

static const char *user_url(struct scene *scene)
{
    static char url[192];
    snprintf(url, sizeof url, "unix://u:secret@%s", test_server_socket(scene->server));
    return url;
}

static void command(struct scene *scene, const char *words)
{
    redisReply *reply = test_server_command(scene->server, words);
    if (reply->type == REDIS_REPLY_ERROR)
        test_die("%s: %s", words, reply->str);
    freeReplyObject(reply);
}

/* How often the server has executed it, also in scripts; servers before 7.0 count subcommands together. */
static long long executed(struct scene *scene, const char *name)
{
    redisReply *reply = test_server_command(scene->server, "INFO commandstats");
    char key[64];
    snprintf(key, sizeof key, "cmdstat_%s:calls=", name);
    const char *found = strstr(reply->str, key);
    if (!found) {
        snprintf(key, sizeof key, "cmdstat_%.*s:calls=", (int)strcspn(name, "|"), name);
        found = strstr(reply->str, key);
    }
    long long calls = found ? atoll(found + strlen(key)) : 0;
    freeReplyObject(reply);
    return calls;
}

static void expect_all_used(struct scene *scene, const struct list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->tokens[i][0] == '+' && executed(scene, list->tokens[i] + 1) == 0)
            fail_msg("%s is allowed and never used", list->tokens[i]);
}

static void expect_nothing_denied(struct scene *scene)
{
    redisReply *denials = test_server_command(scene->server, "ACL LOG");
    if (denials->elements > 0)
        fail_msg("%s was denied", denials->element[0]->element[7]->str);
    freeReplyObject(denials);
}

/* The words of the error, in lower case. */
static const char *words_of_error(void)
{
    static char words[sizeof last_error.message + sizeof last_error.server + 2];
    snprintf(words, sizeof words, "%s|%s", last_error.message, last_error.server);
    for (char *c = words; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return words;
}

/* Whether the error names the command, as in "xadd", "xinfo groups" or "cluster slots". */
static bool names(const char *words, const char *token)
{
    char name[TOKEN_SIZE];
    snprintf(name, sizeof name, "%s", token + 1);
    for (char *c = name; *c; c++)
        if (*c == '|')
            *c = ' ';
    return strstr(words, name) != NULL;
}

/* That the token was missed, and that the error says so: a command by its name, a key by that or by a command's. */
static void expect_missed(const struct list *list, const char *token, weir_status status)
{
    if (status != WEIR_ERR_PERMISSION)
        fail_msg("without %s: %s: %s %s", token, weir_status_name(status), last_error.message, last_error.server);
    assert_int_equal(last_error.code, WEIR_ERR_PERMISSION);
    const char *words = words_of_error();
    bool named = names(words, token);
    for (size_t i = 0; i < list->n && token[0] == '~'; i++)
        named |= list->tokens[i][0] == '+' && names(words, list->tokens[i]);
    if (!named)
        fail_msg("without %s: \"%s\" does not name it", token, words);
}

/* A role's life fails without any one of the tokens. */
static void expect_each_missed(struct scene *scene, const struct list *list, weir_status (*live)(struct scene *scene))
{
    for (size_t i = 0; i < list->n; i++) {
        allow(scene->server, list, list->tokens[i]);
        last_error = (weir_error){.code = WEIR_OK};
        expect_missed(list, list->tokens[i], live(scene));
    }
    allow(scene->server, list, NULL);
    if (live(scene) != WEIR_OK)
        fail_msg("%s %s", last_error.message, last_error.server);
}

/* --- a worker --- */

static bool old_server(struct scene *scene)
{
    redisReply *reply = test_server_command(scene->server, "INFO server");
    const char *version = strstr(reply->str, "redis_version:");
    bool old = version && atoi(version + strlen("redis_version:")) < 7;
    freeReplyObject(reply);
    return old;
}

static struct list worker_list(struct scene *scene)
{
    struct list list = {.n = 0};
    add_block(&list, "worker");
    if (old_server(scene))
        add_block(&list, "worker redis-6.2");
    return list;
}

/* Entries pending for a consumer that is gone: one to be claimed, and one whose payload is lost. */
static void leave_behind(struct scene *scene)
{
    command(scene, "XADD " EMAILS " 1-1 do deleted");
    command(scene, "XADD " EMAILS " * do stuck");
    command(scene, "XREADGROUP GROUP weir gone COUNT 10 STREAMS " EMAILS " >");
    command(scene, "XDEL " EMAILS " 1-1");
}

/* As another writer could: more fields than a script can pass on. */
static void add_giant(struct scene *scene)
{
    enum { FIELDS = 4000 };
    const char **argv = calloc(3 + 2 * FIELDS, sizeof *argv);
    assert_non_null(argv);
    argv[0] = "XADD", argv[1] = EMAILS, argv[2] = "*";
    for (size_t i = 0; i < FIELDS; i++) {
        argv[3 + 2 * i] = i ? "f" : "do";
        argv[4 + 2 * i] = i ? "v" : "reject";
    }
    freeReplyObject(test_server_argv(scene->server, 3 + 2 * FIELDS, argv, NULL));
    free(argv);
}

static bool gone_is_reaped(void *scene)
{
    redisReply *reply = test_server_command(((struct scene *)scene)->server, "XINFO CONSUMERS " EMAILS " weir");
    bool alone = reply->elements == 1;
    freeReplyObject(reply);
    return alone;
}

static bool all_is_trimmed(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN " EMAILS) == 0;
}

static bool all_is_dead(void *scene)
{
    return test_server_integer(((struct scene *)scene)->server, "XLEN {" EMAILS "}:dead") == 4;
}

/* Everything that a worker does with jobs of other programs. */
static void work(struct scene *scene)
{
    command(scene, "DEL " EMAILS " {" EMAILS "}:dead");
    command(scene, "XGROUP CREATE " EMAILS " weir 0 MKSTREAM");
    leave_behind(scene);
    add_giant(scene);
    static const char *const jobs[] = {"done", "retry", "reject", "hold"};
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        redisReply *reply = test_server_command(scene->server, "XADD " EMAILS " * do %s", jobs[i]);
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        freeReplyObject(reply);
    }
    scene_hold(scene);
    scene->options.url = user_url(scene);
    scene->options.stream = EMAILS;
    scene->options.min_idle_ms = 200; /* so that leases are renewed, and what is stuck is claimed */
    scene->options.backoff_base_ms = 10;
    scene->options.max_attempts = 2;
    scene->options.trim_interval_ms = 10;
    scene->options.reap_idle_ms = 1;
    scene_start(scene);
    scene_await_ran(scene, "hold", 1);
    scene_await_ran(scene, "stuck", 1);
    scene_await_ran(scene, "retry", 2);
    scene_await_ran(scene, "done", 1);
    assert_true(wait_for(all_is_dead, scene, TEST_TIMEOUT_MS)); /* retry, reject, the giant, and what was deleted */
    assert_true(wait_for(gone_is_reaped, scene, TEST_TIMEOUT_MS));
    while (scene_stats(scene).leases_renewed == 0)
        let_pass(5);
    scene_release(scene);
    assert_true(wait_for(all_is_trimmed, scene, TEST_TIMEOUT_MS));
    command(scene, "XGROUP DESTROY " EMAILS " weir"); /* and it is made anew */
    scene_await_event(scene, "group created", 1);
    assert_int_equal(weir_queue_stop(scene->queue, TEST_TIMEOUT_MS), WEIR_OK);
    scene_close(scene);
}

static weir_status open_worker(struct scene *scene)
{
    weir_queue_options options = scene->options;
    options.url = user_url(scene);
    options.stream = EMAILS;
    weir_queue *queue = NULL;
    weir_status status = weir_queue_open(&queue, &options, &last_error);
    weir_queue_close(queue);
    return status;
}

static void a_workers_list_suffices_and_is_used(void **state)
{
    struct scene *scene = *state;
    struct list list = worker_list(scene);
    struct list comfortable = list;
    add_block(&comfortable, "comfort");
    allow(scene->server, &comfortable, NULL);
    command(scene, "ACL LOG RESET");
    command(scene, "SCRIPT FLUSH");
    for (int with_scripts = 0; with_scripts < 2; with_scripts++)
        work(scene);
    expect_nothing_denied(scene);
    for (size_t i = 0; i < recorder_count(scene->log); i++)
        assert_null(strstr(recorder_get(scene->log, i).key, "ACL"));

    /* without the comfort everything works, too; and what is not needed to open a queue is needed afterwards */
    allow(scene->server, &list, NULL);
    assert_int_equal(open_worker(scene), WEIR_OK);
    command(scene, "CONFIG RESETSTAT");
    command(scene, "SCRIPT FLUSH");
    work(scene);
    expect_all_used(scene, &list);
}

static void a_workers_list_is_minimal(void **state)
{
    struct scene *scene = *state;
    struct list list = worker_list(scene);
    expect_each_missed(scene, &list, open_worker);
    scene->options.retention = WEIR_DELETE_ON_ACK;
    assert_int_equal(open_worker(scene), WEIR_ERR_PERMISSION);
    expect_missed(&list, "+xdel", WEIR_ERR_PERMISSION);
    add_block(&list, "worker delete-on-ack");
    expect_each_missed(scene, &list, open_worker);
}

static void retentions_need_what_is_said(void **state)
{
    struct scene *scene = *state;
    struct list list = worker_list(scene);
    allow(scene->server, &list, NULL);
    scene->options.retention = WEIR_KEEP_LAST;
    scene->options.retention_count = 1;
    assert_int_equal(open_worker(scene), WEIR_OK);
    scene->options.retention = WEIR_DELETE_ON_ACK;
    add_block(&list, "worker delete-on-ack");
    allow(scene->server, &list, NULL);
    command(scene, "ACL LOG RESET");
    command(scene, "CONFIG RESETSTAT");
    scene->options.url = user_url(scene);
    scene->options.stream = EMAILS;
    scene_start(scene);
    command(scene, "XADD " EMAILS " * do done");
    scene_await_ran(scene, "done", 1);
    assert_true(wait_for(all_is_trimmed, scene, TEST_TIMEOUT_MS));
    assert_true(executed(scene, "xdel") > 1);
    assert_int_equal(weir_queue_stop(scene->queue, TEST_TIMEOUT_MS), WEIR_OK);
}

/* --- a producer --- */

static int64_t producer_delay_ms, producer_window_ms; /* what produce does besides */

static weir_status enqueue(weir_producer *producer, const char *id, int64_t delay_ms, int64_t window_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.delay_ms = delay_ms;
    options.idempotency_ms = window_ms;
    return weir_enqueue(producer, WEIR_FIELDS(weir_field_text("do", "done")), &options, NULL, &last_error);
}

/* A delayed job that can't be stored leaves no half behind: that takes a permission, too. */
static weir_status enqueue_into_a_spoilt_hash(struct scene *scene, weir_producer *producer)
{
    command(scene, "SET {" EMAILS "}:delayed:jobs x");
    weir_status status = enqueue(producer, "spoilt", producer_delay_ms, producer_window_ms);
    command(scene, "DEL {" EMAILS "}:delayed:jobs");
    return status == WEIR_ERR_SERVER ? WEIR_OK : status;
}

static weir_status produce(struct scene *scene)
{
    command(scene, "FLUSHDB");
    command(scene, "SCRIPT FLUSH");
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    for (int i = 0; status == WEIR_OK && i < 2; i++) { /* without scripts, and with them */
        status = enqueue(producer, "now", 0, 0);
        if (status == WEIR_OK && producer_delay_ms > 0)
            status = enqueue(producer, i ? "later too" : "later", producer_delay_ms, 0);
        if (status == WEIR_OK && producer_window_ms > 0)
            status = enqueue(producer, "once", 0, producer_window_ms);
        if (status == WEIR_OK && producer_delay_ms > 0 && producer_window_ms > 0)
            status = enqueue(producer, "once later", producer_delay_ms, producer_window_ms);
        if (status == WEIR_OK && producer_delay_ms > 0)
            status = enqueue_into_a_spoilt_hash(scene, producer);
    }
    weir_producer_close(producer);
    return status;
}

static void a_producers_lists_suffice_and_are_minimal(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 4; i++) {
        producer_delay_ms = i & 1 ? 3600000 : 0;
        producer_window_ms = i & 2 ? 3600000 : 0;
        struct list list = {.n = 0};
        add_block(&list, "producer");
        if (producer_delay_ms > 0)
            add_block(&list, "producer delays");
        if (producer_window_ms > 0)
            add_block(&list, "producer idempotency");
        expect_each_missed(scene, &list, produce);

        add_block(&list, "comfort");
        allow(scene->server, &list, NULL);
        command(scene, "ACL LOG RESET");
        assert_int_equal(produce(scene), WEIR_OK);
        expect_nothing_denied(scene);
    }
}

/* A denial in a script is of the whole of it: nothing was enqueued, and nothing is left. */
static void a_denied_enqueue_leaves_nothing(void **state)
{
    struct scene *scene = *state;
    struct list list = {.n = 0};
    add_block(&list, "producer");
    add_block(&list, "producer delays");
    add_block(&list, "producer idempotency");
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    allow(scene->server, &list, NULL);
    weir_producer *producer = NULL;
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_OK);
    for (size_t i = 0; i < list.n; i++) {
        allow(scene->server, &list, list.tokens[i]);
        for (int delayed = 0; delayed < 2; delayed++) {
            command(scene, "FLUSHDB");
            weir_status status = enqueue(producer, "x", delayed ? 3600000 : 0, 3600000);
            redisReply *left = test_server_command(scene->server, "KEYS *"); /* DBSIZE counts what has expired */
            if (status != WEIR_OK && left->elements > 0)
                fail_msg("without %s: %s is left", list.tokens[i], left->element[0]->str);
            freeReplyObject(left);
        }
    }
    weir_producer_close(producer);
}

/* --- an operator --- */

static int keep_id(const weir_dead_letter *letter, void *context)
{
    snprintf(context, 64, "%s", letter->id);
    return 0;
}

static weir_status operate(struct scene *scene)
{
    command(scene, "DEL " EMAILS " {" EMAILS "}:dead");
    command(scene, "SCRIPT FLUSH");
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    weir_dead *dead = NULL;
    weir_status status = weir_dead_open(&dead, &options, &last_error);
    for (int i = 0; status == WEIR_OK && i < 2; i++) { /* without scripts, and with them */
        for (int n = 0; n < 3; n++)
            command(scene, "XADD {" EMAILS "}:dead * do done weir.reason rejected");
        char id[64] = "";
        uint64_t count = 0;
        status = weir_dead_list(dead, NULL, 10, keep_id, id, &last_error);
        if (status == WEIR_OK)
            status = weir_dead_get(dead, id, keep_id, id, &last_error);
        if (status == WEIR_OK)
            status = weir_dead_count(dead, &count, &last_error);
        if (status == WEIR_OK)
            status = weir_dead_requeue(dead, id, &last_error);
        if (status == WEIR_ERR_PERMISSION)
            assert_int_equal(test_server_integer(scene->server, "XLEN " EMAILS), i);
        if (status == WEIR_OK)
            status = weir_dead_list(dead, NULL, 10, keep_id, id, &last_error);
        if (status == WEIR_OK)
            status = weir_dead_delete(dead, id, &last_error);
        if (status == WEIR_OK)
            status = weir_dead_purge(dead, &count, &last_error);
    }
    weir_dead_close(dead);
    return status;
}

static void an_operators_list_suffices_and_is_minimal(void **state)
{
    struct scene *scene = *state;
    struct list list = {.n = 0};
    add_block(&list, "operator");
    expect_each_missed(scene, &list, operate);
    add_block(&list, "comfort");
    allow(scene->server, &list, NULL);
    command(scene, "ACL LOG RESET");
    assert_int_equal(operate(scene), WEIR_OK);
    expect_nothing_denied(scene);
}

static bool admin_acts;

static int see_stream(const char *stream, void *context)
{
    *(bool *)context |= strcmp(stream, EMAILS) == 0;
    return 0;
}

static int see_consumer(const weir_consumer_info *consumer, void *context)
{
    (void)consumer;
    (void)context;
    return 0;
}

static int see_pending(const weir_pending_info *pending, void *context)
{
    snprintf(context, 64, "%s", pending->entry_id);
    return 0;
}

static int see_job(const weir_job_info *job, void *context)
{
    (void)job;
    (void)context;
    return 0;
}

static weir_status look(weir_admin *admin)
{
    weir_cursor cursor = {""};
    bool seen = false;
    char id[64] = "";
    weir_queue_info *info = NULL;
    weir_status status = weir_admin_info(admin, EMAILS, &info, &last_error);
    weir_queue_info_free(info);
    if (status == WEIR_OK)
        status = weir_admin_streams(admin, &cursor, see_stream, &seen, &last_error);
    if (status == WEIR_OK)
        status = weir_admin_consumers(admin, EMAILS, "weir", see_consumer, NULL, &last_error);
    if (status == WEIR_OK)
        status = weir_admin_pending(admin, EMAILS, "weir", NULL, NULL, 10, see_pending, id, &last_error);
    if (status == WEIR_OK)
        status = weir_admin_job(admin, EMAILS, id, see_job, NULL, &last_error);
    if (status == WEIR_OK)
        status = weir_admin_delayed(admin, EMAILS, NULL, 10, see_job, NULL, &last_error);
    assert_true(status != WEIR_OK || seen);
    return status;
}

static weir_status act(weir_admin *admin)
{
    weir_status status = weir_admin_delayed_run(admin, EMAILS, "a", &last_error);
    if (status == WEIR_OK)
        status = weir_admin_delayed_delete(admin, EMAILS, "b", &last_error);
    if (status == WEIR_OK)
        status = weir_admin_pause(admin, EMAILS, NULL, &last_error);
    if (status == WEIR_OK)
        status = weir_admin_resume(admin, EMAILS, NULL, &last_error);
    if (status == WEIR_OK)
        status = weir_admin_reap(admin, EMAILS, "weir", 0, NULL, &last_error);
    return status;
}

static weir_status administer(struct scene *scene)
{
    command(scene, "FLUSHDB");
    command(scene, "SCRIPT FLUSH");
    command(scene, "XGROUP CREATE " EMAILS " weir 0 MKSTREAM");
    command(scene, "XADD " EMAILS " * do done");
    command(scene, "XREADGROUP GROUP weir gone STREAMS " EMAILS " >");
    command(scene, "XGROUP CREATECONSUMER " EMAILS " weir idle");
    command(scene, "XADD {other}:dead * do done"); /* which the user may not touch */
    weir_producer_options producing = WEIR_PRODUCER_OPTIONS_INIT;
    producing.url = test_server_url(scene->server);
    producing.stream = EMAILS;
    weir_producer *producer = NULL;
    assert_int_equal(weir_producer_open(&producer, &producing, &last_error), WEIR_OK);
    assert_int_equal(enqueue(producer, "a", 3600000, 0), WEIR_OK);
    assert_int_equal(enqueue(producer, "b", 3600000, 0), WEIR_OK);
    weir_producer_close(producer);
    command(scene, "ZADD {" EMAILS "}:delayed 4000000000000 spoilt");
    command(scene, "HSET {" EMAILS "}:delayed:jobs spoilt x");

    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = user_url(scene);
    weir_admin *admin = NULL;
    weir_status status = weir_admin_open(&admin, &options, &last_error);
    if (status == WEIR_OK)
        status = look(admin);
    if (status == WEIR_OK && admin_acts) {
        status = act(admin);
        long long copies = test_server_integer(scene->server, "XLEN " EMAILS);
        long long delayed = test_server_integer(scene->server, "ZCARD {" EMAILS "}:delayed");
        long long packed = test_server_integer(scene->server, "HLEN {" EMAILS "}:delayed:jobs");
        assert_int_equal(delayed, packed); /* all of a step or nothing */
        assert_true(copies + delayed == 4 || status != WEIR_ERR_PERMISSION || copies + delayed == 3);
    }
    if (status == WEIR_OK && admin_acts) /* what is spoilt goes to the dead letters */
        status = weir_admin_delayed_run(admin, EMAILS, "spoilt", &last_error);
    weir_admin_close(admin);
    return status;
}

static void administering_needs_what_is_said(void **state)
{
    struct scene *scene = *state;
    for (int acts = 0; acts < 2; acts++) {
        admin_acts = acts;
        struct list list = {.n = 0};
        add_block(&list, "operator look");
        if (acts)
            add_block(&list, "operator act");
        expect_each_missed(scene, &list, administer);
        add_block(&list, "comfort");
        allow(scene->server, &list, NULL);
        command(scene, "ACL LOG RESET");
        assert_int_equal(administer(scene), WEIR_OK);
    }
}

static bool check_repairs;

/* With something of everything, so that it has to look everywhere. */
static weir_status check(struct scene *scene)
{
    command(scene, "FLUSHDB");
    command(scene, "SCRIPT FLUSH");
    command(scene, "XGROUP CREATE " EMAILS " weir 0 MKSTREAM");
    command(scene, "XADD " EMAILS " * do done");
    command(scene, "XREADGROUP GROUP weir gone STREAMS " EMAILS " >");
    command(scene, "XADD {" EMAILS "}:dead * do done");
    command(scene, "ZADD {" EMAILS "}:delayed 1 a");
    command(scene, "HSET {" EMAILS "}:delayed:jobs b x");
    weir_check_options options = WEIR_CHECK_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    options.repair = check_repairs;
    return weir_check(&options, NULL, &last_error);
}

static void checking_needs_what_is_said(void **state)
{
    struct scene *scene = *state;
    for (int repair = 0; repair < 2; repair++) {
        check_repairs = repair;
        struct list list = {.n = 0}, without_config = {.n = 0};
        add_block(&list, "operator check");
        if (repair)
            add_block(&list, "operator repair");
        for (size_t i = 0; i < list.n; i++) /* that is a finding instead */
            if (strcmp(list.tokens[i], "+config|get") != 0)
                strcpy(without_config.tokens[without_config.n++], list.tokens[i]);
        expect_each_missed(scene, &without_config, check);
        add_block(&list, "comfort");
        allow(scene->server, &list, NULL);
        command(scene, "ACL LOG RESET");
        assert_int_equal(check(scene), WEIR_OK);
        expect_nothing_denied(scene);
    }
}

/* --- more than one server --- */

static weir_status produce_at(const char *url)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = EMAILS;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    if (status == WEIR_OK)
        status = enqueue(producer, NULL, 0, 0);
    weir_producer_close(producer);
    return status;
}

/* The URL with another user. */
static void with_user(const char *url, char out[FLEET_URL_SIZE])
{
    const char *login = strstr(url, TEST_LOGIN);
    snprintf(out, FLEET_URL_SIZE, "%.*su:secret@%s", (int)(login - url), url, login + strlen(TEST_LOGIN));
}

static void behind_sentinels_the_role_is_asked_for(void **state)
{
    (void)state;
    struct fleet fleet;
    char url[FLEET_URL_SIZE];
    fleet_start(&fleet, 0, 1);
    with_user(fleet.url, url);
    struct list list = {.n = 0};
    add_block(&list, "producer");
    allow(fleet.nodes[0], &list, NULL);
    assert_int_equal(produce_at(url), WEIR_ERR_PERMISSION);
    expect_missed(&list, "+role", WEIR_ERR_PERMISSION);
    add_block(&list, "sentinel");
    allow(fleet.nodes[0], &list, NULL);
    assert_int_equal(produce_at(url), WEIR_OK);
    fleet_stop(&fleet);
}

static void in_a_cluster_the_slots_are_asked_for(void **state)
{
    (void)state;
    struct cluster cluster;
    char url[FLEET_URL_SIZE];
    cluster_start(&cluster, 1, false);
    with_user(cluster.url, url);
    struct list list = {.n = 0};
    add_block(&list, "producer");
    allow(cluster.nodes[0], &list, NULL);
    assert_int_equal(produce_at(url), WEIR_ERR_PERMISSION);
    expect_missed(&list, "+cluster|slots", WEIR_ERR_PERMISSION);
    add_block(&list, "cluster");
    allow(cluster.nodes[0], &list, NULL);
    assert_int_equal(produce_at(url), WEIR_OK);
    cluster_stop(&cluster);
}

static const char *read_page(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen(path, "re");
    char *text = calloc(1, MOST);
    if (!file || !text || fread(text, 1, MOST - 1, file) == 0)
        test_die("%s can't be read", path);
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        test_die("usage: access PAGE");
    page = read_page(argv[1]);
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_workers_list_suffices_and_is_used),
        SCENE_TEST(a_workers_list_is_minimal),
        SCENE_TEST(retentions_need_what_is_said),
        SCENE_TEST(a_producers_lists_suffice_and_are_minimal),
        SCENE_TEST(a_denied_enqueue_leaves_nothing),
        SCENE_TEST(an_operators_list_suffices_and_is_minimal),
        SCENE_TEST(administering_needs_what_is_said),
        SCENE_TEST(checking_needs_what_is_said),
        cmocka_unit_test(behind_sentinels_the_role_is_asked_for),
        cmocka_unit_test(in_a_cluster_the_slots_are_asked_for),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free((char *)page);
    return failed;
}
