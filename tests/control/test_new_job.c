/* SPDX-License-Identifier: MIT */
#include "control/new_job.h"

#include "support/test.h"

#include <string.h>

static json_t *parsed;

static const char *read_text(struct control_new_job *job, const char *text)
{
    static char words[200];
    json_decref(parsed);
    parsed = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(parsed);
    return control_new_job_read(job, parsed, words);
}

static void expect_field(const struct control_new_job *job, size_t i, const char *name, const char *value, size_t len)
{
    assert_int_equal(job->fields.items[i].name_len, strlen(name));
    assert_memory_equal(job->fields.items[i].name, name, strlen(name));
    assert_int_equal(job->fields.items[i].value_len, len);
    assert_memory_equal(job->fields.items[i].value, value, len);
}

static void values_are_text_numbers_booleans_or_bytes(void **state)
{
    (void)state;
    struct control_new_job job;
    assert_null(
        read_text(&job, "{\"fields\": {\"a\": \"b\", \"n\": -7, \"r\": 0.1, \"big\": 1e300, \"t\": true, \"f\": false, "
                        "\"raw\": {\"base64\": \"/wAB\"}, \"two\": {\"base64\": \"YQ==\"}, \"nul\": \"x\\u0000y\"}}"));
    assert_int_equal(job.fields.n, 9);
    expect_field(&job, 0, "a", "b", 1);
    expect_field(&job, 1, "n", "-7", 2);
    expect_field(&job, 2, "r", "0.1", 3);
    expect_field(&job, 3, "big", "1e+300", 6);
    expect_field(&job, 4, "t", "true", 4);
    expect_field(&job, 5, "f", "false", 5);
    expect_field(&job, 6, "raw", "\xff\0\x01", 3);
    expect_field(&job, 7, "two", "a", 1);
    expect_field(&job, 8, "nul", "x\0y", 3);
    assert_null(job.options.id);
    control_new_job_free(&job);
}

static void fields_may_be_a_list(void **state)
{
    (void)state;
    struct control_new_job job;
    assert_null(read_text(
        &job, "{\"fields\": [{\"name\": \"a\", \"value\": \"1\"}, {\"name\": {\"base64\": \"/w==\"}, \"value\": 2}, "
              "{\"value\": \"3\", \"name\": \"a\"}]}"));
    assert_int_equal(job.fields.n, 3);
    expect_field(&job, 0, "a", "1", 1);
    expect_field(&job, 1, "\xff", "2", 1);
    expect_field(&job, 2, "a", "3", 1);
    control_new_job_free(&job);
}

static void options_are_those_of_an_enqueue(void **state)
{
    (void)state;
    struct control_new_job job;
    assert_null(read_text(
        &job,
        "{\"fields\": {\"a\": \"b\"}, \"id\": \"mine\", \"delay_ms\": 5, \"run_at_ms\": 6, \"idempotency_ms\": 7, "
        "\"traceparent\": \"00-x\"}"));
    assert_string_equal(job.options.id, "mine");
    assert_string_equal(job.options.traceparent, "00-x");
    assert_int_equal(job.options.delay_ms, 5);
    assert_int_equal(job.options.run_at_ms, 6);
    assert_int_equal(job.options.idempotency_ms, 7);
    control_new_job_free(&job);
}

static void what_is_none_is_said_to_be(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "fields has to be"},
        {"{\"fields\": 1}", "fields has to be"},
        {"{\"fields\": {}}", "1 to 3,500"},
        {"{\"fields\": []}", "1 to 3,500"},
        {"{\"fields\": {\"a\": null}}", "A value has to be"},
        {"{\"fields\": {\"a\": [1]}}", "A value has to be"},
        {"{\"fields\": {\"a\": {}}}", "A value has to be"},
        {"{\"fields\": {\"a\": {\"base64\": 1}}}", "A value has to be"},
        {"{\"fields\": {\"a\": {\"base64\": \"YQ=\"}}}", "A value has to be"},
        {"{\"fields\": {\"a\": {\"base64\": \"Y===\"}}}", "A value has to be"},
        {"{\"fields\": {\"a\": {\"base64\": \"YQ==YQ==\"}}}", "A value has to be"},
        {"{\"fields\": {\"a\": {\"base64\": \"Y Q=\"}}}", "A value has to be"},
        {"{\"fields\": {\"a\": {\"base64\": \"YQ==\", \"x\": 1}}}", "A value has to be"},
        {"{\"fields\": [1]}", "Each of the fields"},
        {"{\"fields\": [{\"name\": \"a\"}]}", "Each of the fields"},
        {"{\"fields\": [{\"name\": \"a\", \"value\": \"b\", \"c\": 1}]}", "Each of the fields"},
        {"{\"fields\": [{\"name\": null, \"value\": \"b\"}]}", "A value has to be"},
        {"{\"fields\": {\"a\": \"b\"}, \"id\": 1}", "id and traceparent"},
        {"{\"fields\": {\"a\": \"b\"}, \"id\": \"a\\u0000\"}", "id and traceparent"},
        {"{\"fields\": {\"a\": \"b\"}, \"delay_ms\": \"1\"}", "Times have to be"},
        {"{\"fields\": {\"a\": \"b\"}, \"delay_ms\": -1}", "Times have to be"},
        {"{\"fields\": {\"a\": \"b\"}, \"run_at_ms\": 1.5}", "Times have to be"},
        {"{\"fields\": {\"a\": \"b\"}, \"colour\": 1}", "\"colour\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct control_new_job job;
        const char *words = read_text(&job, cases[i][0]);
        assert_non_null(words);
        if (!strstr(words, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], words);
    }
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(parsed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_text_numbers_booleans_or_bytes),
        cmocka_unit_test(fields_may_be_a_list),
        cmocka_unit_test(options_are_those_of_an_enqueue),
        cmocka_unit_test(what_is_none_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
