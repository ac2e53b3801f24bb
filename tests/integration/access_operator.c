/* SPDX-License-Identifier: MIT
 *
 * The operator's access lists of docs/security.md: as access.c.
 *
 *     access_operator PAGE
 */
#include "access_lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(an_operators_list_suffices_and_is_minimal),
        SCENE_TEST(administering_needs_what_is_said),
        SCENE_TEST(checking_needs_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return access_run(argc, argv, run_all);
}
