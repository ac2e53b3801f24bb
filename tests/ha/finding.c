/* SPDX-License-Identifier: MIT
 *
 * Finding the server through sentinels and nodes that are mistaken, silent, strange or gone; what is said when nobody
 * is found; and redirections that lead nowhere. Most of the others here are fakes.
 */
#include "support/fake.h"
#include "support/fleet.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

enum { FAKES = 3, SHORT_MS = 200 };

static struct fleet fleet; /* a primary and a replica, which no sentinel knows */
static struct fake_server *fakes[FAKES];
static weir_error last_error;

static int start_servers(void **state)
{
    (void)state;
    fleet_start(&fleet, 1, 0);
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    fleet_stop(&fleet);
    return 0;
}

static int start_fakes(void **state)
{
    (void)state;
    for (int i = 0; i < FAKES; i++)
        fakes[i] = fake_server_start();
    return 0;
}

static int stop_fakes(void **state)
{
    (void)state;
    for (int i = 0; i < FAKES; i++) {
        fake_server_stop(fakes[i]);
        fakes[i] = NULL;
    }
    return 0;
}

/* --- short words --- */

#define RULES(server, ...)                                                                                             \
    fake_server_rules(server, (const struct fake_rule[]){__VA_ARGS__},                                                 \
                      sizeof((const struct fake_rule[]){__VA_ARGS__}) / sizeof(struct fake_rule))

/* "127.0.0.1:1,127.0.0.1:2" for the first n fakes. */
static const char *addresses(int n)
{
    static char out[256];
    int len = 0;
    for (int i = 0; i < n; i++)
        len +=
            snprintf(out + len, sizeof out - (size_t)len, "%s127.0.0.1:%d", i ? "," : "", fake_server_port(fakes[i]));
    return out;
}

static weir_producer *producer;

static weir_status open_url(const char *url, const char *stream)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    options.connection.connect_timeout_ms = options.connection.command_timeout_ms = test_scaled_ms(SHORT_MS);
    last_error = (weir_error){.code = WEIR_OK};
    producer = NULL;
    return weir_producer_open(&producer, &options, &last_error);
}

static weir_status open_sentinels(int n, const char *user, const char *query)
{
    char url[512];
    snprintf(url, sizeof url, "redis+sentinel://%s%s/main%s", user, addresses(n), query);
    return open_url(url, "jobs");
}

static weir_status open_cluster(int n)
{
    char url[512];
    snprintf(url, sizeof url, "redis+cluster://u:s3cret@%s", addresses(n));
    return open_url(url, "jobs");
}

static weir_status enqueue(void)
{
    last_error = (weir_error){.code = WEIR_OK};
    return weir_enqueue(producer, WEIR_FIELDS(weir_field_text("a", "b")), NULL, NULL, &last_error);
}

/* A sentinel's answer, or a node's own, that names a port. */
static const char *naming(char out[64], int port)
{
    snprintf(out, 64, "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05d\r\n", port);
    return out;
}

static const char *serving_all(char out[256], int port, int replica_port)
{
    snprintf(out, 256, "*1\r\n*4\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
             port, replica_port);
    return out;
}

/* One line, of the right code, that has all the words and no password in it. */
static void expect_words(weir_status expected, weir_status actual, const char *const *words)
{
    if (actual != expected)
        fail_msg("%s instead of %s: %s (%s)", weir_status_name(actual), weir_status_name(expected), last_error.message,
                 last_error.server);
    assert_null(producer);
    for (; *words; words++)
        if (!strstr(last_error.message, *words))
            fail_msg("\"%s\" doesn't say \"%s\"", last_error.message, *words);
    assert_null(strchr(last_error.message, '\n'));
    assert_null(strstr(last_error.message, "s3cret"));
    assert_null(strstr(last_error.server, "s3cret"));
}

#define SAYS(status, call, ...) expect_words(status, call, (const char *const[]){__VA_ARGS__, NULL})

/* --- sentinels --- */

static int primary_port(void)
{
    return test_server_tcp_port(fleet.nodes[0]);
}

static int replica_port(void)
{
    return test_server_tcp_port(fleet.nodes[1]);
}

