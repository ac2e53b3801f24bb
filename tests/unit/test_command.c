/* SPDX-License-Identifier: MIT */
#include "redis/command.h"

#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static void commands_are_written_as_resp(void **state)
{
    (void)state;
    struct weir_buffer out = {0};
    weir_command_begin(&out, 5);
    weir_command_text(&out, "SET");
    weir_command_bytes(&out, "a\0\r\n\xff", 5);
    weir_command_bytes(&out, NULL, 0);
    weir_command_i64(&out, INT64_MIN);
    weir_command_i64(&out, 0);
    static const char expected[] =
        "*5\r\n$3\r\nSET\r\n$5\r\na\0\r\n\xff\r\n$0\r\n\r\n$20\r\n-9223372036854775808\r\n$1\r\n0\r\n";
    assert_int_equal(out.len, sizeof expected - 1);
    assert_memory_equal(out.bytes, expected, out.len);
    assert_false(out.failed);
    weir_buffer_free(&out);
}

static void numbers_are_whole(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{INT64_MAX, "$19\r\n9223372036854775807\r\n"}, {-1, "$2\r\n-1\r\n"}, {10, "$2\r\n10\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_buffer out = {0};
        weir_command_i64(&out, cases[i].value);
        assert_int_equal(out.len, strlen(cases[i].text));
        assert_memory_equal(out.bytes, cases[i].text, out.len);
        weir_buffer_free(&out);
    }
}

static void a_command_is_as_long_as_it_was_written(void **state)
{
    (void)state;
    struct weir_buffer out = {0};
    weir_command_begin(&out, 3);
    weir_command_text(&out, "SET");
    weir_command_bytes(&out, "*1\r\n$1\r\nx\r\n\0", 13);
    weir_command_bytes(&out, NULL, 0);
    size_t first = out.len;
    weir_command_begin(&out, 1);
    weir_command_text(&out, "PING");
    assert_int_equal(weir_command_length(out.bytes, out.len), first);
    assert_int_equal(weir_command_length(out.bytes + first, out.len - first), out.len - first);
    for (size_t len = 0; len < out.len; len++) { /* a piece of it is none, and is not read beyond */
        char *piece = malloc(len + 1);
        memcpy(piece, out.bytes, len);
        piece = realloc(piece, len ? len : 1);
        assert_int_equal(weir_command_length(piece, len), len < first ? 0 : first);
        free(piece);
    }
    weir_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_written_as_resp),
        cmocka_unit_test(numbers_are_whole),
        cmocka_unit_test(a_command_is_as_long_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
