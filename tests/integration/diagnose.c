/* SPDX-License-Identifier: MIT
 *
 * weir_admin_server against real servers that are full, replicas, or can't persist; and what weir_diagnose makes of it.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static void command(struct fixture *f, const char *words)
{
    redisReply *reply = test_server_command(f->server, words);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        test_die("%s: %s", words, reply ? reply->str : "no answer");
    freeReplyObject(reply);
}

static weir_admin *open_admin(const char *url)
{
    weir_admin_options options = WEIR_ADMIN_OPTIONS_INIT;
    options.url = url;
    options.connection.command_timeout_ms = TEST_TIMEOUT_MS;
    weir_admin *admin = NULL;
    OK(weir_admin_open(&admin, &options, &last_error));
    return admin;
}

static weir_server_info look(weir_admin *admin)
{
    weir_server_info server = WEIR_SERVER_INFO_INIT;
    OK(weir_admin_server(admin, STREAM, &server, &last_error));
    return server;
}

static void add_name(const weir_finding *finding, void *names)
{
    size_t len = strlen(names);
    snprintf((char *)names + len, 256 - len, "%s%s", len ? ", " : "", weir_finding_name(finding->code));
}

static void expect(const weir_server_info *server, const char *expected)
{
    char names[256] = "";
    weir_diagnose(NULL, server, add_name, names);
    assert_string_equal(names, expected);
}

static void what_the_server_is_and_has_is_told(void **state)
{
    struct fixture *f = *state;
    weir_admin *admin = open_admin(test_server_url(f->server));
    weir_server_info server = look(admin);
    assert_int_equal(server.size, sizeof server);
    assert_true(strchr(server.version, '.') && server.used_memory > 0);
    assert_int_equal(server.max_memory, 0);
    assert_string_equal(server.memory_policy, "noeviction");
    assert_int_equal(server.writes, WEIR_OK);
    assert_false(server.replica || server.disk_fails);
    expect(&server, "");
    OK(weir_admin_server(admin, NULL, &server, &last_error));
    assert_int_equal(test_server_integer(f->server, "DBSIZE"), 0);
    weir_admin_close(admin);
}

static void a_server_that_refuses_writes_says_why(void **state)
{
    struct fixture *f = *state;
    weir_admin *admin = open_admin(test_server_url(f->server));
    command(f, "CONFIG SET maxmemory 100");
    weir_server_info server = look(admin);
    assert_int_equal(server.writes, WEIR_ERR_FULL);
    assert_int_equal(server.max_memory, 100);
    expect(&server, "full");
    command(f, "CONFIG SET maxmemory 0");

    command(f, "CONFIG SET min-replicas-to-write 1");
    server = look(admin);
    assert_int_equal(server.writes, WEIR_ERR_UNAVAILABLE);
    expect(&server, "writes fail");
    command(f, "CONFIG SET min-replicas-to-write 0");

    command(f, "REPLICAOF 127.0.0.1 1");
    server = look(admin);
    assert_int_equal(server.writes, WEIR_ERR_UNAVAILABLE);
    assert_true(server.replica);
    expect(&server, "replica");
    command(f, "REPLICAOF NO ONE");
    server = look(admin);
    assert_int_equal(server.writes, WEIR_OK);
    weir_admin_close(admin);
}

/* Who may look at one queue and no more is told what can be told. */
static void what_may_not_be_asked_is_not_known(void **state)
{
    struct fixture *f = *state;
    command(f, "ACL SETUSER looker on nopass ~" STREAM " +xrange");
    char url[300];
    snprintf(url, sizeof url, "unix://looker:any@%s", test_server_socket(f->server));
    weir_admin *admin = open_admin(url);
    weir_server_info server = look(admin);
    assert_string_equal(server.version, "");
    assert_int_equal(server.used_memory, 0);
    assert_int_equal(server.writes, WEIR_ERR_PERMISSION);
    expect(&server, "");
    command(f, "ACL SETUSER looker +xadd");
    assert_int_equal(look(admin).writes, WEIR_OK);
    weir_admin_close(admin);
}

static void a_memory_url_has_no_limits(void **state)
{
    (void)state;
    weir_admin *admin = open_admin("memory:diagnose");
    weir_server_info server = look(admin);
    assert_string_equal(server.version, "memory");
    expect(&server, "");
    weir_admin_close(admin);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    weir_admin *admin = open_admin("memory:diagnose");
    weir_server_info server = WEIR_SERVER_INFO_INIT;
    EXPECT(WEIR_ERR_ARGUMENT, weir_admin_server(admin, STREAM, NULL, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_admin_server(NULL, STREAM, &server, &last_error));
    EXPECT(WEIR_ERR_ARGUMENT, weir_admin_server(admin, "", &server, &last_error));
    server.size--;
    EXPECT(WEIR_ERR_ARGUMENT, weir_admin_server(admin, STREAM, &server, &last_error));
    weir_admin_close(admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(what_the_server_is_and_has_is_told), WITH_FIXTURE(a_server_that_refuses_writes_says_why),
        WITH_FIXTURE(what_may_not_be_asked_is_not_known), cmocka_unit_test(a_memory_url_has_no_limits),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