static void a_sentinel_that_has_not_heard_of_a_failover(void **state)
{
    (void)state;
    char old[64], new[64], said[64];
    snprintf(said, sizeof said, "says 127.0.0.1:%d: it is no primary", replica_port());
    RULES(fakes[0], {"SENTINEL get-master-addr-by-name main", naming(old, replica_port())});
    SAYS(WEIR_ERR_CONNECTION, open_sentinels(1, "", ""), "no primary \"main\" found", said);
    RULES(fakes[1], {"SENTINEL get-master-addr-by-name main", naming(new, primary_port())});
    assert_int_equal(open_sentinels(2, "", ""), WEIR_OK);
    assert_int_equal(enqueue(), WEIR_OK);
    weir_producer_close(producer);
}

static bool was_asked_again(void *context)
{
    (void)context;
    return fake_server_asked(fakes[0], "SENTINEL") >= 4;
}

static void *enqueue_one(void *status)
{
    *(weir_status *)status = enqueue();
    return NULL;
}

/* Its word alone is no reason to give up a primary that is slow: who it names says that it isn't one. */
static void a_sentinel_that_is_mistaken_while_the_primary_is_slow(void **state)
{
    (void)state;
    char right[64], wrong[64], url[512];
    RULES(fakes[0], {"SENTINEL", naming(right, primary_port())});
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    snprintf(url, sizeof url, "redis+sentinel://%s/main", addresses(1));
    options.url = url;
    options.stream = "slow";
    options.connection.command_timeout_ms = 600000;
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_OK);
    RULES(fakes[0], {"SENTINEL", naming(wrong, replica_port())});
    test_server_pause(fleet.nodes[0]);
    pthread_t thread;
    weir_status status = WEIR_ERR_STATE;
    assert_int_equal(pthread_create(&thread, NULL, enqueue_one, &status), 0);
    assert_true(wait_for(was_asked_again, NULL, TEST_TIMEOUT_MS));
    test_server_resume(fleet.nodes[0]);
    pthread_join(thread, NULL);
    assert_int_equal(status, WEIR_OK);
    weir_producer_close(producer);
}

/* It costs its timeout once: who has answered is asked first the next time. */
static void a_sentinel_that_is_silent(void **state)
{
    (void)state;
    char address[64];
    RULES(fakes[0], {"", NULL});
    RULES(fakes[1], {"SENTINEL", naming(address, primary_port())});
    assert_int_equal(open_sentinels(2, "", ""), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(enqueue(), WEIR_OK);
        freeReplyObject(test_server_command(fleet.nodes[0], "CLIENT KILL TYPE normal SKIPME yes"));
    }
    assert_int_equal(fake_server_asked(fakes[0], "SENTINEL"), 1);
    assert_true(fake_server_asked(fakes[1], "SENTINEL") >= 3);
    weir_producer_close(producer);
}

static void what_each_of_them_said(void **state)
{
    (void)state;
    RULES(fakes[0], {"SENTINEL", "*-1\r\n"});
    RULES(fakes[1], {"SENTINEL", "-ERR unknown command 'SENTINEL'\r\n"});
    RULES(fakes[2], {"SENTINEL", ""});
    SAYS(WEIR_ERR_UNSUPPORTED, open_sentinels(3, "u:s3cret@", ""), "no primary \"main\" found: 127.0.0.1:",
         ": doesn't know that name; 127.0.0.1:", ": not a sentinel; 127.0.0.1:", "the server closed it");
    RULES(fakes[0], {"SENTINEL", NULL});
    RULES(fakes[1], {"SENTINEL", "+OK\r\n"});
    fake_server_kill(fakes[2]);
    SAYS(WEIR_ERR_CONNECTION, open_sentinels(3, "u:s3cret@", ""), "no answer in time", "unexpected form",
         ": Connection refused");
}

