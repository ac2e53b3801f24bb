/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include "support/test.h"

#include <string.h>

/* Written out, not generated from the table: numbers, names and what is retriable are promises. */
static const struct {
    weir_status status;
    int number;
    const char *name;
    bool retriable;
} statuses[] = {
    {WEIR_OK, 0, "WEIR_OK", false},
    {WEIR_ERR_ARGUMENT, 1, "WEIR_ERR_ARGUMENT", false},
    {WEIR_ERR_MEMORY, 2, "WEIR_ERR_MEMORY", true},
    {WEIR_ERR_CONNECTION, 3, "WEIR_ERR_CONNECTION", true},
    {WEIR_ERR_IN_DOUBT, 4, "WEIR_ERR_IN_DOUBT", true},
    {WEIR_ERR_AUTH, 5, "WEIR_ERR_AUTH", false},
    {WEIR_ERR_PERMISSION, 6, "WEIR_ERR_PERMISSION", false},
    {WEIR_ERR_FULL, 7, "WEIR_ERR_FULL", true},
    {WEIR_ERR_UNAVAILABLE, 8, "WEIR_ERR_UNAVAILABLE", true},
    {WEIR_ERR_SERVER, 9, "WEIR_ERR_SERVER", false},
    {WEIR_ERR_PROTOCOL, 10, "WEIR_ERR_PROTOCOL", true},
    {WEIR_ERR_UNSUPPORTED, 11, "WEIR_ERR_UNSUPPORTED", false},
    {WEIR_ERR_STATE, 12, "WEIR_ERR_STATE", false},
    {WEIR_ERR_STOPPED, 13, "WEIR_ERR_STOPPED", false},
    {WEIR_ERR_DEADLINE, 14, "WEIR_ERR_DEADLINE", false},
    {WEIR_ERR_NOT_FOUND, 15, "WEIR_ERR_NOT_FOUND", false},
    {WEIR_ERR_EXISTS, 16, "WEIR_ERR_EXISTS", false},
    {WEIR_ERR_DECODE, 17, "WEIR_ERR_DECODE", false},
    {WEIR_ERR_NO_GROUP, 18, "WEIR_ERR_NO_GROUP", true},
    {WEIR_ERR_SYSTEM, 19, "WEIR_ERR_SYSTEM", true},
    {WEIR_ERR_STUCK, 20, "WEIR_ERR_STUCK", false},
};

static void every_status_keeps_its_number_name_and_kind(void **state)
{
    (void)state;
#define ONE(name, number, retriable, text) +1
    assert_int_equal(COUNT_OF(statuses), 0 WEIR_STATUS_TABLE(ONE));
#undef ONE
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        assert_int_equal((int)statuses[i].status, statuses[i].number);
        assert_string_equal(weir_status_name(statuses[i].status), statuses[i].name);
        assert_int_equal(weir_status_retriable(statuses[i].status), statuses[i].retriable);
    }
}

static void every_status_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        const char *text = weir_status_text(statuses[i].status);
        assert_true(strlen(text) > 5);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(text, weir_status_text(statuses[j].status));
    }
    assert_string_equal(weir_status_text(WEIR_OK), "success");
}

static void an_unknown_status_has_names_too(void **state)
{
    (void)state;
    static const int unknown[] = {-1, (int)COUNT_OF(statuses), 1000};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        assert_string_equal(weir_status_name((weir_status)unknown[i]), "unknown status");
        assert_string_equal(weir_status_text((weir_status)unknown[i]), "unknown status");
        assert_false(weir_status_retriable((weir_status)unknown[i]));
    }
}

static void an_error_is_filled_completely(void **state)
{
    (void)state;
    weir_error err;
    memset(&err, 'x', sizeof err);
    assert_int_equal(weir_error_set(&err, WEIR_ERR_FULL, "%s of %d", "part", 7), WEIR_ERR_FULL);
    assert_int_equal(err.code, WEIR_ERR_FULL);
    assert_true(err.retriable);
    assert_string_equal(err.message, "part of 7");
    assert_string_equal(err.server, "");
    weir_error_set(&err, WEIR_ERR_ARGUMENT, "no");
    assert_false(err.retriable);

    assert_int_equal(weir_error_set(NULL, WEIR_ERR_STATE, "%d", 1), WEIR_ERR_STATE);
    weir_error_server_words(NULL, "x", 1);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    weir_error err;
    char text[1000];
    memset(text, 'm', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    weir_error_set(&err, WEIR_ERR_SERVER, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_memory_equal(err.message, text, sizeof err.message - 1);
}

static void server_words_are_cut_and_made_printable(void **state)
{
    (void)state;
    char large[500];
    memset(large, 'w', sizeof large);
    static const struct {
        const char *words;
        size_t len;
        const char *kept;
    } cases[] = {
        {"", 0, ""},
        {NULL, 0, ""},
        {"ERR no such key, and more", 15, "ERR no such key"},
        {"a\r\nb\tc\0d\x1f\x7f~", 11, "a??b?c?d??~"},
        {"caf\xc3\xa9 \xff", 7, "caf\xc3\xa9 \xff"},
    };
    weir_error err;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_error_set(&err, WEIR_ERR_SERVER, "refused");
        weir_error_server_words(&err, cases[i].words, cases[i].len);
        assert_string_equal(err.server, cases[i].kept);
        assert_string_equal(err.message, "refused");
    }
    for (size_t len = sizeof err.server - 2; len < sizeof err.server + 3; len++) {
        weir_error_server_words(&err, large, len);
        assert_int_equal(strlen(err.server), len < sizeof err.server ? len : sizeof err.server - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_keeps_its_number_name_and_kind),
        cmocka_unit_test(every_status_has_a_text_of_its_own),
        cmocka_unit_test(an_unknown_status_has_names_too),
        cmocka_unit_test(an_error_is_filled_completely),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(server_words_are_cut_and_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
