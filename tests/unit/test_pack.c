/* SPDX-License-Identifier: MIT */
#include "job/pack.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static struct weir_arena arena;
static struct weir_buffer buffer;

static int set_up(void **state)
{
    (void)state;
    weir_arena_init(&arena, 0);
    buffer = (struct weir_buffer){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_arena_free(&arena);
    weir_buffer_free(&buffer);
    return 0;
}

/* A copy that ends where memory ends, so that reading beyond it is noticed by the sanitizer and by valgrind. */
static bool unpack(const char *bytes, size_t len, struct weir_packed_job *ret)
{
    static char *exact;
    free(exact);
    exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    return weir_unpack_job(exact, len, &arena, ret);
}

#define BINARY(name, value)                                                                                            \
    {                                                                                                                  \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                                               \
    }

static void the_form_is_what_other_languages_read(void **state)
{
    (void)state;
    static const weir_field fields[] = {BINARY("to", "a@b.c"), BINARY("n", "")};
    const struct weir_packed_job job = {
        .attempts = 3, .first_enqueued_ms = 300, .group = "g", .group_len = 1, .id = "x1", .fields = {fields, 2}};
    weir_pack_job(&buffer, &job);
    static const char expected[] = "\x99\x03\xcd\x01\x2c\xa1"
                                   "g\xa7"
                                   "weir.id\xa2"
                                   "x1\xa2"
                                   "to\xa5"
                                   "a@b.c\xa1"
                                   "n\xa0";
    assert_int_equal(buffer.len, sizeof expected - 1);
    assert_memory_equal(buffer.bytes, expected, sizeof expected - 1);
}

static void jobs_come_back_as_they_were(void **state)
{
    (void)state;
    static char large[70000];
    memset(large, 0xee, sizeof large);
    static const weir_field none[1];
    static const weir_field one[] = {BINARY("k", "v")};
    static const weir_field binary[] = {BINARY("n\0\xff", "\0\r\n\xc3"), BINARY("", ""), BINARY("same", "1"),
                                        BINARY("same", "2")};
    static const weir_field long_one[] = {{large, 40, large, 300}, {large, 256, large, sizeof large}};
    static weir_field many[WEIR_MAX_FIELDS];
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (weir_field){large, i % 50, large, i};

    const struct weir_packed_job jobs[] = {
        {.group = "", .fields = {none, 0}},
        {.attempts = 1, .first_enqueued_ms = 1700000000000, .group = "g", .group_len = 1, .fields = {one, 1}},
        {.attempts = UINT32_MAX - 1,
         .first_enqueued_ms = INT64_MAX,
         .group = "g\0h",
         .group_len = 3,
         .fields = {binary, 4}},
        {.attempts = 200, .first_enqueued_ms = 255, .group = large, .group_len = 512, .fields = {long_one, 2}},
        {.attempts = 70000, .first_enqueued_ms = 65536, .group = "", .fields = {many, COUNT_OF(many)}},
    };
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        weir_buffer_clear(&buffer, SIZE_MAX);
        weir_pack_job(&buffer, &jobs[i]);
        assert_false(buffer.failed);
        struct weir_packed_job back;
        assert_true(unpack(buffer.bytes, buffer.len, &back));
        assert_int_equal(back.attempts, jobs[i].attempts);
        assert_int_equal(back.first_enqueued_ms, jobs[i].first_enqueued_ms);
        assert_int_equal(back.group_len, jobs[i].group_len);
        assert_memory_equal(back.group, jobs[i].group, back.group_len);
        assert_null(back.id);
        assert_int_equal(back.fields.n, jobs[i].fields.n);
        for (size_t j = 0; j < back.fields.n; j++) {
            const weir_field *a = &back.fields.items[j], *b = &jobs[i].fields.items[j];
            assert_int_equal(a->name_len, b->name_len);
            assert_int_equal(a->value_len, b->value_len);
            assert_memory_equal(a->name, b->name, a->name_len);
            assert_memory_equal(a->value, b->value, a->value_len);
        }
    }
}

static void an_id_and_a_trace_come_back_as_fields(void **state)
{
    (void)state;
    static const weir_field one[] = {BINARY("k", "v")};
    weir_pack_job(&buffer,
                  &(struct weir_packed_job){.group = "", .id = "order-17", .traceparent = "tp", .fields = {one, 1}});
    struct weir_packed_job back;
    assert_true(unpack(buffer.bytes, buffer.len, &back));
    assert_int_equal(back.fields.n, 3);
    assert_memory_equal(back.fields.items[0].name, "weir.id", 7);
    assert_memory_equal(back.fields.items[0].value, "order-17", 8);
    assert_memory_equal(back.fields.items[1].name, "weir.traceparent", 16);
    assert_memory_equal(back.fields.items[1].value, "tp", 2);
    assert_memory_equal(back.fields.items[2].name, "k", 1);
}

