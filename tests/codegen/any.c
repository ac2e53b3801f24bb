/* SPDX-License-Identifier: MIT
 *
 * Random payloads of kinds.h.
 */
#include "any.h"

#include "support/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state = 88172645463325252u;

uint64_t any(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

size_t below(size_t n)
{
    return (size_t)(any() % n);
}

uint64_t any_integer(void)
{
    static const uint64_t often[] = {0, 1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, 127, 128, 255, 256, 65535};
    return below(3) == 0 ? often[below(sizeof often / sizeof *often)] : any() >> below(64);
}

double any_double(void)
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

float any_float(void)
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

static void *kept[4096];
static size_t n_kept;

void *make(size_t size)
{
    assert_true(n_kept < sizeof kept / sizeof *kept);
    return kept[n_kept++] = calloc(1, size ? size : 1);
}

void forget(void)
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

weir_fields apart(const weir_fields *fields)
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

weir_fields encoded(const weir_codec *codec, const void *value, weir_field_sink *sink)
{
    weir_error err = {.message = ""};
    weir_fields fields = {NULL, 0};
    if (codec->encode(value, sink, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    assert_int_equal(weir_sink_fields(sink, &fields, NULL), WEIR_OK);
    return apart(&fields);
}

struct scalars any_scalars(void)
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

/* Without the beginnings that read_owned refuses. */
static char *any_owned(void)
{
    char *text = any_text(10);
    if (text[0] == '!' || text[0] == '~')
        text[0] = '?';
    return text;
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
        value->held[i].owned = any_owned();
        value->held[i].checked = (int32_t)any_integer();
    }
}

static void fill_optional(struct kinds *value)
{
    if (below(2)) {
        value->maybe = any_text(5);
        value->owned = any_owned();
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

struct kinds any_kinds(void)
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