static void passwords_go_where_they_belong(void **state)
{
    (void)state;
    char address[64];
    const struct fake_rule sentinel[] = {{"AUTH su s3cret-s", "+OK\r\n"},
                                         {"AUTH", "-WRONGPASS invalid username-password pair\r\n"},
                                         {"SENTINEL", naming(address, fake_server_port(fakes[1]))}};
    fake_server_rules(fakes[0], sentinel, 3);
    RULES(fakes[1], {"AUTH u s3cret-p", "+OK\r\n"}, {"AUTH", "-WRONGPASS no\r\n"},
          {"ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"});
    assert_int_equal(open_sentinels(1, "u:s3cret-p@", "?sentinel_user=su&sentinel_password=s3cret-s"), WEIR_OK);
    weir_producer_close(producer);
    assert_int_equal(fake_server_asked(fakes[0], "AUTH su s3cret-s"), 1);
    assert_int_equal(fake_server_asked(fakes[0], "AUTH"), 1);
    assert_int_equal(fake_server_asked(fakes[1], "AUTH"), 1);

    SAYS(WEIR_ERR_AUTH, open_sentinels(1, "u:s3cret-p@", "?sentinel_password=s3cret-x"), "sentinel_password");
    SAYS(WEIR_ERR_AUTH, open_sentinels(1, "u:s3cret-x@", "?sentinel_user=su&sentinel_password=s3cret-s"),
         "the user or the password of the url is wrong");
    RULES(fakes[0], {"SENTINEL", "-NOAUTH Authentication required.\r\n"});
    SAYS(WEIR_ERR_AUTH, open_sentinels(1, "", ""), "sentinel_password");
}

/* --- answers that nobody gives --- */

static const char *const strange[] = {
    "+OK\r\n",
    ":-1\r\n",
    "$-1\r\n",
    "*0\r\n",
    "*1\r\n*0\r\n",
    "*2\r\n$-1\r\n$-1\r\n",
    "*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n",
    "*2\r\n$9\r\n127.0.0.1\r\n$6\r\n999999\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:0\r\n",
    "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\n?\r\n:1\r\n",
    "*2147483647\r\n",
    "$536870913\r\n",
    "?\r\n",
    "-\r\n",
    "",
};

static void strange_answers_are_failures_like_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        const struct fake_rule rules[] = {{"SENTINEL", strange[i]}, {"CLUSTER", strange[i]}};
        fake_server_rules(fakes[0], rules, 2);
        assert_int_not_equal(open_sentinels(1, "", ""), WEIR_OK);
        assert_null(producer);
        assert_int_not_equal(open_cluster(1), WEIR_OK);
        assert_null(producer);

        char address[64], slots[256];
        const struct fake_rule as_server[] = {
            {"SENTINEL", naming(address, fake_server_port(fakes[1]))},
            {"CLUSTER", serving_all(slots, fake_server_port(fakes[1]), fake_server_port(fakes[1]))}};
        const struct fake_rule strange_server[] = {{"ROLE", strange[i]}, {"XADD", strange[i]}};
        fake_server_rules(fakes[0], as_server, 2);
        fake_server_rules(fakes[1], strange_server, 2);
        assert_int_not_equal(open_sentinels(1, "", ""), WEIR_OK);
        assert_int_equal(open_cluster(1), WEIR_OK);
        assert_int_not_equal(enqueue(), WEIR_OK);
        weir_producer_close(producer);
    }
}

/* --- clusters --- */

static void nodes_that_are_none(void **state)
{
    (void)state;
    RULES(fakes[0], {"CLUSTER", "-ERR This instance has cluster support disabled\r\n"});
    RULES(fakes[1], {"CLUSTER", "*0\r\n"});
    RULES(fakes[2], {"AUTH", "-WRONGPASS no\r\n"});
    SAYS(WEIR_ERR_UNSUPPORTED, open_cluster(2), "no node for slot 9631 found: 127.0.0.1:",
         ": not a cluster node; 127.0.0.1:", ": knows nobody who serves slot 9631");
    SAYS(WEIR_ERR_UNSUPPORTED, open_cluster(3), "the user or the password of the url is wrong");
}

