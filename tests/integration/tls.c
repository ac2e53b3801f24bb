/* SPDX-License-Identifier: MIT
 *
 * rediss://: jobs go through it as through any connection; who the server is gets checked; and what is wrong with a
 * certificate is said.
 */
#include "fixture.h"

#include "support/certificates.h"
#include "support/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_OF(name) test_certificate_path(name)

/* A server with a certificate, which asks clients for one (or not). */
static struct test_server *start_server(const char *certificate, const char *auth_clients, const char *protocols)
{
    char pem[32], key[32];
    snprintf(pem, sizeof pem, "%s.pem", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    const char *const arguments[] = {
        "--tls-cert-file",
        FILE_OF(pem),
        "--tls-key-file",
        FILE_OF(key),
        "--tls-ca-cert-file",
        FILE_OF("ca.pem"),
        "--tls-auth-clients",
        auth_clients,
        "--tls-protocols",
        protocols,
        "--tls-ciphers",
        "DEFAULT:@SECLEVEL=0", /* so that it would speak what is out of date */
        NULL,
    };
    return test_server_start_tls(arguments);
}

static int set_up(void **state)
{
    return fixture_set_up_with(state, start_server("server", "no", "TLSv1.2 TLSv1.3"));
}
#define WITH_TLS(test) cmocka_unit_test_setup_teardown(test, set_up, fixture_tear_down)

/* The test's server in the place of the fixture's. */
static void replace_server(struct fixture *f, struct test_server *server)
{
    test_server_stop(f->server);
    f->server = server;
}

static weir_connection_options trusting(const char *ca)
{
    weir_connection_options options = WEIR_CONNECTION_OPTIONS_INIT(TEST_TIMEOUT_MS);
    options.connect_timeout_ms = TEST_TIMEOUT_MS;
    options.tls_ca_file = ca ? FILE_OF(ca) : NULL;
    return options;
}

static weir_status try_at(const char *url, const weir_connection_options *connection)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = STREAM;
    options.connection = *connection;
    weir_producer *producer = NULL;
    last_error = (weir_error){.code = WEIR_OK};
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    assert_int_equal(producer != NULL, status == WEIR_OK);
    weir_producer_close(producer);
    return status;
}

static weir_status try(struct fixture *f, const weir_connection_options *connection)
{
    return try_at(test_server_tcp_url(f->server), connection);
}

