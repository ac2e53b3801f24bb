/* SPDX-License-Identifier: MIT */
#include "broker/keys.h"

#include "redis/slot.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void names_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *side; /* what the side keys begin with */
    } cases[] = {
        {"emails", "{emails}"},   {"e", "{e}"},     {"a b\n\xff", "{a b\n\xff}"}, {"{t1}:emails", "{t1}:emails"},
        {"x{t}y{u}", "x{t}y{u}"}, {"{{t}", "{{t}"}, {"open{", "{open{}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_keys keys;
        assert_true(weir_keys_make(cases[i].stream, &keys));
        assert_string_equal(keys.stream.bytes, cases[i].stream);
        const struct {
            const struct weir_key *key;
            const char *suffix;
        } side[] = {{&keys.delayed, ":delayed"},
                    {&keys.delayed_jobs, ":delayed:jobs"},
                    {&keys.dead, ":dead"},
                    {&keys.once, ":once:"},
                    {&keys.paused, ":paused"}};
        for (size_t j = 0; j < COUNT_OF(side); j++) {
            char expected[64];
            snprintf(expected, sizeof expected, "%s%s", cases[i].side, side[j].suffix);
            assert_string_equal(side[j].key->bytes, expected);
            assert_int_equal(side[j].key->len, strlen(expected));
        }
        char once[WEIR_ONCE_KEY_SIZE], expected[64];
        snprintf(expected, sizeof expected, "%s:once:7", cases[i].side);
        assert_int_equal(weir_keys_once(&keys, "7", once), strlen(expected));
        assert_string_equal(once, expected);
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

/* What a side key was made of is found again; where two streams would share one it is the one without braces. */
static void a_side_key_leads_back_to_its_stream(void **state)
{
    (void)state;
    static const char *const streams[] = {"emails", "e",     "{t1}:emails", "x{t}y{u}",
                                          "{{t}}",  "open{", "a:dead",      "{t}:dead"};
    char owner[WEIR_STREAM_SIZE], longest[WEIR_STREAM_SIZE];
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        struct weir_keys keys;
        assert_true(weir_keys_make(streams[i], &keys));
        assert_true(weir_keys_owner(keys.dead.bytes, ":dead", owner));
        assert_string_equal(owner, streams[i]);
        assert_true(weir_keys_owner(keys.delayed.bytes, ":delayed", owner));
        assert_string_equal(owner, streams[i]);
        assert_false(weir_keys_owner(keys.delayed.bytes, ":dead", owner));
        weir_keys_clear(&keys);
    }
    assert_true(weir_keys_owner("{t}:dead", ":dead", owner));
    assert_string_equal(owner, "t");
    static const char *const others[] = {"", ":dead", "emails", "emails:dead", "{}:dead", "{:dead", "dead", "{x:dead"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(weir_keys_owner(others[i], ":dead", owner));

    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct weir_keys keys;
    assert_true(weir_keys_make(longest, &keys));
    assert_true(weir_keys_owner(keys.dead.bytes, ":dead", owner));
    assert_string_equal(owner, longest);
    weir_keys_clear(&keys);
    char beyond[WEIR_STREAM_SIZE + 20];
    snprintf(beyond, sizeof beyond, "{%sx}:dead", longest);
    assert_false(weir_keys_owner(beyond, ":dead", owner));
    snprintf(beyond, sizeof beyond, "{t}%s:dead", longest);
    assert_false(weir_keys_owner(beyond, ":dead", owner));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_table),
        cmocka_unit_test(all_keys_of_a_queue_are_in_one_slot),
        cmocka_unit_test(a_side_key_leads_back_to_its_stream),
        cmocka_unit_test(names_that_would_be_torn_apart_are_found),
        cmocka_unit_test(the_longest_names_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
