/* SPDX-License-Identifier: MIT */
#include "queue/prometheus.h"

#include "base/histogram.h"
#include "base/random.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static struct weir_buffer written;
static size_t n_pieces, largest_piece;
static size_t end_after; /* pieces; 0: never */

static int keep(const char *text, size_t len, void *user_data)
{
    assert_ptr_equal(user_data, &written);
    assert_true(len > 0);
    weir_buffer_append(&written, text, len);
    largest_piece = len > largest_piece ? len : largest_piece;
    return ++n_pieces == end_after;
}

static struct weir_prometheus begin(void)
{
    weir_buffer_clear(&written, SIZE_MAX);
    n_pieces = largest_piece = end_after = 0;
    return (struct weir_prometheus){.write = keep, .user_data = &written};
}

/* Ends it, and returns the text. */
static const char *end(struct weir_prometheus *out)
{
    weir_error err;
    assert_int_equal(weir_prometheus_finish(out, &err), WEIR_OK);
    weir_buffer_append(&written, "", 1);
    return written.bytes;
}

static int tear_down(void **state)
{
    (void)state;
    weir_buffer_free(&written);
    return 0;
}

static void a_family_and_its_samples(void **state)
{
    (void)state;
    const struct weir_label labels[] = {{"queue", "emails"}, {"", "unused"}, {"outcome", "done"}};
    struct weir_prometheus out = begin();
    weir_prometheus_family(&out, "weir_jobs_total", "counter", "jobs, all of them");
    weir_prometheus_u64(&out, "weir_jobs_total", labels, 3, UINT64_MAX);
    weir_prometheus_u64(&out, "weir_jobs_total", labels, 2, 0);
    weir_prometheus_u64(&out, "weir_jobs_total", labels, 0, 1);
    assert_string_equal(end(&out), "# HELP weir_jobs_total jobs, all of them\n"
                                   "# TYPE weir_jobs_total counter\n"
                                   "weir_jobs_total{queue=\"emails\",outcome=\"done\"} 18446744073709551615\n"
                                   "weir_jobs_total{queue=\"emails\"} 0\n"
                                   "weir_jobs_total 1\n");
}

static void seconds_are_exact(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {{0, "x 0\n"},          {1, "x 0.001\n"},
                 {10, "x 0.01\n"},      {999, "x 0.999\n"},
                 {1000, "x 1\n"},       {1500, "x 1.5\n"},
                 {60000, "x 60\n"},     {1050, "x 1.05\n"},
                 {100200, "x 100.2\n"}, {UINT64_MAX, "x 18446744073709551.615\n"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct weir_prometheus out = begin();
        weir_prometheus_ms(&out, "x", NULL, 0, cases[i].ms);
        assert_string_equal(end(&out), cases[i].text);
    }
}

/* --- labels --- */

/* What a label value stands for, read as Prometheus reads it and then back from U+FFFD. Returns where it ends. */
static const char *read_label(const char *at, char *out, size_t *ret_len)
{
    size_t len = 0;
    while (*at != '"') {
        assert_true(*at != '\0' && *at != '\n');
        if (memcmp(at, "\xef\xbf\xbd", 3) == 0) {
            unsigned byte;
            assert_int_equal(sscanf(at + 3, "%2x", &byte), 1);
            out[len++] = (char)byte;
            at += 5;
        } else if (*at == '\\') {
            assert_true(at[1] == '\\' || at[1] == '"' || at[1] == 'n');
            out[len++] = at[1] == 'n' ? '\n' : at[1];
            at += 2;
        } else {
            out[len++] = *at++;
        }
    }
    *ret_len = len;
    return at;
}

/* By what another decoder allows: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static bool is_utf8(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        int more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : -1;
        if (more < 0)
            return false;
        uint32_t code = more == 0 ? *at : *at & (0x3fu >> more);
        for (int i = 1; i <= more; i++) {
            if (at[i] >> 6 != 2)
                return false;
            code = code << 6 | (at[i] & 0x3fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
        at += more + 1;
    }
    return true;
}

static void expect_label(const char *value)
{
    struct weir_prometheus out = begin();
    weir_prometheus_u64(&out, "x", &(struct weir_label){"l", value}, 1, 7);
    const char *text = end(&out);
    char back[600];
    size_t len;
    assert_true(is_utf8(text));
    assert_memory_equal(text, "x{l=\"", 5);
    assert_string_equal(read_label(text + 5, back, &len), "\"} 7\n");
    assert_int_equal(len, strlen(value));
    assert_memory_equal(back, value, len); /* so that no two names become one */
}

static void a_label_is_readable_where_it_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *value, *text;
    } cases[] = {
        {"emails", "emails"},
        {"{t1}:a b", "{t1}:a b"},
        {"gr\xc3\xbc\xc3\x9f"
         "e \xe2\x82\xac \xf0\x9f\x93\xa8",
         "gr\xc3\xbc\xc3\x9f"
         "e \xe2\x82\xac \xf0\x9f\x93\xa8"},
        {"\"\\\n", "\\\"\\\\\\n"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "ffb"},
        {"\xef\xbf\xbd", "\xef\xbf\xbd"
                         "ef\xef\xbf\xbd"
                         "bf\xef\xbf\xbd"
                         "bd"},
        {"\xc3", "\xef\xbf\xbd"
                 "c3"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char expected[128];
        struct weir_prometheus out = begin();
        weir_prometheus_u64(&out, "x", &(struct weir_label){"l", cases[i].value}, 1, 7);
        snprintf(expected, sizeof expected, "x{l=\"%s\"} 7\n", cases[i].text);
        assert_string_equal(end(&out), expected);
    }
}

