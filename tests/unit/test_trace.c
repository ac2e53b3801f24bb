/* SPDX-License-Identifier: MIT */
#include "job/trace.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const char GOOD[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static bool is_one(const char *text)
{
    return weir_is_traceparent(text, strlen(text));
}

static void what_the_standard_allows_is_one(void **state)
{
    (void)state;
    static const char *const good[] = {
        GOOD,
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "fe-00000000000000000000000000000001-0000000000000001-ff",
        "00-10000000000000000000000000000000-1000000000000000-01",
    };
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(is_one(good[i]));
}

static void all_else_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        " 0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (is_one(bad[i]))
            fail_msg("%s is no traceparent", bad[i]);

    /* any byte that is replaced by one that has no place there */
    for (size_t i = 0; i < sizeof GOOD - 1; i++) {
        char text[sizeof GOOD];
        memcpy(text, GOOD, sizeof GOOD);
        text[i] = text[i] == '-' ? '0' : '-';
        assert_false(is_one(text));
        text[i] = 'g';
        assert_false(is_one(text));
        text[i] = '\0';
        assert_false(weir_is_traceparent(text, sizeof GOOD - 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_standard_allows_is_one),
        cmocka_unit_test(all_else_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
