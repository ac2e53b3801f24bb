/* SPDX-License-Identifier: MIT */
#include "broker/keys.h"

#include "support/test.h"

#include <string.h>

static void names_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *delayed, *delayed_jobs, *dead;
    } cases[] = {
        {"emails", "{emails}:delayed", "{emails}:delayed:jobs", "{emails}:dead"},
        {"e", "{e}:delayed", "{e}:delayed:jobs", "{e}:dead"},
        {"a b\n\xff", "{a b\n\xff}:delayed", "{a b\n\xff}:delayed:jobs", "{a b\n\xff}:dead"},
        {"{t1}:emails", "{t1}:emails:delayed", "{t1}:emails:delayed:jobs", "{t1}:emails:dead"},
        {"x{t}y{u}", "x{t}y{u}:delayed", "x{t}y{u}:delayed:jobs", "x{t}y{u}:dead"},
        {"{{t}", "{{t}:delayed", "{{t}:delayed:jobs", "{{t}:dead"},
        {"open{", "{open{}:delayed", "{open{}:delayed:jobs", "{open{}:dead"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_keys keys;
        assert_true(weir_keys_make(cases[i].stream, &keys));
        assert_string_equal(keys.stream.bytes, cases[i].stream);
        assert_string_equal(keys.delayed.bytes, cases[i].delayed);
        assert_string_equal(keys.delayed_jobs.bytes, cases[i].delayed_jobs);
        assert_string_equal(keys.dead.bytes, cases[i].dead);
        const struct weir_key *all[] = {&keys.stream, &keys.delayed, &keys.delayed_jobs, &keys.dead};
        for (size_t j = 0; j < COUNT_OF(all); j++)
            assert_int_equal(all[j]->len, strlen(all[j]->bytes));
        weir_keys_clear(&keys);
        assert_null(keys.stream.bytes);
        weir_keys_clear(&keys); /* of what is empty, too */
    }
}

/* What the server hashes: the text between the first '{' and the next '}', unless that is empty; else all. */
static size_t hashed(const struct weir_key *key, const char **ret)
{
    const char *open = strchr(key->bytes, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    *ret = close && close > open + 1 ? open + 1 : key->bytes;
    return close && close > open + 1 ? (size_t)(close - open - 1) : key->len;
}

static void all_keys_of_a_queue_are_in_one_slot(void **state)
{
    (void)state;
    static const char *const streams[] = {"emails", "{t1}:emails", "x{t}y{u}", "{{t}", "open{", "{{", "a{b{c"};
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        struct weir_keys keys;
        assert_true(weir_keys_make(streams[i], &keys));
        const struct weir_key *others[] = {&keys.delayed, &keys.delayed_jobs, &keys.dead};
        const char *expected, *got;
        size_t len = hashed(&keys.stream, &expected);
        for (size_t j = 0; j < COUNT_OF(others); j++) {
            assert_int_equal(hashed(others[j], &got), len);
            assert_memory_equal(got, expected, len);
        }
        weir_keys_clear(&keys);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_table),
        cmocka_unit_test(all_keys_of_a_queue_are_in_one_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