static void says(const char *words)
{
    if (!strstr(last_error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", last_error.message, words);
}

static weir_producer *open_producer(struct fixture *f, const char *url, int64_t timeout_ms)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = STREAM;
    options.connection = trusting("ca.pem");
    options.connection.command_timeout_ms = timeout_ms;
    OK(weir_producer_open(&f->producer, &options, &last_error));
    return f->producer;
}

static weir_queue_options tls_options(struct fixture *f)
{
    weir_queue_options options = fixture_options(f);
    options.url = test_server_tcp_url(f->server);
    options.connection = trusting("ca.pem");
    return options;
}

/* --- it works --- */

/* Delayed, retried, dead, requeued, done. */
static void a_whole_life_goes_through_it(void **state)
{
    struct fixture *f = *state;
    enum { N = 300 };
    open_producer(f, test_server_tcp_url(f->server), TEST_TIMEOUT_MS);
    weir_queue_options options = tls_options(f);
    options.handler = handle_retry;
    options.on_dead = record_dead;
    options.max_attempts = 2;
    options.backoff_base_ms = options.backoff_cap_ms = 1;
    weir_queue *queue = fixture_start(f, &options);
    put_numbered(f, 0, N);
    weir_enqueue_options later = WEIR_ENQUEUE_OPTIONS_INIT;
    later.delay_ms = 1;
    put_with(f, "later", &later);
    assert_true(recorder_wait_count(f->runs, 2 * (N + 1), TEST_TIMEOUT_MS));
    assert_true(WAIT_STAT(queue, dead, N + 1));
    assert_int_equal(recorder_most_of_a_key(f->runs), 2);
    fixture_close(f, queue);

    weir_dead_options dead_options = WEIR_DEAD_OPTIONS_INIT;
    dead_options.url = test_server_tcp_url(f->server);
    dead_options.stream = STREAM;
    dead_options.connection = trusting("ca.pem");
    OK(weir_dead_open(&f->letters, &dead_options, &last_error));
    redisReply *letters = entries_of(f, DEAD);
    assert_int_equal(letters->elements, N + 1);
    OK(weir_dead_requeue(f->letters, letters->element[0]->element[0]->str, &last_error));
    freeReplyObject(letters);

    recorder_clear(f->runs);
    options.handler = handle_done;
    queue = fixture_start(f, &options);
    assert_true(recorder_wait_count(f->runs, 1, TEST_TIMEOUT_MS));
    assert_true(wait_pending(f, 0));
    fixture_close(f, queue);
}

static weir_outcome handle_large(weir_job *job, void *fixture)
{
    struct fixture *f = fixture;
    size_t len = 0;
    const char *large = weir_job_field(job, "large", &len);
    bool same = large && len == *(size_t *)f->context;
    for (size_t i = 0; same && i < len; i++)
        same = (unsigned char)large[i] == (unsigned char)(i * 7 % 251);
    recorder_add(f->runs, same ? "same" : "different", (long long)len);
    return WEIR_DONE;
}

/* Many records, both ways; and one byte of them at a time, from the handshake on. */
static void any_amount_in_any_pieces_goes_through_it(void **state)
{
    struct fixture *f = *state;
    char port[16];
    snprintf(port, sizeof port, "%d", test_server_tcp_port(f->server));
    struct test_proxy *proxy = test_proxy_start(port);
    char url[64];
    snprintf(url, sizeof url, "rediss://127.0.0.1:%d", test_proxy_tcp_port(proxy));
    size_t len = 5 << 20;
    char *large = malloc(len);
    assert_non_null(large);
    for (size_t i = 0; i < len; i++)
        large[i] = (char)(i * 7 % 251);

    f->context = &len;
    weir_queue_options options = tls_options(f);
    options.url = url;
    options.handler = handle_large;
    for (int i = 0; i < 2; i++) {
        weir_queue *queue = fixture_start(f, &options);
        open_producer(f, url, TEST_TIMEOUT_MS);
        OK(weir_enqueue(f->producer, WEIR_FIELDS({"large", 5, large, len}), NULL, NULL, &last_error));
        assert_true(recorder_wait_count_key(f->runs, "same", (size_t)i + 1, TEST_TIMEOUT_MS));
        weir_producer_close(f->producer);
        f->producer = NULL;
        fixture_close(f, queue);
        len = 300;
        test_proxy_trickle(proxy, TEST_PROXY_BOTH, 0);
    }
    free(large);
    test_proxy_stop(proxy);
}

/* The server's closing of an idle connection is noticed before something is sent into the void. */
static void an_idle_connection_that_was_closed_is_made_again(void **state)
{
    struct fixture *f = *state;
    open_producer(f, test_server_tcp_url(f->server), TEST_TIMEOUT_MS);
    for (int i = 0; i < 5; i++) {
        put(f, "a");
        assert_int_equal(test_server_integer(f->server, "CLIENT KILL TYPE normal SKIPME yes"), 1);
        put(f, "b");
    }
    assert_int_equal(test_server_integer(f->server, "XLEN " STREAM), 10);
}

/* What is written to a connection that is gone raises no SIGPIPE, which would end the program. */
static void a_cut_in_the_middle_is_an_outcome_and_no_signal(void **state)
{
    struct fixture *f = *state;
    enum { N = 400, LEN = 64 * 1024 };
    char port[16], url[64];
    snprintf(port, sizeof port, "%d", test_server_tcp_port(f->server));
    struct test_proxy *proxy = test_proxy_start(port);
    snprintf(url, sizeof url, "rediss://127.0.0.1:%d", test_proxy_tcp_port(proxy));
    weir_producer *producer = open_producer(f, url, TEST_TIMEOUT_MS);
    static char large[LEN];
    memset(large, 'x', LEN);
    const weir_fields *fields = WEIR_FIELDS({"large", 5, large, LEN});
    weir_enqueue_job jobs[N];
    weir_enqueue_result results[N];
    for (size_t i = 0; i < N; i++)
        jobs[i] = (weir_enqueue_job){fields, NULL};
    for (int round = 0; round < 5; round++) {
        test_proxy_cut_after(proxy, TEST_PROXY_REQUESTS, 500000);
        weir_status status = weir_enqueue_bulk(producer, jobs, N, results, &last_error);
        assert_true(status == WEIR_ERR_IN_DOUBT || status == WEIR_ERR_CONNECTION);
        size_t unsent = 0;
        for (size_t i = 0; i < N; i++)
            unsent += results[i].status == WEIR_ERR_CONNECTION;
        assert_true(unsent > 0);
    }
    test_proxy_stop(proxy);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[8192];
    FILE *in = fopen(FILE_OF(from), "re"), *out = fopen(FILE_OF(to), "we");
    assert_true(in && out);
    size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_true(n > 0 && fwrite(bytes, 1, n, out) == n);
    assert_int_equal(fclose(in) + fclose(out), 0);
}

/* The server comes back with another authority's certificate: the worker goes on once its file says so, too. */
static void a_worker_resumes_with_renewed_certificates(void **state)
{
    struct fixture *f = *state;
    copy_file("server.pem", "current.pem");
    copy_file("server.key", "current.key");
    copy_file("ca.pem", "trusted.pem");
    replace_server(f, start_server("current", "no", "TLSv1.2 TLSv1.3"));
    weir_queue_options options = tls_options(f);
    options.connection = trusting("trusted.pem");
    weir_queue *queue = fixture_start(f, &options);
    freeReplyObject(test_server_command(f->server, "XADD " STREAM " * n before"));
    assert_true(recorder_wait_count_key(f->runs, "before", 1, TEST_TIMEOUT_MS));

    copy_file("stranger.pem", "current.pem");
    copy_file("stranger.key", "current.key");
    size_t lost = events_of(f, WEIR_EVENT_DISCONNECTED);
    test_server_restart(f->server);
    assert_true(wait_events(f, WEIR_EVENT_DISCONNECTED, lost + 1));
    freeReplyObject(test_server_command(f->server, "XADD " STREAM " * n after"));
    assert_int_equal(recorder_count_key(f->runs, "after"), 0);
    copy_file("other-ca.pem", "trusted.pem");
    assert_true(recorder_wait_count_key(f->runs, "after", 1, TEST_TIMEOUT_MS));
    fixture_close(f, queue);
}

/* --- who the server is --- */

static void only_the_own_authority_is_trusted(void **state)
{
    struct fixture *f = *state;
    weir_connection_options options = trusting("ca.pem");
    assert_int_equal(try(f, &options), WEIR_OK);
    options = trusting("other-ca.pem");
    assert_int_equal(try(f, &options), WEIR_ERR_CONNECTION);
    says("the certificate of 127.0.0.1 is refused: ");
    says("certificate");
    assert_true(last_error.retriable);
    options = trusting(NULL); /* the system's don't know it */
    assert_int_equal(try(f, &options), WEIR_ERR_CONNECTION);
    says("the certificate of 127.0.0.1 is refused: ");

    /* where the system has been told of it */
    setenv("SSL_CERT_FILE", FILE_OF("ca.pem"), 1);
    weir_status status = try(f, &options);
    unsetenv("SSL_CERT_FILE");
    assert_int_equal(status, WEIR_OK);
}

static void the_name_is_checked(void **state)
{
    struct fixture *f = *state;
    char by_name[64], by_address[64];
    snprintf(by_name, sizeof by_name, "rediss://localhost:%d", test_server_tcp_port(f->server));
    weir_connection_options options = trusting("ca.pem");
    assert_int_equal(try_at(by_name, &options), WEIR_OK);
    options.tls_server_name = "redis.example";
    assert_int_equal(try_at(by_name, &options), WEIR_ERR_CONNECTION);
    says("the certificate of redis.example is refused: ");
    says("ostname mismatch");
    options.tls_server_name = "127.0.0.2";
    assert_int_equal(try(f, &options), WEIR_ERR_CONNECTION);
    says("IP address mismatch");

    replace_server(f, start_server("named", "no", "TLSv1.2 TLSv1.3"));
    snprintf(by_name, sizeof by_name, "rediss://localhost:%d", test_server_tcp_port(f->server));
    snprintf(by_address, sizeof by_address, "rediss://127.0.0.1:%d", test_server_tcp_port(f->server));
    options = trusting("ca.pem");
    assert_int_equal(try_at(by_name, &options), WEIR_ERR_CONNECTION);
    says("ostname mismatch");
    assert_int_equal(try_at(by_address, &options), WEIR_ERR_CONNECTION);
    says("IP address mismatch");
    options.tls_server_name = "redis.example";
    assert_int_equal(try_at(by_name, &options), WEIR_OK);
    assert_int_equal(try_at(by_address, &options), WEIR_OK);
    options.tls_server_name = "a.cache.example"; /* by a wildcard, which stands for one label */
    assert_int_equal(try_at(by_name, &options), WEIR_OK);
    options.tls_server_name = "a.b.cache.example";
    assert_int_equal(try_at(by_name, &options), WEIR_ERR_CONNECTION);
}

static void a_certificate_that_has_expired_is_refused(void **state)
{
    struct fixture *f = *state;
    replace_server(f, start_server("expired", "no", "TLSv1.2 TLSv1.3"));
    weir_connection_options options = trusting("ca.pem");
    assert_int_equal(try(f, &options), WEIR_ERR_CONNECTION);
    says("expired");
}

static void nothing_older_than_1_2_is_spoken(void **state)
{
    struct fixture *f = *state;
    weir_connection_options options = trusting("ca.pem");
    static const char *const versions[] = {"TLSv1.1", "TLSv1.2", "TLSv1.3"};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        replace_server(f, start_server("server", "no", versions[i]));
        assert_int_equal(try(f, &options), i == 0 ? WEIR_ERR_CONNECTION : WEIR_OK);
        if (i == 0)
            says("protocol");
    }
}

