/* SPDX-License-Identifier: MIT
 *
 * What a terminal is shown of any bytes, and how much room that takes.
 */
#include "cli/text.h"

#include "support/test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_visible(const char *bytes, size_t len, const char *expected)
{
    char *visible = text_visible(bytes, len, ALL_COLUMNS);
    assert_string_equal(visible, expected);
    free(visible);
}
#define VISIBLE(bytes, expected) expect_visible(bytes, sizeof(bytes) - 1, expected)

static void printable_text_stays_as_it_is(void **state)
{
    (void)state;
    VISIBLE("", "");
    VISIBLE("plain \"text\" with \\ and ~", "plain \"text\" with \\ and ~");
    VISIBLE("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80", "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80");
    VISIBLE("e\xcc\x81", "e\xcc\x81"); /* an accent that joins the letter before it */
}

static void controls_and_what_deceives_are_shown(void **state)
{
    (void)state;
    VISIBLE("a\nb\tc\rd", "a\\nb\\tc\\rd");
    VISIBLE("\0\x1b[31m\x7f", "\\x00\\x1b[31m\\x7f");
    VISIBLE("\xc2\x9b"
            "1m\xc2\x85",
            "\\u{9b}1m\\u{85}"); /* C1: escape sequences of one byte */
    VISIBLE("\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf",
            "\\u{202e}\\u{200b}\\u{feff}"); /* turned around, no width, a mark */
    VISIBLE("\xc2\xad\xd8\x9c", "\\u{ad}\\u{61c}");
    VISIBLE("\xf3\xa0\x81\x81\xee\x80\x80", "\\u{e0041}\\u{e000}"); /* tags, private use */
}

static void what_is_no_utf8_is_shown_byte_by_byte(void **state)
{
    (void)state;
    VISIBLE("\xff\xfe", "\\xff\\xfe");
    VISIBLE("\xc3", "\\xc3");
    VISIBLE("\xe6\xbc!", "\\xe6\\xbc!");
    VISIBLE("\xc0\xaf", "\\xc0\\xaf");                   /* longer than need be */
    VISIBLE("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* the same */
    VISIBLE("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* half of a pair */
    VISIBLE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond Unicode */
    VISIBLE("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
}

/* Whatever comes in, what goes out is printable UTF-8, and is read the same way again. */
static void nothing_gets_through(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[24];
        size_t len = (size_t)round % sizeof bytes;
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525 + 1013904223;
            static const unsigned char likely[] = {0x1b, 0xc2, 0x9b, 0xe2, 0x80, 0xae, 0xf0, 0x9f, 0x0a, 0x5b};
            bytes[i] = random >> 31 ? likely[(random >> 16) % sizeof likely] : (unsigned char)(random >> 16);
        }
        char *visible = text_visible(bytes, len, ALL_COLUMNS);
        size_t n = strlen(visible);
        assert_true(text_is_valid(visible, n));
        for (size_t i = 0; i < n; i++) {
            assert_true((unsigned char)visible[i] >= 0x20 && visible[i] != 0x7f);
            assert_false((unsigned char)visible[i] == 0xc2 && (unsigned char)visible[i + 1] < 0xa0);
        }
        char *again = text_visible(visible, n, ALL_COLUMNS);
        assert_string_equal(again, visible);
        free(again);
        for (size_t columns = 0; columns < 12; columns++)
            for (int clip = CLIP_END; clip <= CLIP_MIDDLE; clip++) {
                char *clipped = text_clip(visible, columns, (enum clip)clip);
                assert_true(text_columns(clipped) <= columns);
                assert_true(text_is_valid(clipped, strlen(clipped)));
                free(clipped);
            }
        free(visible);
    }
}

static void columns_are_those_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("\xc3\xa9"), 1);
    assert_int_equal(text_columns("e\xcc\x81x"), 2);
    assert_int_equal(text_columns("\xe6\xbc\xa2\xe5\xad\x97"), 4);
}

static void expect_clipped(const char *text, size_t columns, enum clip clip, const char *expected)
{
    char *clipped = text_clip(text, columns, clip);
    assert_string_equal(clipped, expected);
    free(clipped);
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    expect_clipped("abcdef", 6, CLIP_END, "abcdef");
    expect_clipped("abcdef", 5, CLIP_END, "abcd…");
    expect_clipped("abcdef", 1, CLIP_END, "…");
    expect_clipped("abcdef", 0, CLIP_END, "");
    expect_clipped("abcdefghij", 5, CLIP_MIDDLE, "ab…ij");
    expect_clipped("abcdefghij", 4, CLIP_MIDDLE, "ab…j");
    expect_clipped("abcdefghij", 2, CLIP_MIDDLE, "a…");
    expect_clipped("漢字漢字", 7, CLIP_END, "漢字漢…");
    expect_clipped("漢字漢字", 6, CLIP_END, "漢字…"); /* half a character is none */
    expect_clipped("漢字漢字漢字", 7, CLIP_MIDDLE, "漢…字");
    expect_clipped("xe\xcc\x81yz", 3, CLIP_END, "xe\xcc\x81…");
}

static void what_nobody_will_see_is_left_out(void **state)
{
    (void)state;
    char *large = malloc(1 << 20);
    memset(large, 'x', 1 << 20);
    char *visible = text_visible(large, 1 << 20, 100);
    assert_true(strlen(visible) > 100 && strlen(visible) < 200);
    free(visible);
    free(large);
}

static void validity_is_that_of_unicode(void **state)
{
    (void)state;
    assert_true(text_is_valid("", 0));
    assert_true(text_is_valid("a\0\x1b", 3));
    assert_true(text_is_valid("\xf4\x8f\xbf\xbf", 4));
    assert_false(text_is_valid("\xf4\x90\x80\x80", 4));
    assert_false(text_is_valid("abc\xc3", 4));
}

static int in_utf8(void **state)
{
    (void)state;
    setenv("LC_ALL", "C.UTF-8", 1);
    text_init();
    return text_is_utf8() ? 0 : -1;
}

static void other_locales_get_ascii(void **state)
{
    (void)state;
    setenv("LC_ALL", "C", 1);
    text_init();
    assert_false(text_is_utf8());
    VISIBLE("\xc3\xa9x\xff", "\\u{e9}x\\xff");
    VISIBLE("a\xe2\x80\xa6", "a...");
    expect_clipped("abcdef", 5, CLIP_END, "abcd~");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_stays_as_it_is),
        cmocka_unit_test(controls_and_what_deceives_are_shown),
        cmocka_unit_test(what_is_no_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(nothing_gets_through),
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(what_nobody_will_see_is_left_out),
        cmocka_unit_test(validity_is_that_of_unicode),
        cmocka_unit_test(other_locales_get_ascii), /* last */
    };
    return cmocka_run_group_tests(tests, in_utf8, NULL);
}