/* The URL's only node goes; one that it had told of is asked then. */
static void nodes_that_others_told_of(void **state)
{
    (void)state;
    char slots[256], later[256];
    RULES(fakes[0], {"CLUSTER SLOTS", serving_all(slots, fake_server_port(fakes[1]), fake_server_port(fakes[2]))});
    RULES(fakes[1], {"XADD", "$3\r\n1-1\r\n"}, {"CLUSTER", "*0\r\n"});
    RULES(fakes[2], {"XADD", "$3\r\n2-2\r\n"},
          {"CLUSTER SLOTS", serving_all(later, fake_server_port(fakes[2]), fake_server_port(fakes[1]))});
    assert_int_equal(open_cluster(1), WEIR_OK);
    assert_int_equal(enqueue(), WEIR_OK);
    fake_server_kill(fakes[0]);
    fake_server_kill(fakes[1]);
    for (int i = 0; i < 5 && enqueue() != WEIR_OK; i++)
        ;
    assert_int_equal(last_error.code, WEIR_OK);
    assert_int_equal(fake_server_asked(fakes[2], "XADD"), 1);
    weir_producer_close(producer);
}

static const char *redirection(char out[64], const char *kind, const char *host, int port)
{
    snprintf(out, 64, "-%s 9631 %s:%d\r\n", kind, host, port);
    return out;
}

/* Opened at the first fake, which redirects; the second one has the rules given. */
static void open_redirecting(const char *words, const struct fake_rule *rules, size_t n)
{
    char slots[256];
    RULES(fakes[0], {"CLUSTER SLOTS", serving_all(slots, fake_server_port(fakes[0]), fake_server_port(fakes[0]))},
          {"XADD", words});
    fake_server_rules(fakes[1], rules, n);
    assert_int_equal(open_cluster(1), WEIR_OK);
}

static void commands_are_sent_where_they_belong(void **state)
{
    (void)state;
    static const struct fake_rule fine[] = {{"ASKING", "+OK\r\n"}, {"XADD", "$3\r\n1-1\r\n"}};
    char words[64];
    int port = fake_server_port(fakes[1]);

    open_redirecting(redirection(words, "ASK", "127.0.0.1", port), fine, 2);
    for (size_t i = 1; i <= 3; i++) { /* each anew, after asking at the first one */
        assert_int_equal(enqueue(), WEIR_OK);
        assert_int_equal(fake_server_asked(fakes[0], "XADD"), i);
        assert_int_equal(fake_server_asked(fakes[1], "ASKING"), i);
    }
    weir_producer_close(producer);

    open_redirecting(redirection(words, "MOVED", "", port), fine, 2); /* the same host */
    for (size_t i = 1; i <= 3; i++) {                                 /* the first one alone */
        assert_int_equal(enqueue(), WEIR_OK);
        assert_int_equal(fake_server_asked(fakes[0], "XADD"), 4);
        assert_int_equal(fake_server_asked(fakes[1], "XADD"), 3 + i);
    }
    assert_int_equal(fake_server_asked(fakes[1], "ASKING"), 3);
    weir_producer_close(producer);
}

/* Not added, and said so: nothing is in doubt, and nothing goes on for ever. */
static void redirections_that_lead_nowhere(void **state)
{
    (void)state;
    char there[64], back[64];
    int dead_port = 1; /* nobody listens there */
    static const char *const kinds[] = {"MOVED", "ASK"};
    for (size_t i = 0; i < 2; i++) {
        struct fake_rule round[] = {{"ASKING", "+OK\r\n"}, {"XADD", back}};
        redirection(back, kinds[i], "127.0.0.1", fake_server_port(fakes[0]));
        open_redirecting(redirection(there, kinds[i], "127.0.0.1", fake_server_port(fakes[1])), round, 2);
        assert_int_equal(enqueue(), WEIR_ERR_UNAVAILABLE);
        assert_non_null(strstr(last_error.server, kinds[i]));
        weir_producer_close(producer);

        open_redirecting(redirection(there, kinds[i], "127.0.0.1", dead_port), NULL, 0);
        assert_int_equal(enqueue(), WEIR_ERR_UNAVAILABLE);
        weir_producer_close(producer);

        open_redirecting(redirection(there, kinds[i], "?", 1), NULL, 0);
        assert_int_equal(enqueue(), WEIR_ERR_UNAVAILABLE);
        weir_producer_close(producer);
    }
}

/* The one that it was sent on to hangs up, or says nothing: it may have been added there. */
static void redirections_to_where_it_is_lost(void **state)
{
    (void)state;
    char there[64];
    for (int i = 0; i < 2; i++) {
        const struct fake_rule rule = {"XADD", i ? NULL : ""};
        open_redirecting(redirection(there, "MOVED", "127.0.0.1", fake_server_port(fakes[1])), &rule, 1);
        assert_int_equal(enqueue(), WEIR_ERR_IN_DOUBT);
        weir_producer_close(producer);
    }
}

