/* SPDX-License-Identifier: MIT
 *
 * Lines of JSON, each of which is a job: see "weir enqueue --help".
 */
#ifndef WEIR_CLI_JOB_LINES_H
#define WEIR_CLI_JOB_LINES_H

#include <jansson.h>
#include <weir/producer.h>

/* One job and what it borrows from. */
struct line_job {
    weir_fields fields;
    weir_enqueue_options options;
    json_t *json;
    weir_field *items;
    void **kept; /* texts of numbers, bytes of base64 */
    size_t n_kept;
    uint64_t line;
};

enum { LINE_ERROR_SIZE = 300 };

/*
 * Reads a line. defaults: what holds where the line doesn't say itself. False: *error says what is wrong, and nothing
 * is to be freed.
 */
bool line_job_read(struct line_job *ret, const char *line, size_t len, const weir_enqueue_options *defaults,
                   char error[LINE_ERROR_SIZE]);
void line_job_free(struct line_job *job);

/* "name=value" of the command line; borrows the text. False: there is no name, or no "=". */
bool field_of_word(const char *word, weir_field *ret);

#endif
