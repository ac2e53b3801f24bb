/* SPDX-License-Identifier: MIT
 *
 * Generated mappers: whatever is encoded is decoded to the same, for every kind, at boundaries and at random; and what
 * is damaged does no harm.
 */
#include "support/test.h"

#include "any.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define SAME(member) assert_true(memcmp(&a->member, &b->member, sizeof a->member) == 0)

static void assert_same_scalars(const struct scalars *a, const struct scalars *b)
{
    SAME(schar), SAME(uchar), SAME(plain), SAME(s), SAME(us), SAME(i), SAME(u), SAME(l), SAME(ul), SAME(ll), SAME(ull);
    SAME(i8), SAME(u8), SAME(i16), SAME(u16), SAME(i32), SAME(u32), SAME(i64), SAME(u64), SAME(size), SAME(difference);
    SAME(most), SAME(when), SAME(far_away), SAME(truth), SAME(other_truth), SAME(f), SAME(d), SAME(colour), SAME(flags);
    SAME(unnamed);
}

static void round_trip_scalars(const struct scalars *value)
{
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields = encoded(&scalars_codec, value, sink);
    assert_int_equal(fields.n, SCALARS_N_FIELDS);
    struct scalars back;
    weir_error err = {.message = ""};
    memset(&back, 0xa5, sizeof back);
    if (scalars_decode(&fields, &back, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    assert_same_scalars(value, &back);
    scalars_clear(&back);
    weir_sink_free(sink);
    forget();
}

static void scalars_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        struct scalars value = any_scalars();
        round_trip_scalars(&value);
    }
    struct scalars least = {SCHAR_MIN,
                            0,
                            CHAR_MIN,
                            SHRT_MIN,
                            0,
                            INT_MIN,
                            0,
                            LONG_MIN,
                            0,
                            LLONG_MIN,
                            0,
                            .i8 = INT8_MIN,
                            .i16 = INT16_MIN,
                            .i32 = INT32_MIN,
                            .i64 = INT64_MIN,
                            .difference = PTRDIFF_MIN,
                            .most = INTMAX_MIN,
                            .f = -FLT_MAX,
                            .d = -DBL_MAX,
                            .colour = RED};
    struct scalars most = {SCHAR_MAX,    UCHAR_MAX,      CHAR_MAX,    SHRT_MAX,   USHRT_MAX,     INT_MAX,
                           UINT_MAX,     LONG_MAX,       ULONG_MAX,   LLONG_MAX,  ULLONG_MAX,    INT8_MAX,
                           UINT8_MAX,    INT16_MAX,      UINT16_MAX,  INT32_MAX,  UINT32_MAX,    INT64_MAX,
                           UINT64_MAX,   SIZE_MAX,       PTRDIFF_MAX, INTMAX_MAX, .truth = true, .f = FLT_MAX,
                           .d = DBL_MAX, .colour = AZURE};
    round_trip_scalars(&least);
    round_trip_scalars(&most);
}

/* A program with a decimal comma writes and reads the same. */
static void locales_do_not_matter(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    bool set = false;
    for (size_t i = 0; i < COUNT_OF(names) && !set; i++)
        set = setlocale(LC_ALL, names[i]) != NULL;
    if (!set)
        skip(); /* this machine has no such locale */
    struct scalars value = {.d = 1.5, .f = 0.25f};
    round_trip_scalars(&value);
    setlocale(LC_ALL, "C");
}

/* --- everything else --- */

static bool same_text(const char *left, const char *right)
{
    return left == right || (left && right && strcmp(left, right) == 0);
}

static void assert_same_line(const struct line *a, const struct line *b)
{
    assert_string_equal(a->name, b->name);
    SAME(from), SAME(to), SAME(n_marks), SAME(blob_len), SAME(colour);
    assert_int_equal(a->width == NULL, b->width == NULL);
    if (a->width)
        SAME(width[0]);
    for (size_t i = 0; i < a->n_marks; i++)
        SAME(marks[i]);
    assert_true(a->blob_len == 0 || memcmp(a->blob, b->blob, a->blob_len) == 0);
    assert_int_equal(a->blob == NULL, b->blob == NULL);
    assert_string_equal(a->tag, b->tag);
}

