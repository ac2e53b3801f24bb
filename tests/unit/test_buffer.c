/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include "support/test.h"

#include <string.h>

static void appended_bytes_stay_in_order(void **state)
{
    (void)state;
    struct weir_buffer buffer = {0};
    char expected[20000];
    size_t len = 0;
    for (unsigned i = 0; len + i < sizeof expected; i++) {
        char piece[256];
        size_t n = i % sizeof piece;
        memset(piece, (int)(i & 0xff), n);
        weir_buffer_append(&buffer, piece, n);
        memcpy(expected + len, piece, n);
        len += n;
        if (len + sizeof piece > sizeof expected)
            break;
    }
    assert_false(buffer.failed);
    assert_int_equal(buffer.len, len);
    assert_memory_equal(buffer.bytes, expected, len);
    weir_buffer_free(&buffer);
    assert_null(buffer.bytes);
}

static void an_empty_append_needs_no_bytes(void **state)
{
    (void)state;
    struct weir_buffer buffer = {0};
    weir_buffer_append(&buffer, NULL, 0);
    assert_int_equal(buffer.len, 0);
    assert_false(buffer.failed);
    weir_buffer_free(&buffer);
}

static void reserved_room_can_be_written(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 255, 256, 257, 100000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct weir_buffer buffer = {0};
        weir_buffer_append(&buffer, i % 2 ? "abc" : "", i % 2 ? 3 : 0);
        size_t before = buffer.len;
        char *room = weir_buffer_reserve(&buffer, sizes[i]);
        assert_non_null(room);
        assert_ptr_equal(room, buffer.bytes + before);
        memset(room, 'r', sizes[i]);
        assert_int_equal(buffer.len, before); /* the writer adds to it */
        assert_true(buffer.capacity >= before + sizes[i]);
        weir_buffer_free(&buffer);
    }
}

static void a_failure_is_remembered_until_cleared(void **state)
{
    (void)state;
    struct weir_buffer buffer = {0};
    weir_buffer_append(&buffer, "kept", 4);
    assert_null(weir_buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    weir_buffer_append(&buffer, "x", 1);
    assert_null(weir_buffer_reserve(&buffer, 1));
    assert_int_equal(buffer.len, 4);
    assert_memory_equal(buffer.bytes, "kept", 4);
    weir_buffer_clear(&buffer, 1024);
    weir_buffer_append(&buffer, "x", 1);
    assert_false(buffer.failed);
    assert_int_equal(buffer.len, 1);
    weir_buffer_free(&buffer);

    for (size_t less = 0; less < 3; less++) {
        assert_null(weir_buffer_reserve(&buffer, SIZE_MAX - less));
        weir_buffer_free(&buffer);
    }
}

static void clearing_gives_back_what_exceeds(void **state)
{
    (void)state;
    struct weir_buffer buffer = {0};
    assert_non_null(weir_buffer_reserve(&buffer, 10000));
    buffer.len = 10000;
    size_t capacity = buffer.capacity;
    weir_buffer_clear(&buffer, capacity);
    assert_int_equal(buffer.len, 0);
    assert_int_equal(buffer.capacity, capacity);
    weir_buffer_clear(&buffer, capacity - 1);
    assert_int_equal(buffer.capacity, 0);
    weir_buffer_append(&buffer, "again", 5);
    assert_memory_equal(buffer.bytes, "again", 5);
    weir_buffer_free(&buffer);
}

static void dropping_keeps_the_rest(void **state)
{
    (void)state;
    struct weir_buffer buffer = {0};
    weir_buffer_drop(&buffer, 0);
    weir_buffer_append(&buffer, "abcdef", 6);
    weir_buffer_drop(&buffer, 2);
    weir_buffer_append(&buffer, "gh", 2);
    assert_int_equal(buffer.len, 6);
    assert_memory_equal(buffer.bytes, "cdefgh", 6);
    weir_buffer_drop(&buffer, 6);
    assert_int_equal(buffer.len, 0);
    weir_buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_bytes_stay_in_order),     cmocka_unit_test(an_empty_append_needs_no_bytes),
        cmocka_unit_test(reserved_room_can_be_written),     cmocka_unit_test(a_failure_is_remembered_until_cleared),
        cmocka_unit_test(clearing_gives_back_what_exceeds), cmocka_unit_test(dropping_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
