/* SPDX-License-Identifier: MIT
 *
 * Generated mappers: what can't be decoded or encoded is refused with the field's name and the reason, the first of the
 * struct's fields that is wrong; and what is absent, unknown or written otherwise is read as the documentation says.
 */
#include "support/test.h"

#include "any.h"

#include <stdlib.h>
#include <string.h>

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
         LITERAL("\x91\x82\xa5owned\xa2~~\xa7"
                 "checked\1"),
         "field \"held[0].owned\": its decode function refused the value"},
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

/* In the struct's order, whether a field is a text, msgpack, or read by a function. */
static void the_first_wrong_field_of_the_struct_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *wrong[2]; /* in the struct's order; "timeout" is the last one and custom */
        const char *message;
    } cases[] = {
        {{"needed", "fixed"}, "field \"needed\": \"?\" is not an integer (int)"},
        {{"digest", "held"}, "field \"digest\": 1 bytes are too few; uint8_t[16] has exactly 16"},
        {{"fixed", "matrix"}, "field \"fixed\": the value is not msgpack, or is cut short"},
        {{"owned", "fixed"}, "field \"owned\": this can't be owned"},
        {{"fixed", "timeout"}, "field \"fixed\": the value is not msgpack, or is cut short"},
        {{"needed", "timeout"}, "field \"needed\": \"?\" is not an integer (int)"},
        {{"promoted", "timeout"}, "field \"promoted\": \"?\" is not an integer (int)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kinds back;
        weir_error err;
        weir_fields fields = {make((COUNT_OF(good) + 1) * sizeof(weir_field)), COUNT_OF(good) + 1};
        weir_field *items = (weir_field *)fields.items;
        for (size_t at = 0; at < COUNT_OF(good); at++) {
            bool wrong = strcmp(good[at].name, cases[i].wrong[0]) == 0 || strcmp(good[at].name, cases[i].wrong[1]) == 0;
            items[COUNT_OF(good) - 1 - at] = wrong ? weir_field_bytes(good[at].name, LITERAL("\xc1"))
                                                   : weir_field_bytes(good[at].name, good[at].value, good[at].len);
        }
        items[COUNT_OF(good)] = weir_field_text("owned", strcmp(cases[i].wrong[0], "owned") == 0 ? "!" : "good");
        assert_int_equal(kinds_decode(&fields, &back, &err), WEIR_ERR_DECODE);
        assert_string_equal(err.message, cases[i].message);
        assert_null(back.owned); /* what was read before that is freed: an address sanitizer would tell */
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
        cmocka_unit_test(refusals_name_field_and_reason),
        cmocka_unit_test(the_first_wrong_field_of_the_struct_is_named),
        cmocka_unit_test(a_hostile_list_takes_no_memory),
        cmocka_unit_test(what_is_tolerated),
        cmocka_unit_test(the_last_duplicate_counts),
        cmocka_unit_test(what_can_not_be_encoded),
        cmocka_unit_test(what_is_absent),
        cmocka_unit_test(texts_are_what_other_languages_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