/*
 * A bulk during which the slot's primary is replaced: what the old one accepted and the replicas of the new one may not
 * have is not taken for accepted, although those say that they have all that the new one was told.
 */
static void replicas_speak_for_their_own_primary_alone(void **state)
{
    (void)state;
    enum { N = 5000 }; /* so many that the WAIT at the end is not written before the first answers are read */
    static weir_enqueue_job jobs[N];
    static weir_enqueue_result results[N];
    char slots[256], words[64], url[512];
    RULES(fakes[0], {"CLUSTER SLOTS", serving_all(slots, fake_server_port(fakes[0]), fake_server_port(fakes[0]))},
          {"XADD jobs * a first", "$3\r\n1-1\r\n"},
          {"XADD", redirection(words, "MOVED", "127.0.0.1", fake_server_port(fakes[1]))}, {"WAIT", ":0\r\n"});
    RULES(fakes[1], {"XADD", "$3\r\n2-2\r\n"}, {"WAIT", ":1\r\n"});
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    snprintf(url, sizeof url, "redis+cluster://%s", addresses(1));
    options.url = url;
    options.stream = "jobs";
    options.wait_replicas = 1;
    assert_int_equal(weir_producer_open(&producer, &options, &last_error), WEIR_OK);
    const weir_fields *first = WEIR_FIELDS(weir_field_text("a", "first")),
                      *later = WEIR_FIELDS(weir_field_text("a", "b"));
    for (int i = 0; i < N; i++)
        jobs[i] = (weir_enqueue_job){i ? later : first, NULL};
    assert_int_equal(weir_enqueue_bulk(producer, jobs, N, results, &last_error), WEIR_ERR_IN_DOUBT);
    assert_non_null(strstr(last_error.message, "another server has taken over"));
    for (int i = 0; i < N; i++)
        assert_int_equal(results[i].status, i ? WEIR_OK : WEIR_ERR_IN_DOUBT);
    assert_int_equal(enqueue(), WEIR_OK);
    weir_producer_close(producer);
}

static void names_whose_keys_would_be_torn_apart(void **state)
{
    (void)state;
    char slots[256], url[512];
    RULES(fakes[0], {"CLUSTER SLOTS", serving_all(slots, fake_server_port(fakes[0]), fake_server_port(fakes[0]))});
    static const struct {
        const char *stream;
        bool fine;
    } cases[] = {{"a}b", false}, {"{}x", false}, {"}", false}, {"{a}b}", true}, {"a{b", true}, {"{a}", true}};
    snprintf(url, sizeof url, "redis+cluster://%s", addresses(1));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_status status = open_url(url, cases[i].stream);
        assert_int_equal(status, cases[i].fine ? WEIR_OK : WEIR_ERR_ARGUMENT);
        if (!cases[i].fine)
            assert_non_null(strstr(last_error.message, "hash tag"));
        weir_producer_close(producer);
        assert_int_equal(open_url(test_server_url(fleet.nodes[0]), cases[i].stream),
                         WEIR_OK); /* one server bears all */
        weir_producer_close(producer);
    }
}

#define WITH_FAKES(test) cmocka_unit_test_setup_teardown(test, start_fakes, stop_fakes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FAKES(a_sentinel_that_has_not_heard_of_a_failover),
        WITH_FAKES(a_sentinel_that_is_mistaken_while_the_primary_is_slow),
        WITH_FAKES(a_sentinel_that_is_silent),
        WITH_FAKES(what_each_of_them_said),
        WITH_FAKES(passwords_go_where_they_belong),
        WITH_FAKES(strange_answers_are_failures_like_others),
        WITH_FAKES(nodes_that_are_none),
        WITH_FAKES(nodes_that_others_told_of),
        WITH_FAKES(commands_are_sent_where_they_belong),
        WITH_FAKES(redirections_that_lead_nowhere),
        WITH_FAKES(redirections_to_where_it_is_lost),
        WITH_FAKES(replicas_speak_for_their_own_primary_alone),
        WITH_FAKES(names_whose_keys_would_be_torn_apart),
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
