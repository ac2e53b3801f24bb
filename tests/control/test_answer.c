/* SPDX-License-Identifier: MIT
 *
 * An answer is whole, or says that there is no memory for it: whichever allocation of jansson's fails.
 */
#include "control/answer.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long left = -1; /* how many allocations go well before one fails; −1: none does */

static void *allocate(size_t size)
{
    bool fails = left == 0;
    left -= left >= 0;
    return fails ? NULL : malloc(size);
}

static json_t *something(void)
{
    json_t *object = json_pack("{s:b, s:[s, i, n, {s:f}], s:s}", "paused", 1, "items", "a \"text\"", 5, "deep", 0.5,
                               "a rather long name, as there are", "text");
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "member %d", i);
        json_object_set_new(object, name, json_integer(i));
    }
    return object;
}

static void an_answer_is_whole_or_a_failure(void **state)
{
    (void)state;
    json_t *object = something();
    long n = 0;
    for (bool whole = false; !whole; n++) {
        struct control_answer answer = {0};
        left = n;
        control_answer_json(&answer, 200, json_incref(object));
        left = -1;
        json_t *again = json_loadb(answer.body, answer.len, 0, NULL);
        assert_non_null(again);
        whole = answer.code == 200;
        assert_true(whole || answer.code == 500);
        assert_int_equal(json_equal(again, object), whole);
        json_decref(again);
        control_answer_clear(&answer);
    }
    assert_in_range(n, 2, 10000); /* some have failed */
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_whole_or_a_failure),
    };
    json_set_alloc_funcs(allocate, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
