/* SPDX-License-Identifier: MIT */
#include <weir/weir.h>

#include "support/test.h"

#include <stdio.h>

static void the_version_is_the_same_everywhere(void **state)
{
    (void)state;
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR, WEIR_VERSION_PATCH);
    assert_string_equal(WEIR_VERSION, text);
    assert_string_equal(weir_version(), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_version_is_the_same_everywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
