/* SPDX-License-Identifier: MIT
 *
 * Generated mappers: whatever is encoded is decoded to the same, for every kind, at boundaries and at random; and what
 * can't be decoded is refused with the field's name and the reason.
 */
#include "support/test.h"

#include "kinds_job.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- helpers --- */

static uint64_t random_state = 88172645463325252u;

static uint64_t any(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t below(size_t n)
{
    return (size_t)(any() % n);
}

/* An integer of every length, with the extremes often. */
static uint64_t any_integer(void)
{
    static const uint64_t often[] = {0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, 127, 128, 255, 256, 65535};
    return below(3) == 0 ? often[below(sizeof often / sizeof *often)] : any() >> below(64);
}

static double any_double(void)
{
    static const double often[] = {0,
                                   -0.0,
                                   0.1,
                                   1e300,
                                   5e-324,
                                   DBL_MAX,
                                   DBL_MIN,
                                   -DBL_MAX,
                                   1.0 / 3,
                                   9007199254740994.0,
                                   5.684341886080802e-14,
                                   1e21,
                                   (double)INFINITY,
                                   -(double)INFINITY};
    if (below(3) == 0)
        return often[below(sizeof often / sizeof *often)];
    double value;
    do {
        uint64_t bits = any();
        memcpy(&value, &bits, sizeof value);
    } while (isnan(value));
    return value;
}

static float any_float(void)
{
    float value;
    do {
        uint32_t bits = (uint32_t)any();
        memcpy(&value, &bits, sizeof value);
    } while (isnan(value));
    return value;
}

static enum colour any_colour(void)
{
    static const enum colour all[] = {RED, GREEN, BLUE};
    return all[below(3)];
}

/* Up to `most` bytes without NUL. Freed with everything else by forget. */
static void *kept[4096];
static size_t n_kept;

static void *make(size_t size)
{
    assert_true(n_kept < sizeof kept / sizeof *kept);
    return kept[n_kept++] = calloc(1, size ? size : 1);
}

static void forget(void)
{
    while (n_kept > 0)
        free(kept[--n_kept]);
}

static char *any_text(size_t most)
{
    size_t len = below(most + 1);
    char *text = make(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(1 + below(255));
    return text;
}

static void any_chars(char *out, size_t size)
{
    memset(out, 0, size);
    size_t len = below(size);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(1 + below(255));
}

/* A copy of the fields in which every name and value is an allocation of its own, so that reading beyond is seen. */
static weir_fields apart(const weir_fields *fields)
{
    weir_field *items = make((fields->n + 1) * sizeof *items);
    for (size_t i = 0; i < fields->n; i++) {
        const weir_field *field = &fields->items[i];
        char *name = make(field->name_len), *value = make(field->value_len + 1);
        memcpy(name, field->name, field->name_len);
        memcpy(value, field->value, field->value_len);
        items[i] = (weir_field){name, field->name_len, value, field->value_len};
    }
    return (weir_fields){items, fields->n};
}

static weir_fields encoded(const weir_codec *codec, const void *value, weir_field_sink *sink)
{
    weir_error err = {.message = ""};
    weir_fields fields = {NULL, 0};
    if (codec->encode(value, sink, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    assert_int_equal(weir_sink_fields(sink, &fields, NULL), WEIR_OK);
    return apart(&fields);
}

static bool same_text(const char *left, const char *right)
{
    return left == right || (left && right && strcmp(left, right) == 0);
}

/* --- scalars --- */

static struct scalars any_scalars(void)
{
    return (struct scalars){
        .schar = (signed char)any_integer(),
        .uchar = (unsigned char)any_integer(),
        .plain = (char)any_integer(),
        .s = (short)any_integer(),
        .us = (unsigned short)any_integer(),
        .i = (int)any_integer(),
        .u = (unsigned)any_integer(),
        .l = (long)any_integer(),
        .ul = (unsigned long)any_integer(),
        .ll = (long long)any_integer(),
        .ull = any_integer(),
        .i8 = (int8_t)any_integer(),
        .u8 = (uint8_t)any_integer(),
        .i16 = (int16_t)any_integer(),
        .u16 = (uint16_t)any_integer(),
        .i32 = (int32_t)any_integer(),
        .u32 = (uint32_t)any_integer(),
        .i64 = (int64_t)any_integer(),
        .u64 = any_integer(),
        .size = (size_t)any_integer(),
        .difference = (ptrdiff_t)any_integer(),
        .most = (intmax_t)any_integer(),
        .when = (time_t)any_integer(),
        .far_away = (typedefd)any_integer(),
        .truth = any() & 1,
        .other_truth = any() & 1,
        .f = any_float(),
        .d = any_double(),
        .colour = any_colour(),
        .flags = (flag_set)below(4),
        .unnamed = below(2) ? ONE : TWO,
    };
}

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

static struct line any_line(void)
{
    struct line line = {
        .name = any_text(20),
        .from = {(int32_t)any_integer(), (int32_t)any_integer()},
        .to = {(int32_t)any_integer(), (int32_t)any_integer()},
        .n_marks = below(5),
        .blob_len = below(300),
        .colour = any_colour(),
    };
    if (below(2)) {
        line.width = make(sizeof *line.width);
        *line.width = any_double();
    }
    line.marks = line.n_marks ? make(line.n_marks * sizeof *line.marks) : NULL;
    for (size_t i = 0; i < line.n_marks; i++)
        line.marks[i] = (uint16_t)any_integer();
    if (below(3) == 0)
        line.blob_len = 0;
    else
        line.blob = make(line.blob_len);
    any_chars(line.tag, sizeof line.tag);
    return line;
}

static void fill_lists(struct kinds *value)
{
    value->n_few = (short)below(5);
    for (int i = 0; i < value->n_few; i++)
        value->few[i] = (int)any_integer();
    value->n_strings = (uint32_t)below(6);
    value->strings = value->n_strings ? make(value->n_strings * sizeof *value->strings) : NULL;
    for (size_t i = 0; i < value->n_strings; i++)
        value->strings[i] = any_text(40);
    value->n_numbers = below(40);
    value->numbers = value->n_numbers ? make(value->n_numbers * sizeof *value->numbers) : NULL;
    value->weights = value->n_numbers ? make(value->n_numbers * sizeof *value->weights) : NULL;
    for (size_t i = 0; i < value->n_numbers; i++) {
        value->numbers[i] = (int64_t)any_integer();
        value->weights[i] = any_float();
    }
    value->n_lines = (uint8_t)below(4);
    value->lines = value->n_lines ? make(value->n_lines * sizeof *value->lines) : NULL;
    for (size_t i = 0; i < value->n_lines; i++)
        value->lines[i] = any_line();
    value->n_colours = below(4);
    value->colours = value->n_colours ? make(value->n_colours * sizeof *value->colours) : NULL;
    for (size_t i = 0; i < value->n_colours; i++)
        value->colours[i] = any_colour();
    static const char *const strings[] = {"one", "", "three"};
    static const point points[] = {{1, 2}, {3, 4}, {INT32_MIN, INT32_MAX}};
    static const int forty_two = 42;
    value->n_fixed = below(4);
    value->fixed_strings = strings;
    value->fixed_points = points;
    value->fixed_number = below(2) ? &forty_two : NULL;
    value->n_held = below(4);
    value->held = value->n_held ? make(value->n_held * sizeof *value->held) : NULL;
    for (size_t i = 0; i < value->n_held; i++) {
        value->held[i].owned = any_text(10);
        if (value->held[i].owned[0] == '!')
            value->held[i].owned[0] = '?';
        value->held[i].checked = (int32_t)any_integer();
    }
}

static void fill_optional(struct kinds *value)
{
    if (below(2)) {
        value->maybe = any_text(5);
        value->score = make(sizeof *value->score);
        *value->score = any_double();
        value->answer = make(sizeof *value->answer);
        *value->answer = below(2);
    }
    if (below(2)) {
        value->where = make(sizeof *value->where);
        *value->where = (point){(int32_t)any_integer(), 7};
        value->line = make(sizeof *value->line);
        *value->line = any_line();
        value->key = make(sizeof *value->key);
        memcpy(*value->key, "\1\0\2k", 4);
        value->triple = make(sizeof *value->triple);
        (*value->triple)[2] = (int)any_integer();
        value->word_at = make(sizeof *value->word_at);
        any_chars(*value->word_at, sizeof *value->word_at);
    }
}

static struct kinds any_kinds(void)
{
    struct kinds value = {
        .string = any_text(200),
        .constant = any_text(3),
        .defaulted = any_text(8),
        .limited = any_text(16),
        .tries = (int)any_integer(),
        .ratio = any_double(),
        .on = any() & 1,
        .favourite = any_colour(),
        .maybe_zero = (int)any_integer(),
        .needed = (int)any_integer(),
        .data_len = below(1001),
        .buffer_len = (uint8_t)below(9),
        .nested = {.depth = (int)any_integer()},
        .promoted = (int)any_integer(),
        .twice_promoted = any() & 1,
        .timeout = {(int64_t)(any_integer() >> 1)},
        .bits = 5,
    };
    any_chars(value.text, sizeof value.text);
    any_chars(value.word, sizeof value.word);
    for (size_t i = 0; i < sizeof value.digest; i++)
        value.digest[i] = (uint8_t)any();
    value.data = make(value.data_len);
    for (size_t i = 0; i < value.data_len; i++)
        ((unsigned char *)value.data)[i] = (unsigned char)any();
    for (size_t i = 0; i < value.buffer_len; i++)
        value.buffer[i] = (uint8_t)any();
    for (size_t i = 0; i < 6; i++) {
        value.fixed[i % 3] = (int)any_integer();
        value.matrix[i / 3][i % 3] = (int)any_integer();
    }
    for (size_t i = 0; i < 2; i++) {
        any_chars(value.names[i], sizeof value.names[i]);
        value.pair[i] = any_text(9);
        value.corners[i] = (point){(int32_t)any_integer(), (int32_t)any_integer()};
        value.one_flag[i] = (flag_set)below(4);
        value.nested.deeper[i].inner = any_text(9);
    }
    fill_optional(&value);
    fill_lists(&value);
    return value;
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

/* --- refusals --- */

#define LITERAL(text) text, sizeof(text) - 1

/* The smallest job that is good. */
static const struct {
    const char *name, *value;
    size_t len;
} good[] = {
    {"string", LITERAL("s")},
    {"constant", LITERAL("c")},
    {"text", LITERAL("t")},
    {"limited", LITERAL("l")},
    {"needed", LITERAL("1")},
    {"digest", LITERAL("0123456789abcdef")},
    {"data", LITERAL("d")},
    {"buffer", LITERAL("")},
    {"fixed", LITERAL("\x93\1\2\3")},
    {"matrix", LITERAL("\x92\x93\1\2\3\x93\4\5\6")},
    {"names", LITERAL("\x92\xa1"
                      "a\xa1"
                      "b")},
    {"pair", LITERAL("\x92\xa1"
                     "a\xa1"
                     "b")},
    {"corners", LITERAL("\x92\x82\xa1x\1\xa1y\2\x82\xa1x\3\xa1y\4")},
    {"few", LITERAL("\x90")},
    {"strings", LITERAL("\x90")},
    {"numbers", LITERAL("\x90")},
    {"weights", LITERAL("\x90")},
    {"colours", LITERAL("\x90")},
    {"fixed_strings", LITERAL("\x90")},
    {"fixed_points", LITERAL("\x90")},
    {"one_flag", LITERAL("\x92\1\2")},
    {"held", LITERAL("\x90")},
    {"nested", LITERAL("\x82\xa5"
                       "depth\1\xa6"
                       "deeper\x92\x81\xa5inner\xa1"
                       "a\x81\xa5inner\xa1"
                       "b")},
    {"promoted", LITERAL("1")},
    {"twice_promoted", LITERAL("true")},
    {"timeout", LITERAL("5s")},
};

/* Decodes the good job with one field replaced, added or (value NULL) taken away. */
static weir_status decode_with(const char *name, const char *value, size_t len, struct kinds *back, weir_error *err)
{
    weir_fields fields = {make(40 * sizeof(weir_field)), 0};
    weir_field *items = (weir_field *)fields.items;
    bool known = false;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        bool it = strcmp(good[i].name, name) == 0;
        known |= it;
        if (it && !value)
            continue;
        items[fields.n++] = weir_field_bytes(good[i].name, it ? value : good[i].value, it ? len : good[i].len);
    }
    if (!known && value)
        items[fields.n++] = weir_field_bytes(name, value, len);
    fields = apart(&fields);
    return kinds_decode(&fields, back, err);
}

static void refusals_name_field_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        size_t len;
        const char *message;
    } cases[] = {
        {"string", NULL, 0, "field \"string\": is missing"},
        {"needed", NULL, 0, "field \"needed\": is missing"},
        {"nested", NULL, 0, "field \"nested\": is missing"},
        {"needed", LITERAL("12x"), "field \"needed\": \"12x\" is not an integer (int)"},
        {"needed", LITERAL(""), "field \"needed\": \"\" is not an integer (int)"},
        {"needed", LITERAL("-"), "field \"needed\": \"-\" is not an integer (int)"},
        {"needed", LITERAL(" 1"), "field \"needed\": \" 1\" is not an integer (int)"},
        {"needed", LITERAL("2147483648"),
         "field \"needed\": \"2147483648\" is out of range (int: -2147483648 … 2147483647)"},
        {"needed", LITERAL("99999999999999999999999"),
         "field \"needed\": \"99999999999999999999999\" is out of range (int: -2147483648 … 2147483647)"},
        {"tries left", LITERAL("x\"\n"), "field \"tries left\": \"x??\" is not an integer (int)"},
        {"ratio", LITERAL("0x1p3"), "field \"ratio\": \"0x1p3\" is not a number (double)"},
        {"ratio", LITERAL("1e999"), "field \"ratio\": \"1e999\" is out of range (double)"},
        {"ratio", LITERAL("1,5"), "field \"ratio\": \"1,5\" is not a number (double)"},
        {"on", LITERAL("yes"), "field \"on\": \"yes\" is not true, false, 1 or 0 (bool)"},
        {"favourite", LITERAL("BLUE"), "field \"favourite\": \"BLUE\" is not a name of the enum (enum colour)"},
        {"text", LITERAL("123456789"), "field \"text\": 9 bytes are too long; label has room for 8"},
        {"string", LITERAL("a\0b"),
         "field \"string\": the value has a NUL byte in it, which a C string can't hold "
         "(char *)"},
        {"text", LITERAL("a\0b"),
         "field \"text\": the value has a NUL byte in it, which a C string can't hold (label)"},
        {"limited", LITERAL("12345678901234567"), "field \"limited\": 17 bytes are too many; at most 16 are allowed"},
        {"digest", LITERAL("short"), "field \"digest\": 5 bytes are too few; uint8_t[16] has exactly 16"},
        {"digest", LITERAL("0123456789abcdefg"),
         "field \"digest\": 17 bytes are too long; uint8_t[16] has room for "
         "16"},
        {"buffer", LITERAL("123456789"), "field \"buffer\": 9 bytes are too long; uint8_t[8] has room for 8"},
        {"score", LITERAL("NULL"), "field \"score\": \"NULL\" is not a number (double)"},
        {"fixed", LITERAL("\x92\1\2"), "field \"fixed\": 2 elements are too few; int[3] has exactly 3"},
        {"fixed", LITERAL("\x93\1\2\xa1x"), "field \"fixed[2]\": a string where an integer is expected (int)"},
        {"fixed", LITERAL("\x93\1\2"), "field \"fixed\": the value is not msgpack, or is cut short"},
        {"fixed", LITERAL("\x93\1\2\3\4"), "field \"fixed\": something follows the msgpack value"},
        {"fixed", LITERAL(""), "field \"fixed\": the value is not msgpack, or is cut short"},
        {"fixed", LITERAL("\x93\1\2\xce\xff\xff\xff\xff"),
         "field \"fixed[2]\": \"4294967295\" is out of range (int: -2147483648 … 2147483647)"},
        {"few", LITERAL("\x95\1\2\3\4\5"), "field \"few\": 5 elements are too many; int[4] has room for 4"},
        {"strings", LITERAL("\x91\1"), "field \"strings[0]\": an integer where a string is expected (char *)"},
        {"strings",
         LITERAL("\x91\xa3"
                 "a\0b"),
         "field \"strings[0]\": the value has a NUL byte in it, which a C string can't hold (char *)"},
        {"strings", LITERAL("\xdd\xff\xff\xff\xff"), "field \"strings\": the value is not msgpack, or is cut short"},
        {"weights", LITERAL("\x91\1"), "field \"weights\": its length is 1, but a field with the same count has 0"},
        {"corners", LITERAL("\x92\x81\xa1x\1\x80"), "field \"corners[0].y\": is missing"},
        {"corners", LITERAL("\x92\1\2"), "field \"corners[0]\": an integer where a map is expected (point)"},
        {"held",
         LITERAL("\x91\x82\xa5owned\xa2!!\xa7"
                 "checked\1"),
         "field \"held[0].owned\": this can't be owned"},
        {"held",
         LITERAL("\x92\x82\xa5owned\xa2ok\xa7"
                 "checked\1\x82\xa5owned\xa2ok\xa7"
                 "checked\xcb"),
         "field \"held[1]\": the value is not msgpack, or is cut short"},
        {"held",
         LITERAL("\x92\x82\xa5owned\xa2ok\xa7"
                 "checked\1\x82\xa5owned\xa2!!\xa7"
                 "checked\1"),
         "field \"held[1].owned\": this can't be owned"},
        {"nested",
         LITERAL("\x82\xa5"
                 "depth\1\xa6"
                 "deeper\x92\x81\xa5inner\xa1"
                 "a\x80"),
         "field \"nested.deeper[1].inner\": is missing"},
        {"timeout", LITERAL("5"), "field \"timeout\": not a timeout like 5s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kinds back;
        weir_error err = {.code = WEIR_OK};
        assert_int_equal(decode_with(cases[i].name, cases[i].value, cases[i].len, &back, &err), WEIR_ERR_DECODE);
        if (strcmp(err.message, cases[i].message) != 0)
            fail_msg("expected: %s\nbut: %s", cases[i].message, err.message);
        assert_int_equal(err.code, WEIR_ERR_DECODE);
        struct kinds nothing = {0};
        assert_memory_equal(&back.string, &nothing.string, sizeof nothing.string);
        assert_null(back.held);
        forget();
    }
}

static void a_hostile_list_takes_no_memory(void **state)
{
    (void)state;
    /* 700,000 empty lines, of which each would be a struct of more than 100 bytes: refused before memory is taken */
    size_t n = 700000;
    char *bytes = make(5 + n);
    memset(bytes, 0x80, 5 + n);
    memcpy(bytes, "\xdd\x00\x0a\xae\x60", 5);
    struct kinds back;
    weir_error err;
    assert_int_equal(decode_with("lines", bytes, 5 + n, &back, &err), WEIR_ERR_DECODE);
    assert_string_equal(err.message, "field \"lines\": 700000 are too many for their count (uint8_t)");
    memset(bytes, 0xc0, 5 + n);
    memcpy(bytes, "\xdd\x00\x0a\xae\x60", 5);
    assert_int_equal(decode_with("held", bytes, 5 + n, &back, &err), WEIR_ERR_DECODE);
    forget();
}

static void what_is_tolerated(void **state)
{
    (void)state;
    struct kinds back;
    weir_error err = {.message = ""};
    /* defaults, absent values, unknown fields */
    if (decode_with("unknown", LITERAL("x"), &back, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    assert_int_equal(back.tries, 3);
    assert_string_equal(back.defaulted, "nothing at all");
    assert_true(back.ratio == 0.25 && back.on && back.favourite == BLUE);
    assert_string_equal(back.word, "word");
    assert_true(back.maybe == NULL && back.score == NULL && back.line == NULL && back.maybe_zero == 0);
    assert_int_equal(back.n_lines, 0);
    kinds_clear(&back);
    forget();

    static const struct {
        const char *name, *value;
        size_t len;
    } cases[] = {
        {"on", LITERAL("1")},
        {"on", LITERAL("0")},
        {"on", LITERAL("false")},
        {"needed", LITERAL("+7")},
        {"needed", LITERAL("007")},
        {"needed", LITERAL("-0")},
        {"ratio", LITERAL("NaN")},
        {"ratio", LITERAL("-Infinity")},
        {"ratio", LITERAL("5.")},
        {"ratio", LITERAL(".5")},
        {"ratio", LITERAL("1E+5")},
        {"ratio", LITERAL("3")},
        {"fixed", LITERAL("\x93\1\xd2\xff\xff\xff\xff\xcf\0\0\0\0\0\0\0\1")},
        {"weights", LITERAL("\x90")},
        /* names and values as binaries, as some languages write them; unknown keys, of any depth; nil as absent */
        {"where", LITERAL("\x83\xc4\1x\1\xc4\1y\2\xa1z\x91\x91\x91\x81\1\xc0")},
        {"line", LITERAL("\x84\xa4"
                         "from\x82\xa1x\1\xa1y\1\xa2to\x82\xa1x\1\xa1y\1\xa5width\xc0\xa5marks\x90")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (decode_with(cases[i].name, cases[i].value, cases[i].len, &back, &err) != WEIR_OK)
            fail_msg("%s", err.message);
        if (strcmp(cases[i].name, "line") == 0) {
            assert_string_equal(back.line->name, "no \"name\"");
            assert_true(back.line->colour == GREEN && back.line->width == NULL && back.line->blob == NULL);
        }
        if (strcmp(cases[i].name, "where") == 0)
            assert_true(back.where->x == 1 && back.where->y == 2);
        if (strcmp(cases[i].value, "+7") == 0)
            assert_int_equal(back.needed, 7);
        kinds_clear(&back);
        forget();
    }
}

/* At the top, and within msgpack, where the first one's memory is taken by nobody. */
static void the_last_duplicate_counts(void **state)
{
    (void)state;
    struct scalars first, second = {.i = 2};
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields = encoded(&scalars_codec, &second, sink);
    weir_field *items = make((fields.n + 1) * sizeof *items);
    memcpy(items + 1, fields.items, fields.n * sizeof *items);
    items[0] = weir_field_text("i", "not even a number");
    weir_fields more = {items, fields.n + 1};
    assert_int_equal(scalars_decode(&more, &first, NULL), WEIR_OK);
    assert_int_equal(first.i, 2);
    weir_sink_free(sink);

    struct kinds back;
    weir_error err = {.message = ""};
    if (decode_with("nested",
                    LITERAL("\x83\xa6"
                            "deeper\x92\x81\xa5inner\xa1"
                            "x\x81\xa5inner\xa1"
                            "y\xa5"
                            "depth\1\xa6"
                            "deeper\x92\x82\xa5inner\xa4"
                            "lost\xa5inner\xa1"
                            "a\x81\xa5inner\xa1"
                            "b"),
                    &back, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    assert_string_equal(back.nested.deeper[0].inner, "a");
    assert_string_equal(back.nested.deeper[1].inner, "b");
    kinds_clear(&back);
    forget();
}

static void what_can_not_be_encoded(void **state)
{
    (void)state;
    struct kinds value;
    weir_error err;
#define REFUSED(change, words)                                                                                         \
    do {                                                                                                               \
        weir_field_sink *sink = weir_sink_new();                                                                       \
        value = any_kinds();                                                                                           \
        change;                                                                                                        \
        assert_int_equal(kinds_encode(&value, sink, &err), WEIR_ERR_DECODE);                                           \
        assert_string_equal(err.message, words);                                                                       \
        weir_sink_free(sink);                                                                                          \
        forget();                                                                                                      \
    } while (0)
    REFUSED(value.string = NULL, "field \"string\": is NULL (char *); make it optional, or give it a default");
    REFUSED(memset(value.text, 'x', sizeof value.text), "field \"text\": label is not NUL-terminated");
    REFUSED(value.favourite = (enum colour)9, "field \"favourite\": 9 is no value of enum colour");
    REFUSED(value.limited = "12345678901234567", "field \"limited\": 17 bytes are too many; at most 16 are allowed");
    REFUSED(value.data_len = 1001, "field \"data\": 1001 bytes are too many; at most 1000 are allowed");
    REFUSED((value.data = NULL, value.data_len = 1),
            "field \"data\": is NULL (void *); make it optional, or give it a default");
    REFUSED(value.buffer_len = 9, "field \"buffer\": its count is 9; uint8_t[8] has room for 8");
    REFUSED(value.n_few = -1, "field \"few\": its count is negative");
    REFUSED(value.n_few = 5, "field \"few\": its count is 5; int[4] has room for 4");
    REFUSED(value.pair[1] = NULL, "field \"pair[1]\": is NULL (char *); make it optional, or give it a default");
    REFUSED((value.n_strings = 3, value.strings = NULL),
            "field \"strings\": is NULL (char **); make it optional, or give it a default");
    REFUSED((value.n_lines = 3, value.lines = NULL),
            "field \"lines\": is NULL (struct line *); make it optional, or give it a default");
    REFUSED(value.timeout.seconds = -1, "field \"timeout\": a timeout can't be negative");
    REFUSED((value.n_held = 1, value.held = make(sizeof *value.held)), "field \"held[0].owned\": nothing is owned");
}

static bool has_field(const weir_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->n; i++)
        if (strlen(name) == fields->items[i].name_len && memcmp(fields->items[i].name, name, strlen(name)) == 0)
            return true;
    return false;
}

/* NULL is absent; and so is the zero of an optional value, but not of one that isn't optional. */
static void what_is_absent(void **state)
{
    (void)state;
    struct kinds value = any_kinds();
    value.maybe = NULL;
    value.defaulted = NULL;
    value.score = NULL;
    value.maybe_zero = 0;
    value.needed = 0;
    value.lines = NULL;
    value.n_lines = 0;
    value.n_strings = 0;
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields = encoded(&kinds_codec, &value, sink);
    static const char *const absent[] = {"maybe", "defaulted", "score", "maybe_zero", "lines", "log", "n_lines"};
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        assert_false(has_field(&fields, absent[i]));
    assert_true(has_field(&fields, "needed") && has_field(&fields, "strings") && has_field(&fields, "on"));
    weir_sink_free(sink);
    forget();
}

static void texts_are_what_other_languages_write(void **state)
{
    (void)state;
    struct scalars value = {.i = -7,
                            .u64 = UINT64_MAX,
                            .truth = true,
                            .f = 0.1f,
                            .d = 1e300,
                            .colour = AZURE,
                            .plain = 'A',
                            .flags = FLAG_B};
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields = encoded(&scalars_codec, &value, sink);
    static const char *const expected[][2] = {{"i", "-7"},        {"u64", "18446744073709551615"},
                                              {"truth", "true"},  {"other_truth", "false"},
                                              {"f", "0.1"},       {"d", "1e300"},
                                              {"colour", "blue"}, {"flags", "2"},
                                              {"unnamed", "ONE"}, {"plain", "65"}};
    size_t found = 0;
    for (size_t i = 0; i < fields.n; i++)
        for (size_t j = 0; j < sizeof expected / sizeof *expected; j++)
            if (fields.items[i].name_len == strlen(expected[j][0]) &&
                memcmp(fields.items[i].name, expected[j][0], fields.items[i].name_len) == 0) {
                assert_string_equal(fields.items[i].value, expected[j][1]);
                found++;
            }
    assert_int_equal(found, sizeof expected / sizeof *expected);
    weir_sink_free(sink);
    forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_round_trip),
        cmocka_unit_test(locales_do_not_matter),
        cmocka_unit_test(kinds_round_trip),
        cmocka_unit_test(damaged_values_do_no_harm),
        cmocka_unit_test(refusals_name_field_and_reason),
        cmocka_unit_test(a_hostile_list_takes_no_memory),
        cmocka_unit_test(what_is_tolerated),
        cmocka_unit_test(the_last_duplicate_counts),
        cmocka_unit_test(what_can_not_be_encoded),
        cmocka_unit_test(what_is_absent),
        cmocka_unit_test(texts_are_what_other_languages_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
