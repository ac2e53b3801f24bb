/* SPDX-License-Identifier: MIT
 *
 * When the control plane counts as stuck. Its loop is held up by the crew's mutex, which it takes when it shows up.
 */
#include "control/control.h"

#include "base/clock.h"
#include "support/test.h"
#include "support/wait.h"

#include <string.h>

/* What is found with it again and again is not for want of patience. */
enum { PATIENCE_MS = 1, TIMES = 20 };

struct probe {
    weir_control *control;
    weir_status wanted;
    weir_error err;
};

static bool is_so(void *context)
{
    struct probe *probe = context;
    return weir_control_health(probe->control, PATIENCE_MS, &probe->err) == probe->wanted;
}

static void wait_until(weir_control *control, weir_status wanted, weir_error *ret_err)
{
    struct probe probe = {.control = control, .wanted = wanted};
    assert_true(wait_for(is_so, &probe, TEST_TIMEOUT_MS));
    if (ret_err)
        *ret_err = probe.err;
}

static weir_control *start(void)
{
    weir_control_options options = WEIR_CONTROL_OPTIONS_INIT;
    options.url = "unix:///nonexistent/redis.sock"; /* a server that is away makes nobody ill */
    options.port = 0;
    weir_control *control = NULL;
    weir_error err;
    if (weir_control_start(&control, &options, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    return control;
}

static void a_loop_that_goes_round_is_well(void **state)
{
    (void)state;
    weir_control *control = start();
    for (int i = 0; i < TIMES; i++) {
        assert_int_equal(weir_control_health(control, 0, NULL), WEIR_OK);
        wait_until(control, WEIR_OK, NULL);
    }
    weir_control_stop(control);
}

static void a_loop_that_hangs_is_stuck(void **state)
{
    (void)state;
    weir_control *control = start();
    weir_error err;
    pthread_mutex_lock(&control->crew.mutex);
    wait_until(control, WEIR_ERR_STUCK, &err);
    assert_non_null(strstr(err.message, "loop has not gone round for"));
    assert_int_equal(weir_control_health(control, 0, NULL), WEIR_OK); /* for half a minute */
    pthread_mutex_unlock(&control->crew.mutex);
    wait_until(control, WEIR_OK, NULL);
    weir_control_stop(control);
}

static void a_step_that_takes_longer_than_any_may_is_stuck(void **state)
{
    (void)state;
    weir_control *control = start();
    weir_error err;
    _Atomic int64_t *since_us = &control->crew.workers[0].progress_us;
    int64_t may_ms = control_crew_may_stall_ms(control);
    assert_in_range(may_ms, 120000, 200000);
    atomic_store(since_us, weir_now_us() - may_ms * 1000 / 2);
    assert_int_equal(weir_control_health(control, 0, NULL), WEIR_OK);
    atomic_store(since_us, weir_now_us() - may_ms * 1000);
    assert_int_equal(weir_control_health(control, 0, &err), WEIR_ERR_STUCK);
    assert_non_null(strstr(err.message, "at one step for"));
    atomic_store(since_us, 0);
    assert_int_equal(weir_control_health(control, 0, NULL), WEIR_OK);
    weir_control_stop(control);
}

static void arguments(void **state)
{
    (void)state;
    assert_int_equal(weir_control_health(NULL, 0, NULL), WEIR_ERR_ARGUMENT);
    weir_control *control = start();
    assert_int_equal(weir_control_health(control, -1, NULL), WEIR_ERR_ARGUMENT);
    assert_int_equal(weir_control_health(control, INT64_MAX, NULL), WEIR_OK);
    weir_control_stop(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_goes_round_is_well),
        cmocka_unit_test(a_loop_that_hangs_is_stuck),
        cmocka_unit_test(a_step_that_takes_longer_than_any_may_is_stuck),
        cmocka_unit_test(arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