static void a_value_of_length_zero_needs_no_bytes(void **state)
{
    (void)state;
    static const weir_field one[] = {{"k", 1, NULL, 0}};
    weir_pack_job(&buffer, &(struct weir_packed_job){.group = NULL, .fields = {one, 1}});
    struct weir_packed_job back;
    assert_true(unpack(buffer.bytes, buffer.len, &back));
    assert_int_equal(back.fields.items[0].value_len, 0);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static char large[300];
    static const weir_field fields[] = {BINARY("to", "a@b.c"), {large, 40, large, sizeof large}};
    const struct weir_packed_job job = {.attempts = 70000,
                                        .first_enqueued_ms = 1700000000000,
                                        .group = "g",
                                        .group_len = 1,
                                        .id = "x",
                                        .fields = {fields, 2}};
    weir_pack_job(&buffer, &job);
    struct weir_packed_job back = {.attempts = 4711};
    for (size_t len = 0; len < buffer.len; len++)
        assert_false(unpack(buffer.bytes, len, &back));
    assert_int_equal(back.attempts, 4711); /* untouched on failure */
    weir_buffer_append(&buffer, "", 1);
    assert_false(unpack(buffer.bytes, buffer.len, &back)); /* and what says more than it should */
    assert_true(unpack(buffer.bytes, buffer.len - 1, &back));
}

static void other_shapes_are_refused(void **state)
{
    (void)state;
#define CASE(bytes, ok)                                                                                                \
    {                                                                                                                  \
        bytes, sizeof(bytes) - 1, ok                                                                                   \
    }
    static const struct {
        const char *bytes;
        size_t len;
        bool ok;
    } cases[] = {
        CASE("\x93\x00\x00\xa0", true),
        CASE("\x93\x00\x00\xc4\x00", true), /* bin is bytes, too */
        CASE("\x95\x00\x00\xa0\xc4\x01k\xc5\x00\x01v", true),
        CASE("\xdd\x00\x00\x00\x03\x00\x00\xa0", true), /* array 32 */
        CASE("\x93\xce\xff\xff\xff\xfe\x00\xa0", true),
        CASE("\x93\xce\xff\xff\xff\xff\x00\xa0", false), /* attempts that can't be counted on */
        CASE("\x93\xcf\x00\x00\x00\x01\x00\x00\x00\x00\x00\xa0", false),
        CASE("\x93\x00\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\xa0", true),
        CASE("\x93\x00\xcf\x80\x00\x00\x00\x00\x00\x00\x00\xa0", false),
        CASE("\x93\xff\x00\xa0", false), /* negative */
        CASE("\x93\x00\xff\xa0", false),
        CASE("\x93\xa1"
             "1\x00\xa0",
             false),                                                     /* attempts as text */
        CASE("\x93\x00\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa0", false), /* a float */
        CASE("\x93\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa0", false),
        CASE("\x93\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa0", false),
        CASE("\x83\x00\x00\xa0\x00\x00\x00", false), /* a map whose first three would do */
        CASE("\x93\xc0\x00\xa0", false),             /* nil */
        CASE("\x93\x00\x00\xc0", false),
        CASE("\x93\x00\x00\x00", false),
        CASE("\x93\x00\x00\x90", false),
        CASE("\x90", false),
        CASE("\x91\x00", false),
        CASE("\x92\x00\x00", false),
        CASE("\x94\x00\x00\xa0\xa1k", false), /* a name without a value */
        CASE("\x95\x00\x00\xa0\xa1k\x01", false),
        CASE("\x95\x00\x00\xa0\x01\xa1v", false),
        CASE("\x95\x00\x00\xa0\xa1k\xc0", false),
        CASE("\x97\x00\x00\xa0\xa1k\xa1v\xa1k\x80", false),
        CASE("\x80", false),
        CASE("\x00", false),
        CASE("\xa1x", false),
        CASE("\xc0", false),
        CASE("\xc1", false), /* never used */
        CASE("{\"attempts\":0}", false),
        CASE("\xdc\xff\xff\x00\x00\xa0", false),         /* says 65,535 elements */
        CASE("\xdd\x00\x10\x00\x01\x00\x00\xa0", false), /* says a million */
        CASE("\x93\x00\x00\xdb\xff\xff\xff\xff", false), /* says a text of 4 GiB */
        CASE("\x93\x00\x00\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
             "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00",
             false),
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_packed_job back;
        if (unpack(cases[i].bytes, cases[i].len, &back) != cases[i].ok)
            fail_msg("case %zu: should %sbe readable", i, cases[i].ok ? "" : "not ");
    }
}

static void an_arena_that_is_full_is_a_failure(void **state)
{
    (void)state;
    static const weir_field fields[] = {BINARY("a", "1"), BINARY("b", "2")};
    weir_pack_job(&buffer, &(struct weir_packed_job){.group = "", .fields = {fields, 2}});
    weir_arena_init(&arena, 2 * sizeof(weir_field) - 1);
    struct weir_packed_job back;
    assert_false(unpack(buffer.bytes, buffer.len, &back));
    weir_arena_init(&arena, 2 * sizeof(weir_field));
    assert_true(unpack(buffer.bytes, buffer.len, &back));
}

int main(void)
{
#define CLEAN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLEAN(the_form_is_what_other_languages_read),
        CLEAN(jobs_come_back_as_they_were),
        CLEAN(an_id_and_a_trace_come_back_as_fields),
        CLEAN(a_value_of_length_zero_needs_no_bytes),
        CLEAN(every_prefix_is_refused),
        CLEAN(other_shapes_are_refused),
        CLEAN(an_arena_that_is_full_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