static void a_port_of_the_other_kind_is_named(void **state)
{
    struct fixture *f = *state;
    char url[64];
    weir_connection_options options = trusting("ca.pem");
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", test_server_tcp_port(f->server));
    assert_int_equal(try_at(url, &options), WEIR_ERR_CONNECTION);
    says("the connection to 127.0.0.1 port");
    replace_server(f, test_server_start_tcp(NULL));
    snprintf(url, sizeof url, "rediss://127.0.0.1:%d", test_server_tcp_port(f->server));
    options.connect_timeout_ms = 50; /* it waits for the rest of what looks like a command */
    assert_int_equal(try_at(url, &options), WEIR_ERR_CONNECTION);
    says("does it speak TLS on this port?");
    options = trusting("ca.pem");
    freeReplyObject(test_server_command(f->server, "CONFIG SET maxclients 1")); /* the next one is told so, in plain */
    assert_int_equal(try_at(url, &options), WEIR_ERR_CONNECTION);
    says("the server does not speak TLS on this port");
}

/* The deadline of a handshake is that of a connect. */
static void a_server_that_says_nothing_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct test_proxy *proxy = test_proxy_start(test_server_socket(f->server));
    test_proxy_mute(proxy, true);
    char url[64];
    snprintf(url, sizeof url, "rediss://127.0.0.1:%d", test_proxy_tcp_port(proxy));
    weir_connection_options options = trusting("ca.pem");
    options.connect_timeout_ms = 50;
    assert_int_equal(try_at(url, &options), WEIR_ERR_CONNECTION);
    says("no answer within the connect timeout");
    test_proxy_stop(proxy);
}