static void any_bytes_are_a_label_of_their_own(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "\xc0\x80",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xe2\x82",
        "\xf0\x9f\x93",
        "\x80",
        "\xef\xbf\275ff",
        "\xef\xbf\xbe",
        "\xef\xbf",
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        expect_label(odd[i]);
    for (int byte = 1; byte < 256; byte++)
        expect_label((const char[]){(char)byte, 'x', (char)byte, '\0'});

    struct weir_random random;
    weir_random_seed(&random);
    for (int i = 0; i < 20000; i++) {
        char name[24] = "";
        uint64_t bits = weir_random_u64(&random);
        for (size_t j = 0, len = bits % sizeof name; j < len; j++) {
            uint64_t byte = weir_random_u64(&random);
            /* mostly of those that begin and continue characters */
            name[j] = (char)(byte % 8 == 0 ? byte >> 8 & 0x7f : 0x80 | (byte >> 8 & 0x7f));
            if (name[j] == '\0')
                name[j] = 'z';
        }
        expect_label(name);
    }
}

/* --- histograms --- */

static void a_histogram_counts_up(void **state)
{
    (void)state;
    weir_histogram histogram = {0};
    static const int64_t values_us[] = {0, 100, 128, 129, 256, 1000000, 1048576, 1048577, INT64_C(5000000000)};
    for (size_t i = 0; i < COUNT_OF(values_us); i++)
        weir_histogram_add(&histogram, values_us[i]);
    struct weir_prometheus out = begin();
    weir_prometheus_histogram(&out, "h", &(struct weir_label){"q", "a"}, 1, &histogram);
    const char *text = end(&out);
    static const char *const lines[] = {
        "h_bucket{q=\"a\",le=\"0.000128\"} 3\n",
        "h_bucket{q=\"a\",le=\"0.000256\"} 5\n",
        "h_bucket{q=\"a\",le=\"0.524288\"} 5\n",
        "h_bucket{q=\"a\",le=\"1.048576\"} 7\n",
        "h_bucket{q=\"a\",le=\"2.097152\"} 8\n",
        "h_bucket{q=\"a\",le=\"4294.967296\"} 8\n",
        "h_bucket{q=\"a\",le=\"+Inf\"} 9\n",
        "h_sum{q=\"a\"} 5003.097766\n",
        "h_count{q=\"a\"} 9\n",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (!strstr(text, lines[i]))
            fail_msg("%s is missing in\n%s", lines[i], text);
    size_t n = 0;
    for (const char *at = text; *at; at++)
        n += *at == '\n';
    assert_int_equal(n, 26 + 3);
}

/* --- passing on --- */

static void much_of_it_comes_in_pieces(void **state)
{
    (void)state;
    struct weir_prometheus out = begin();
    for (uint64_t i = 0; i < 10000; i++)
        weir_prometheus_u64(&out, "weir_something", NULL, 0, i);
    const char *text = end(&out);
    assert_true(n_pieces > 5);
    assert_true(largest_piece < 20000);
    for (uint64_t i = 0; i < 10000; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "weir_something %llu\n", (unsigned long long)i);
        assert_memory_equal(text, line, (size_t)len);
        text += len;
    }
    assert_string_equal(text, "");
}

static void a_writer_may_have_enough(void **state)
{
    (void)state;
    struct weir_prometheus out = begin();
    end_after = 2;
    for (uint64_t i = 0; i < 10000; i++)
        weir_prometheus_u64(&out, "weir_something", NULL, 0, i);
    assert_true(out.ended);
    end(&out);
    assert_int_equal(n_pieces, 2);
}

static void nothing_is_written_of_nothing(void **state)
{
    (void)state;
    struct weir_prometheus out = begin();
    assert_string_equal(end(&out), "");
    assert_int_equal(n_pieces, 0);
}

static void missing_memory_is_told(void **state)
{
    (void)state;
    struct weir_prometheus out = begin();
    weir_prometheus_u64(&out, "x", NULL, 0, 1);
    out.text.failed = true;
    for (int i = 0; i < 10000; i++)
        weir_prometheus_u64(&out, "x", NULL, 0, 1);
    weir_error err = {.code = WEIR_OK};
    assert_int_equal(weir_prometheus_finish(&out, &err), WEIR_ERR_MEMORY);
    assert_int_equal(err.code, WEIR_ERR_MEMORY);
    assert_int_equal(n_pieces, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_and_its_samples),
        cmocka_unit_test(seconds_are_exact),
        cmocka_unit_test(a_label_is_readable_where_it_can_be),
        cmocka_unit_test(any_bytes_are_a_label_of_their_own),
        cmocka_unit_test(a_histogram_counts_up),
        cmocka_unit_test(much_of_it_comes_in_pieces),
        cmocka_unit_test(a_writer_may_have_enough),
        cmocka_unit_test(nothing_is_written_of_nothing),
        cmocka_unit_test(missing_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