static void assert_same_lists(const struct kinds *a, const struct kinds *b)
{
    SAME(n_few), SAME(n_strings), SAME(n_numbers), SAME(n_lines), SAME(n_colours), SAME(n_held);
    for (int i = 0; i < a->n_few; i++)
        SAME(few[i]);
    for (size_t i = 0; i < a->n_strings; i++)
        assert_string_equal(a->strings[i], b->strings[i]);
    for (size_t i = 0; i < a->n_numbers; i++)
        SAME(numbers[i]), SAME(weights[i]);
    for (size_t i = 0; i < a->n_lines; i++)
        assert_same_line(&a->lines[i], &b->lines[i]);
    for (size_t i = 0; i < a->n_colours; i++)
        SAME(colours[i]);
    SAME(n_fixed);
    for (size_t i = 0; i < a->n_fixed; i++) {
        assert_string_equal(a->fixed_strings[i], b->fixed_strings[i]);
        SAME(fixed_points[i]);
    }
    assert_int_equal(a->fixed_number == NULL, b->fixed_number == NULL);
    if (a->fixed_number)
        SAME(fixed_number[0]);
    for (size_t i = 0; i < a->n_held; i++) {
        assert_string_equal(a->held[i].owned, b->held[i].owned);
        SAME(held[i].checked);
    }
}

static void assert_same_kinds(const struct kinds *a, const struct kinds *b)
{
    assert_string_equal(a->string, b->string);
    assert_string_equal(a->constant, b->constant);
    assert_string_equal(a->text, b->text);
    assert_true(same_text(a->maybe, b->maybe));
    assert_int_equal(a->owned == NULL, b->owned == NULL);
    if (a->owned)
        assert_string_equal(a->owned, b->owned);
    assert_string_equal(a->defaulted, b->defaulted);
    assert_string_equal(a->limited, b->limited);
    assert_string_equal(a->word, b->word);
    SAME(tries), SAME(ratio), SAME(on), SAME(favourite), SAME(maybe_zero), SAME(needed), SAME(digest), SAME(data_len);
    assert_memory_equal(a->data, b->data, a->data_len);
    SAME(buffer_len);
    assert_memory_equal(a->buffer, b->buffer, a->buffer_len);
    assert_int_equal(a->score == NULL, b->score == NULL);
    assert_int_equal(a->where == NULL, b->where == NULL);
    if (a->score)
        SAME(score[0]), SAME(answer[0]);
    if (a->where) {
        SAME(where[0]);
        assert_same_line(a->line, b->line);
        SAME(key[0]), SAME(triple[0]);
        assert_string_equal(*a->word_at, *b->word_at);
    }
    SAME(fixed), SAME(matrix), SAME(corners), SAME(one_flag), SAME(nested.depth), SAME(promoted), SAME(twice_promoted);
    SAME(timeout);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(a->names[i], b->names[i]);
        assert_string_equal(a->pair[i], b->pair[i]);
        assert_string_equal(a->nested.deeper[i].inner, b->nested.deeper[i].inner);
    }
    assert_same_lists(a, b);
    assert_int_equal(b->bits, 0); /* skipped */
    assert_null(b->log);
}

static void kinds_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct kinds value = any_kinds(), back;
        weir_field_sink *sink = weir_sink_new();
        weir_fields fields = encoded(&kinds_codec, &value, sink);
        weir_error err = {.message = ""};
        memset(&back, 0xa5, sizeof back);
        if (kinds_decode(&fields, &back, &err) != WEIR_OK)
            fail_msg("%s", err.message);
        assert_same_kinds(&value, &back);
        kinds_clear(&back);
        kinds_clear(&back); /* does no harm */
        weir_sink_free(sink);
        forget();
    }
}

/* Every value cut short, and every one with a byte changed: refused or read, never read beyond, never leaked. */
static void damaged_values_do_no_harm(void **state)
{
    (void)state;
    size_t refused = 0;
    for (int round = 0; round < 20; round++) {
        struct kinds value = any_kinds(), back;
        weir_field_sink *sink = weir_sink_new();
        weir_fields fields = encoded(&kinds_codec, &value, sink);
        weir_field *items = (weir_field *)fields.items;
        for (size_t i = 0; i < fields.n; i++) {
            weir_field whole = items[i];
            char *changed = make(whole.value_len + 1);
            for (size_t len = 0; len < whole.value_len && len < 100; len++) {
                char *copy = malloc(len + 1);
                memcpy(copy, whole.value, len);
                copy[len] = '\0';
                items[i].value = copy;
                items[i].value_len = len;
                weir_error err = {.message = ""};
                if (kinds_decode(&fields, &back, &err) == WEIR_OK)
                    kinds_clear(&back);
                else
                    refused += strncmp(err.message, "field \"", 7) == 0;
                free(copy);

                memcpy(changed, whole.value, whole.value_len);
                changed[len] = (char)any();
                items[i] = (weir_field){whole.name, whole.name_len, changed, whole.value_len};
                if (kinds_decode(&fields, &back, &err) == WEIR_OK)
                    kinds_clear(&back);
                else
                    refused++;
            }
            items[i] = whole;
        }
        weir_sink_free(sink);
        forget();
    }
    assert_true(refused > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_round_trip),
        cmocka_unit_test(locales_do_not_matter),
        cmocka_unit_test(kinds_round_trip),
        cmocka_unit_test(damaged_values_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
