/* SPDX-License-Identifier: MIT */
#include "job/check.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

/* The error must hold these words: they are what makes it useful. NULL: success, and the error untouched. */
static void assert_outcome(weir_status status, const weir_error *err, const char *words, size_t i)
{
    if (!words) {
        if (status != WEIR_OK)
            fail_msg("case %zu: refused: %s", i, err->message);
        assert_string_equal(err->message, "untouched");
        return;
    }
    if (status != WEIR_ERR_ARGUMENT || err->code != WEIR_ERR_ARGUMENT)
        fail_msg("case %zu: not refused, for \"%s\"", i, words);
    if (!strstr(err->message, words))
        fail_msg("case %zu: \"%s\" isn't in \"%s\"", i, words, err->message);
}

#define UNTOUCHED                                                                                                      \
    {                                                                                                                  \
        .message = "untouched"                                                                                         \
    }
#define TEXT(name, value)                                                                                              \
    {                                                                                                                  \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                                               \
    }

static void fields_are_checked(void **state)
{
    (void)state;
    static const size_t TOO_LONG = 512u * 1024 * 1024 + 1;
    static const weir_field good = TEXT("to", "a@b.c");
    const struct {
        weir_field field;
        const char *words;
    } cases[] = {
        {good, NULL},
        {TEXT("to", ""), NULL},
        {{"to", 2, NULL, 0}, NULL},
        {TEXT("\0", "\0\xff\r\n"), NULL},
        {TEXT("weir", "x"), NULL},
        {TEXT("weird", "x"), NULL},
        {TEXT("Weir.x", "x"), NULL},
        {TEXT(" weir.x", "x"), NULL},
        {{"to", 2, "v", 512u * 1024 * 1024}, NULL}, /* isn't looked into */
        {TEXT("weir.", "x"), "are reserved; rename the field"},
        {TEXT("weir.id", "x"), "field 1 (\"weir.id\"): names that start with \"weir.\" are reserved"},
        {TEXT("", "x"), "field 1 has no name"},
        {{NULL, 0, "x", 1}, "field 1 has no name"},
        {{NULL, 3, "x", 1}, "field 1 has no name"},
        {{"to", 2, NULL, 1}, "field 1 (\"to\") has a length but no value"},
        {{"to", 2, "v", TOO_LONG}, "field 1 (\"to\") is longer than 512 MiB"},
        {{"to", 2, "v", SIZE_MAX}, "512 MiB"},
        {TEXT("weir.\r\n\x80", "x"), "\"weir.???\""},
        {TEXT("weir.4567890123456789012345678901234567890", "x"), "\"weir.45678901234567890123456789012345678...\""},
        {TEXT("weir.45678901234567890123456789012345678", "x"), "\"weir.45678901234567890123456789012345678\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const weir_field items[] = {good, cases[i].field};
        const weir_fields fields = {items, 2};
        weir_error err = UNTOUCHED;
        assert_outcome(weir_check_fields(&fields, &err), &err, cases[i].words, i);
        assert_int_equal(weir_check_fields(&fields, NULL), cases[i].words ? WEIR_ERR_ARGUMENT : WEIR_OK);
    }
}

static void an_overlong_name_is_refused(void **state)
{
    (void)state;
    static const size_t TOO_LONG = 512u * 1024 * 1024 + 1;
    static const char name[64] = "n"; /* only its start is read */
    const weir_field item = {name, TOO_LONG, "v", 1};
    weir_error err = UNTOUCHED;
    assert_outcome(weir_check_fields(&(weir_fields){&item, 1}, &err), &err, "512 MiB", 0);
}

static void the_number_of_fields_is_checked(void **state)
{
    (void)state;
    static weir_field items[WEIR_MAX_FIELDS + 1];
    for (size_t i = 0; i < COUNT_OF(items); i++)
        items[i] = weir_field_text("k", "v");
    const struct {
        weir_fields fields;
        const char *words;
    } cases[] = {
        {{items, 1}, NULL},
        {{items, WEIR_MAX_FIELDS}, NULL},
        {{items, WEIR_MAX_FIELDS + 1}, "3501 fields is too large; at most 3500"},
        {{items, SIZE_MAX}, "too large"},
        {{items, 0}, "at least one field"},
        {{NULL, 0}, "at least one field"},
        {{NULL, 1}, "fields is NULL"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_error err = UNTOUCHED;
        assert_outcome(weir_check_fields(&cases[i].fields, &err), &err, cases[i].words, i);
    }
    weir_error err = UNTOUCHED;
    assert_outcome(weir_check_fields(NULL, &err), &err, "fields is NULL", 0);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const char id_79[] = "1234567890123456789012345678901234567890123456789012345678901234567890123456789";
    static const char id_80[] = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
    enum { SIZE = sizeof(weir_enqueue_options) };
    static const int64_t FAR = INT64_C(1) << 52;
    const struct {
        weir_enqueue_options options;
        const char *words;
    } cases[] = {
        {WEIR_ENQUEUE_OPTIONS_INIT, NULL},
        {{.size = SIZE, .id = "x"}, NULL},
        {{.size = SIZE, .id = id_79}, NULL},
        {{.size = SIZE, .delay_ms = 1}, NULL},
        {{.size = SIZE, .delay_ms = FAR}, NULL},
        {{.size = SIZE, .run_at_ms = FAR}, NULL},
        {{.size = 0}, "options->size is 0"},
        {{.size = SIZE - 1}, "WEIR_ENQUEUE_OPTIONS_INIT"},
        {{.size = SIZE + 8}, "options->size"},
        {{.size = SIZE, .id = ""}, "id must have 1 to 79 bytes"},
        {{.size = SIZE, .id = id_80}, "id must have 1 to 79 bytes"},
        {{.size = SIZE, .delay_ms = -1}, "delay_ms is negative"},
        {{.size = SIZE, .delay_ms = INT64_MIN}, "delay_ms is negative"},
        {{.size = SIZE, .run_at_ms = -1}, "run_at_ms is negative"},
        {{.size = SIZE, .delay_ms = 1, .run_at_ms = 1}, "both set"},
        {{.size = SIZE, .delay_ms = FAR + 1}, "2^52"},
        {{.size = SIZE, .run_at_ms = FAR + 1}, "2^52"},
        {{.size = SIZE, .delay_ms = INT64_MAX}, "2^52"},
        {{.size = SIZE, .run_at_ms = INT64_MAX}, "2^52"},
        {{.size = SIZE, .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, NULL},
        {{.size = SIZE, .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"}, "traceparent"},
        {{.size = SIZE, .traceparent = ""}, "traceparent"},
        {{.size = SIZE, .id = "x", .idempotency_ms = 1}, NULL},
        {{.size = SIZE, .id = "x", .delay_ms = 1, .idempotency_ms = FAR}, NULL},
        {{.size = SIZE, .id = "x", .idempotency_ms = -1}, "idempotency_ms must be from 0, for none, to 2^52"},
        {{.size = SIZE, .id = "x", .idempotency_ms = FAR + 1}, "idempotency_ms must be"},
        {{.size = SIZE, .idempotency_ms = 1}, "idempotency_ms needs an id"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        weir_error err = UNTOUCHED;
        assert_outcome(weir_check_enqueue_options(&cases[i].options, &err), &err, cases[i].words, i);
    }
    weir_error err = UNTOUCHED;
    assert_outcome(weir_check_enqueue_options(NULL, &err), &err, NULL, 0);
}

static void names_are_checked(void **state)
{
    (void)state;
    char name[600];
    memset(name, 'n', sizeof name);
    name[512] = '\0';
    weir_error err = UNTOUCHED;
    assert_outcome(weir_check_name("stream", name, &err), &err, NULL, 0);
    assert_outcome(weir_check_name("stream", "s", &err), &err, NULL, 1);
    name[512] = 'n';
    name[513] = '\0';
    assert_outcome(weir_check_name("stream", name, &err), &err, "stream is longer than 512 bytes", 2);
    assert_outcome(weir_check_name("group", "", &err), &err, "group is empty", 3);
    assert_outcome(weir_check_name("group", NULL, &err), &err, "group is not set", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_checked),
        cmocka_unit_test(an_overlong_name_is_refused),
        cmocka_unit_test(the_number_of_fields_is_checked),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
