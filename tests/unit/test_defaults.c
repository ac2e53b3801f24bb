/* SPDX-License-Identifier: MIT
 *
 * The INIT macros: every default is what the header's comment promises, so that no value has slipped into the next
 * field.
 */
#include <weir/weir.h>

#include "support/test.h"

static void a_queues_defaults_are_the_documented_ones(void **state)
{
    (void)state;
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    assert_int_equal(o.size, sizeof o);
    assert_null(o.url);
    assert_null(o.stream);
    assert_string_equal(o.group, "weir");
    assert_null(o.consumer);
    assert_string_equal(o.start_id, "0");
    assert_true(o.handler == NULL);
    assert_null(o.codec);
    assert_true(o.on_dead == NULL);
    assert_true(o.on_event == NULL);
    assert_true(o.on_stats == NULL);
    assert_null(o.user_data);
    assert_int_equal(o.concurrency, 10);
    assert_int_equal(o.max_attempts, 5);
    assert_int_equal(o.max_deliveries, 5);
    assert_int_equal(o.max_run_ms, 24 * 60 * 60 * 1000);
    assert_int_equal(o.min_idle_ms, 30000);
    assert_int_equal(o.backoff, WEIR_BACKOFF_EXPONENTIAL);
    assert_int_equal(o.backoff_base_ms, 1000);
    assert_int_equal(o.backoff_cap_ms, 300000);
    assert_true(o.backoff_factor >= 2 && o.backoff_factor <= 2);
    assert_true(o.backoff_jitter > 0.09 && o.backoff_jitter < 0.11);
    assert_int_equal(o.prefetch_ms, 20);
    assert_int_equal(o.fetch_max_jobs, 4096);
    assert_int_equal(o.fetch_max_bytes, 64 * 1024 * 1024);
    assert_int_equal(o.block_ms, 2000);
    assert_int_equal(o.claim_interval_ms, 0);
    assert_int_equal(o.pause_interval_ms, 500);
    assert_int_equal(o.promote_interval_ms, 500);
    assert_int_equal(o.stats_interval_ms, 10000);
    assert_int_equal(o.trim_interval_ms, 1000);
    assert_int_equal(o.reap_idle_ms, 60 * 60 * 1000);
    assert_int_equal(o.retention, WEIR_KEEP_UNFINISHED);
    assert_int_equal(o.retention_count, 0);
    assert_int_equal(o.dead_mode, WEIR_DEAD_TO_STREAM);
    assert_int_equal(o.connection.command_timeout_ms, 1000);
    assert_int_equal(o.connection.connect_timeout_ms, 500);
}

static void a_connections_defaults_are_the_documented_ones(void **state)
{
    (void)state;
    weir_connection_options o = WEIR_CONNECTION_OPTIONS_INIT(1234);
    assert_int_equal(o.connect_timeout_ms, 500);
    assert_int_equal(o.command_timeout_ms, 1234);
    assert_int_equal(o.keepalive_s, 15);
    assert_null(o.client_name);
    assert_null(o.tls_ca_file);
    assert_null(o.tls_cert_file);
    assert_null(o.tls_key_file);
    assert_null(o.tls_server_name);
}

static void the_others_start_empty(void **state)
{
    (void)state;
    weir_producer_options producer = WEIR_PRODUCER_OPTIONS_INIT;
    assert_int_equal(producer.size, sizeof producer);
    assert_null(producer.url);
    assert_null(producer.stream);
    assert_int_equal(producer.connection.command_timeout_ms, 5000);
    assert_int_equal(producer.wait_replicas, 0);
    assert_int_equal(producer.wait_ms, 1000);

    weir_dead_options dead = WEIR_DEAD_OPTIONS_INIT;
    assert_int_equal(dead.size, sizeof dead);
    assert_null(dead.url);
    assert_null(dead.stream);
    assert_int_equal(dead.connection.command_timeout_ms, 5000);

    weir_enqueue_options enqueue = WEIR_ENQUEUE_OPTIONS_INIT;
    assert_int_equal(enqueue.size, sizeof enqueue);
    assert_null(enqueue.id);
    assert_int_equal(enqueue.delay_ms, 0);
    assert_int_equal(enqueue.run_at_ms, 0);
    assert_int_equal(enqueue.idempotency_ms, 0);

    weir_stats stats = WEIR_STATS_INIT;
    assert_int_equal(stats.size, sizeof stats);
    assert_int_equal(stats.delivered, 0);
    assert_int_equal(stats.handler.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queues_defaults_are_the_documented_ones),
        cmocka_unit_test(a_connections_defaults_are_the_documented_ones),
        cmocka_unit_test(the_others_start_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