/* --- who the client is --- */

static void a_client_may_have_to_show_a_certificate(void **state)
{
    struct fixture *f = *state;
    static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        replace_server(f, start_server("server", "yes", versions[i]));
        weir_connection_options options = trusting("ca.pem");
        assert_int_equal(try(f, &options), WEIR_ERR_CONNECTION);
        says(i ? "certificate required" : "alert");
        options.tls_cert_file = FILE_OF("client.pem");
        options.tls_key_file = FILE_OF("client.key");
        assert_int_equal(try(f, &options), WEIR_OK);
        options.tls_cert_file = FILE_OF("stranger.pem");
        options.tls_key_file = FILE_OF("stranger.key");
        assert_int_equal(try(f, &options), WEIR_ERR_CONNECTION);
        says("alert unknown ca");
    }
}

static void files_that_cannot_be_used_are_named(void **state)
{
    struct fixture *f = *state;
    fclose(fopen(FILE_OF("empty.pem"), "we"));
    test_encrypted_key("client", "encrypted", "s3cret-Phrase");
    const struct {
        const char *ca, *cert, *key, *named, *why;
    } rows[] = {
        {"none.pem", NULL, NULL, "tls_ca_file", "No such file"},
        {"empty.pem", NULL, NULL, "tls_ca_file", "no certificate"},
        {"ca.key", NULL, NULL, "tls_ca_file", "no certificate"},
        {"ca.pem", "none.pem", "client.key", "tls_cert_file", "No such file"},
        {"ca.pem", "client.key", "client.key", "tls_cert_file", "no start line"},
        {"ca.pem", "client.pem", "none.key", "tls_key_file", "No such file"},
        {"ca.pem", "client.pem", "client.pem", "tls_key_file", ""},
        {"ca.pem", "client.pem", "server.key", "tls_key_file", "key values mismatch"},
        {"ca.pem", "client.pem", "encrypted.key", "tls_key_file", "passphrase"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        weir_connection_options options = trusting(rows[i].ca);
        options.tls_cert_file = rows[i].cert ? FILE_OF(rows[i].cert) : NULL;
        options.tls_key_file = rows[i].key ? FILE_OF(rows[i].key) : NULL;
        assert_int_equal(try(f, &options), WEIR_ERR_ARGUMENT);
        says(rows[i].named);
        says(rows[i].why);
        assert_null(strstr(last_error.message, "s3cret"));
    }
}

static int make_certificates(void **state)
{
    (void)state;
    test_authority("ca");
    test_authority("other-ca");
    test_certificate("server", "ca", "DNS:localhost,IP:127.0.0.1", 30);
    test_certificate("named", "ca", "DNS:redis.example,DNS:*.cache.example", 30);
    test_certificate("expired", "ca", "DNS:localhost,IP:127.0.0.1", -1);
    test_certificate("client", "ca", "DNS:client", 30);
    test_certificate("stranger", "other-ca", "DNS:localhost,IP:127.0.0.1", 30);
    return 0;
}

int main(void)
{
    if (!test_server_has_tls()) {
        fprintf(stderr, "the server has no TLS: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        WITH_TLS(a_whole_life_goes_through_it),
        WITH_TLS(any_amount_in_any_pieces_goes_through_it),
        WITH_TLS(an_idle_connection_that_was_closed_is_made_again),
        WITH_TLS(a_cut_in_the_middle_is_an_outcome_and_no_signal),
        WITH_TLS(a_worker_resumes_with_renewed_certificates),
        WITH_TLS(only_the_own_authority_is_trusted),
        WITH_TLS(the_name_is_checked),
        WITH_TLS(a_certificate_that_has_expired_is_refused),
        WITH_TLS(nothing_older_than_1_2_is_spoken),
        WITH_TLS(a_port_of_the_other_kind_is_named),
        WITH_TLS(a_server_that_says_nothing_is_given_up),
        WITH_TLS(a_client_may_have_to_show_a_certificate),
        WITH_TLS(files_that_cannot_be_used_are_named),
    };
    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
