/* SPDX-License-Identifier: MIT
 *
 * weir-bench codec: the mappers that weir-codegen writes, against those that note_by_hand.c has. No server is asked.
 */
#include "bench.h"
#include "note_by_hand.h"
#include "note_job.h"
#include "subcommands.h"

#include <string.h>

static const struct note sample = {.to = (char *)"ada@example.org",
                                   .subject = "the difference engine",
                                   .body = (char *)"It is done. Come and see it whenever you like; the tea is on me.",
                                   .tries = 2,
                                   .sent_ms = 1700000000000,
                                   .html = true};

typedef weir_status (*encode_fn)(const struct note *note, weir_field_sink *sink, weir_error *err);
typedef weir_status (*decode_fn)(const weir_fields *fields, struct note *note, weir_error *err);

static weir_status encode_generated(const struct note *note, weir_field_sink *sink, weir_error *err)
{
    return note_encode(note, sink, err);
}

static weir_status decode_generated(const weir_fields *fields, struct note *note, weir_error *err)
{
    return note_decode(fields, note, err);
}

/* Nanoseconds a job, processor time. Each job gets a sink of its own, as it does when it is enqueued. */
static double time_encoding(encode_fn encode, uint64_t jobs)
{
    weir_error err;
    double before_us = cpu_thread_us();
    for (uint64_t i = 0; i < jobs; i++) {
        weir_field_sink *sink = weir_sink_new();
        must(encode(&sample, sink, &err), &err, "encoding");
        weir_sink_free(sink);
    }
    return (cpu_thread_us() - before_us) * 1e3 / (double)jobs;
}

static double time_decoding(decode_fn decode, const weir_fields *fields, uint64_t jobs)
{
    weir_error err;
    struct note note;
    double before_us = cpu_thread_us();
    for (uint64_t i = 0; i < jobs; i++) {
        must(decode(fields, &note, &err), &err, "decoding");
        note_clear(&note);
    }
    return (cpu_thread_us() - before_us) * 1e3 / (double)jobs;
}

/* Both write the same fields, and read them back. */
static void compare_results(const weir_fields *generated, const weir_fields *by_hand)
{
    bool same = generated->n == by_hand->n;
    for (size_t i = 0; same && i < generated->n; i++) {
        const weir_field *a = &generated->items[i], *b = &by_hand->items[i];
        same = a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0 &&
               a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
    }
    struct note one, other;
    weir_error err;
    must(decode_generated(by_hand, &one, &err), &err, "decoding");
    must(note_decode_by_hand(generated, &other, &err), &err, "decoding");
    same = same && strcmp(one.to, other.to) == 0 && strcmp(one.subject, other.subject) == 0 &&
           strcmp(one.body, other.body) == 0 && one.tries == other.tries && one.sent_ms == other.sent_ms &&
           one.html == other.html;
    note_clear(&one);
    if (!same)
        die("the generated mapper and the one by hand disagree");
}

static void report_pair(struct bench *bench, const char *what, const struct series *by_hand,
                        const struct series *generated)
{
    report_row(bench->report);
    report_text(bench->report, "what", what);
    report_figure(bench->report, "reference_ns", by_hand);
    report_figure(bench->report, "weir_ns", generated);
    report_ratio(bench->report, "ratio", generated, by_hand);
}

void codec_run(struct bench *bench)
{
    const struct options *options = &bench->options;
    uint64_t jobs = number_or(options, options->jobs, 1000000, 1000), runs = number_or(options, options->runs, 7, 1);
    weir_field_sink *generated = weir_sink_new(), *by_hand = weir_sink_new();
    weir_fields fields, fields_by_hand;
    weir_error err;
    must(encode_generated(&sample, generated, &err), &err, "encoding");
    must(note_encode_by_hand(&sample, by_hand, &err), &err, "encoding");
    must(weir_sink_fields(generated, &fields, &err), &err, "weir_sink_fields");
    must(weir_sink_fields(by_hand, &fields_by_hand, &err), &err, "weir_sink_fields");
    compare_results(&fields, &fields_by_hand);

    struct series encode[2] = {0}, decode[2] = {0};
    for (uint64_t i = 0; i < runs; i++) {
        series_add(&encode[0], time_encoding(note_encode_by_hand, jobs));
        series_add(&encode[1], time_encoding(encode_generated, jobs));
        series_add(&decode[0], time_decoding(note_decode_by_hand, &fields, jobs));
        series_add(&decode[1], time_decoding(decode_generated, &fields, jobs));
    }
    report_fact_number(bench->report, NULL, "jobs", (double)jobs);
    report_fact_number(bench->report, NULL, "runs", (double)runs);
    report_pair(bench, "encode", &encode[0], &encode[1]);
    report_pair(bench, "decode", &decode[0], &decode[1]);
    report_note(bench->report, "nanoseconds of processor time a job of 6 fields; the reference is written by hand");
    weir_sink_free(generated);
    weir_sink_free(by_hand);
}
