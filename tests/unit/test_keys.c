/* SPDX-License-Identifier: MIT */
#include "broker/keys.h"

#include "redis/slot.h"
#include "support/test.h"

#include <string.h>

static void names_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *delayed, *delayed_jobs, *dead, *once;
    } cases[] = {
        {"emails", "{emails}:delayed", "{emails}:delayed:jobs", "{emails}:dead", "{emails}:once:7"},
        {"e", "{e}:delayed", "{e}:delayed:jobs", "{e}:dead", "{e}:once:7"},
        {"a b\n\xff", "{a b\n\xff}:delayed", "{a b\n\xff}:delayed:jobs", "{a b\n\xff}:dead", "{a b\n\xff}:once:7"},
        {"{t1}:emails", "{t1}:emails:delayed", "{t1}:emails:delayed:jobs", "{t1}:emails:dead", "{t1}:emails:once:7"},
        {"x{t}y{u}", "x{t}y{u}:delayed", "x{t}y{u}:delayed:jobs", "x{t}y{u}:dead", "x{t}y{u}:once:7"},
        {"{{t}", "{{t}:delayed", "{{t}:delayed:jobs", "{{t}:dead", "{{t}:once:7"},
        {"open{", "{open{}:delayed", "{open{}:delayed:jobs", "{open{}:dead", "{open{}:once:7"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_keys keys;
        assert_true(weir_keys_make(cases[i].stream, &keys));
        assert_string_equal(keys.stream.bytes, cases[i].stream);
        assert_string_equal(keys.delayed.bytes, cases[i].delayed);
        assert_string_equal(keys.delayed_jobs.bytes, cases[i].delayed_jobs);
        assert_string_equal(keys.dead.bytes, cases[i].dead);
        char once[WEIR_ONCE_KEY_SIZE];
        assert_int_equal(weir_keys_once(&keys, "7", once), strlen(cases[i].once));
        assert_string_equal(once, cases[i].once);
        const struct weir_key *all[] = {&keys.stream, &keys.delayed, &keys.delayed_jobs, &keys.dead};
        for (size_t j = 0; j < COUNT_OF(all); j++)
            assert_int_equal(all[j]->len, strlen(all[j]->bytes));
        weir_keys_clear(&keys);
        assert_null(keys.stream.bytes);
        weir_keys_clear(&keys); /* of what is empty, too */
    }
}

static bool slot_of(const char *stream, unsigned *ret)
{
    struct weir_keys keys;
    assert_true(weir_keys_make(stream, &keys));
    bool one = weir_keys_slot(&keys, ret);
    weir_keys_clear(&keys);
    return one;
}

static void all_keys_of_a_queue_are_in_one_slot(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *hashed;
    } cases[] = {{"emails", "emails"}, {"{t1}:emails", "t1"}, {"x{t}y{u}", "t"},  {"{{t}", "{t"},
                 {"open{", "open{"},   {"{{", "{{"},          {"a{b{c", "a{b{c"}, {"{a}b}", "a"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned slot;
        assert_true(slot_of(cases[i].stream, &slot));
        assert_int_equal(slot, weir_key_slot(cases[i].hashed, strlen(cases[i].hashed)));
    }
}

/* The side keys of these would have another hash tag than the stream has. */
static void names_that_would_be_torn_apart_are_found(void **state)
{
    (void)state;
    static const char *const streams[] = {"a}b", "}", "{}", "{}a", "{}{a}", "a}{b", "x{}y"};
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        unsigned slot = 7;
        assert_false(slot_of(streams[i], &slot));
        assert_int_equal(slot, 7);
    }
}

static void the_longest_names_have_room(void **state)
{
    (void)state;
    char stream[513], id[80], key[WEIR_ONCE_KEY_SIZE];
    memset(stream, 's', 512);
    memset(id, 'i', 79);
    stream[512] = id[79] = '\0';
    struct weir_keys keys;
    assert_true(weir_keys_make(stream, &keys));
    assert_int_equal(weir_keys_once(&keys, id, key), 512 + 2 + 6 + 79);
    assert_string_equal(key + 512 + 2 + 6, id);
    weir_keys_clear(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_table),
        cmocka_unit_test(all_keys_of_a_queue_are_in_one_slot),
        cmocka_unit_test(names_that_would_be_torn_apart_are_found),
        cmocka_unit_test(the_longest_names_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
