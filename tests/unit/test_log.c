/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a child process that runs fn writes to standard error. */
static const char *stderr_of(int (*fn)(void *context), void *context)
{
    static char text[8192];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    pid_t pid = child_run(fn, context); /* a process of its own: the log's state is the process' */
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(child_wait(pid, TEST_TIMEOUT_MS), 0);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void log_all(void)
{
    for (int level = WEIR_LOG_DEBUG; level <= WEIR_LOG_ERROR; level++)
        weir_log((weir_log_level)level, "line %d", level);
}

static int untouched(void *context)
{
    (void)context;
    log_all();
    return 0;
}

static int set_level(void *level)
{
    weir_log_set(*(weir_log_level *)level, NULL, NULL);
    log_all();
    return 0;
}

static void standard_error_gets_warnings_and_errors_by_default(void **state)
{
    (void)state;
    assert_string_equal(stderr_of(untouched, NULL), "weir: warning: line 2\nweir: error: line 3\n");
}

static void the_level_decides_what_is_printed(void **state)
{
    (void)state;
    static const struct {
        weir_log_level level;
        const char *text;
    } cases[] = {
        {WEIR_LOG_DEBUG, "weir: debug: line 0\nweir: info: line 1\nweir: warning: line 2\nweir: error: line 3\n"},
        {WEIR_LOG_INFO, "weir: info: line 1\nweir: warning: line 2\nweir: error: line 3\n"},
        {WEIR_LOG_WARNING, "weir: warning: line 2\nweir: error: line 3\n"},
        {WEIR_LOG_ERROR, "weir: error: line 3\n"},
        {WEIR_LOG_OFF, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(stderr_of(set_level, (void *)&cases[i].level), cases[i].text);
}

struct received {
    int n;
    weir_log_level level;
    char line[2048];
};

static void receive(weir_log_level level, const char *line, void *user_data)
{
    struct received *received = user_data;
    received->n++;
    received->level = level;
    snprintf(received->line, sizeof received->line, "%s", line);
}

static void a_callback_gets_what_the_level_lets_through(void **state)
{
    (void)state;
    struct received received = {0};
    weir_log_set(WEIR_LOG_INFO, receive, &received);
    weir_log(WEIR_LOG_DEBUG, "no");
    assert_int_equal(received.n, 0);
    weir_log(WEIR_LOG_INFO, "%s=%d", "x", 5);
    assert_int_equal(received.n, 1);
    assert_int_equal(received.level, WEIR_LOG_INFO);
    assert_string_equal(received.line, "x=5");
    weir_log(WEIR_LOG_ERROR, "e");
    assert_int_equal(received.level, WEIR_LOG_ERROR);

    struct received other = {0};
    weir_log_set(WEIR_LOG_INFO, receive, &other);
    weir_log(WEIR_LOG_INFO, "to the other");
    assert_int_equal(received.n, 2);
    assert_int_equal(other.n, 1);
    weir_log_set(WEIR_LOG_OFF, receive, &other);
    weir_log(WEIR_LOG_ERROR, "no");
    assert_int_equal(other.n, 1);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

static int log_with_callback(void *context)
{
    (void)context;
    struct received received = {0};
    weir_log_set(WEIR_LOG_DEBUG, receive, &received);
    log_all();
    return received.n - 4;
}

static void with_a_callback_standard_error_stays_empty(void **state)
{
    (void)state;
    assert_string_equal(stderr_of(log_with_callback, NULL), "");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    struct received received = {0};
    char text[1500];
    memset(text, 'l', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    weir_log_set(WEIR_LOG_WARNING, receive, &received);
    weir_log(WEIR_LOG_WARNING, "%s", text);
    assert_int_equal(strlen(received.line), 1023);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

static void reset_log(weir_log_level level, const char *line, void *user_data)
{
    (void)level;
    (void)line;
    weir_log_set(WEIR_LOG_OFF, NULL, NULL);
    ++*(int *)user_data;
}

static void a_callback_may_set_the_log(void **state)
{
    (void)state;
    int n = 0;
    weir_log_set(WEIR_LOG_WARNING, reset_log, &n);
    log_all(); /* would wait for ever, were a lock held */
    assert_int_equal(n, 1);
    weir_log_set(WEIR_LOG_WARNING, NULL, NULL);
}

static void levels_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {"debug", "info", "warning", "error", "off", "unknown"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(weir_log_level_name((weir_log_level)i), names[i]);
    assert_string_equal(weir_log_level_name((weir_log_level)-1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_error_gets_warnings_and_errors_by_default),
        cmocka_unit_test(the_level_decides_what_is_printed),
        cmocka_unit_test(a_callback_gets_what_the_level_lets_through),
        cmocka_unit_test(with_a_callback_standard_error_stays_empty),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_callback_may_set_the_log),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
