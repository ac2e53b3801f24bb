/* SPDX-License-Identifier: MIT
 *
 * The options of a queue: checked against one table, and copied.
 *
 * The table says each number's range; weir/queue.h says what it means; a test holds the two together. An error names
 * the option, the value and the range.
 */
#include "base/error.h"
#include "job/check.h"
#include "queue/core.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* X(option, least, most) */
#define INTEGER_OPTION_TABLE(X)                                                                                        \
    X(concurrency, 1, 10000)                                                                                           \
    X(max_attempts, 1, UINT32_MAX - 1)                                                                                 \
    X(max_deliveries, 1, UINT32_MAX - 1)                                                                               \
    X(max_run_ms, 0, YEAR_MS)                                                                                          \
    X(min_idle_ms, 10, YEAR_MS)                                                                                        \
    X(backoff_base_ms, 0, YEAR_MS)                                                                                     \
    X(backoff_cap_ms, 0, YEAR_MS)                                                                                      \
    X(prefetch_ms, 0, 60000)                                                                                           \
    X(fetch_max_jobs, 1, 10000000)                                                                                     \
    X(fetch_max_bytes, 65536, INT64_MAX)                                                                               \
    X(block_ms, 10, 60000)                                                                                             \
    X(claim_interval_ms, 0, 3600000)                                                                                   \
    X(pause_interval_ms, 10, 60000)                                                                                    \
    X(promote_interval_ms, 5, 3600000)                                                                                 \
    X(stats_interval_ms, 10, 3600000)                                                                                  \
    X(trim_interval_ms, 10, 3600000)                                                                                   \
    X(reap_idle_ms, 0, YEAR_MS)                                                                                        \
    X(backoff, WEIR_BACKOFF_NONE, WEIR_BACKOFF_EXPONENTIAL)                                                            \
    X(retention, WEIR_KEEP_UNFINISHED, WEIR_DELETE_ON_ACK)                                                             \
    X(dead_mode, WEIR_DEAD_TO_STREAM, WEIR_DEAD_CALLBACK_ONLY)

#define YEAR_MS INT64_C(31536000000)

/* X(option, least, most) */
#define REAL_OPTION_TABLE(X)                                                                                           \
    X(backoff_factor, 1, 1000)                                                                                         \
    X(backoff_jitter, 0, 1)

static weir_status check_integers(const weir_queue_options *options, weir_error *err)
{
    const struct {
        const char *name;
        int64_t value, least, most;
    } rows[] = {
#define ROW(option, least, most) {#option, (int64_t)options->option, (int64_t)(least), (int64_t)(most)},
        INTEGER_OPTION_TABLE(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].value < rows[i].least || rows[i].value > rows[i].most)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is %" PRId64 "; it must be from %" PRId64 " to %" PRId64,
                                  rows[i].name, rows[i].value, rows[i].least, rows[i].most);
    return WEIR_OK;
}

static weir_status check_reals(const weir_queue_options *options, weir_error *err)
{
    const struct {
        const char *name;
        double value, least, most;
    } rows[] = {
#define ROW(option, least, most) {#option, options->option, least, most},
        REAL_OPTION_TABLE(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!(rows[i].value >= rows[i].least && rows[i].value <= rows[i].most)) /* also where it is not a number */
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is %g; it must be from %g to %g", rows[i].name,
                                  rows[i].value, rows[i].least, rows[i].most);
    return WEIR_OK;
}

weir_status weir_check_connection_options(const weir_connection_options *options, weir_error *err)
{
    const struct {
        const char *name;
        int64_t value, least, most;
    } rows[] = {{"connection.connect_timeout_ms", options->connect_timeout_ms, 1, 600000},
                {"connection.command_timeout_ms", options->command_timeout_ms, 1, 600000},
                {"connection.keepalive_s", options->keepalive_s, 0, 32767}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].value < rows[i].least || rows[i].value > rows[i].most)
            return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is %" PRId64 "; it must be from %" PRId64 " to %" PRId64,
                                  rows[i].name, rows[i].value, rows[i].least, rows[i].most);
    for (const char *c = options->client_name; c && *c; c++)
        if (*c < '!' || *c > '~')
            return weir_error_set(err, WEIR_ERR_ARGUMENT,
                                  "connection.client_name may have printable ASCII characters only, and no spaces");
    if ((options->tls_cert_file == NULL) != (options->tls_key_file == NULL))
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "connection.tls_cert_file and connection.tls_key_file must be set together");
    return WEIR_OK;
}

static weir_status check_start_id(const char *start_id, weir_error *err)
{
    struct weir_entry_id id;
    if (start_id && (strcmp(start_id, "$") == 0 || weir_entry_id_parse(start_id, strlen(start_id), &id)))
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_ARGUMENT,
                          "start_id must be \"0\", \"$\", or an entry id such as 1700000000000-0");
}

static weir_status check_codec(const weir_codec *codec, weir_error *err)
{
    if (!codec)
        return WEIR_OK;
    if (codec->size != sizeof *codec)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "codec->size is %zu, not %zu: set it to sizeof(weir_codec), and generate the codec anew",
                              codec->size, sizeof *codec);
    if (!codec->decode || codec->struct_size == 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "codec has no decode function, or its struct_size is 0");
    return WEIR_OK;
}

static weir_status check(const weir_queue_options *options, weir_error *err)
{
    if (options->size != sizeof *options)
        return weir_error_set(
            err, WEIR_ERR_ARGUMENT,
            "options->size is %zu, not %zu: start from WEIR_QUEUE_OPTIONS_INIT, and compile against the "
            "headers of the library that is linked",
            options->size, sizeof *options);
    weir_status status = WEIR_OK;
    if (!options->url)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "url is not set");
    if (status == WEIR_OK)
        status = weir_check_name("stream", options->stream, err);
    if (status == WEIR_OK)
        status = weir_check_name("group", options->group, err);
    if (status == WEIR_OK && options->consumer)
        status = weir_check_name("consumer", options->consumer, err);
    if (status == WEIR_OK && !options->handler)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT, "handler is not set");
    if (status == WEIR_OK)
        status = check_start_id(options->start_id, err);
    if (status == WEIR_OK)
        status = check_codec(options->codec, err);
    if (status == WEIR_OK)
        status = check_integers(options, err);
    if (status == WEIR_OK)
        status = check_reals(options, err);
    if (status == WEIR_OK && options->backoff_cap_ms < options->backoff_base_ms)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT,
                                "backoff_cap_ms is %" PRId64 ", less than backoff_base_ms, %" PRId64 "; raise it",
                                options->backoff_cap_ms, options->backoff_base_ms);
    if (status == WEIR_OK && options->retention == WEIR_KEEP_LAST && options->retention_count == 0)
        status = weir_error_set(err, WEIR_ERR_ARGUMENT,
                                "retention is WEIR_KEEP_LAST, but retention_count is 0; set how many entries to keep");
    if (status == WEIR_OK)
        status = weir_check_connection_options(&options->connection, err);
    return status;
}

/* host:pid:random, unique among all consumers that ever live. */
static char *default_consumer(void)
{
    char host[65] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
        snprintf(host, sizeof host, "host");
    struct weir_random random;
    weir_random_seed(&random);
    char name[128];
    snprintf(name, sizeof name, "%s:%ld:%08" PRIx32, host, (long)getpid(), (uint32_t)weir_random_u64(&random));
    return strdup(name);
}

weir_status weir_options_copy(const weir_queue_options *options, weir_queue_options *ret, weir_error *err)
{
    if (!options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "options is NULL");
    weir_status status = check(options, err);
    if (status != WEIR_OK)
        return status;

    weir_queue_options copy = *options;
    if (copy.fetch_max_jobs < copy.concurrency)
        copy.fetch_max_jobs = copy.concurrency;
    copy.url = strdup(options->url);
    copy.stream = strdup(options->stream);
    copy.group = strdup(options->group);
    copy.consumer = options->consumer ? strdup(options->consumer) : default_consumer();
    copy.start_id = strdup(options->start_id);
    if (!copy.url || !copy.stream || !copy.group || !copy.consumer || !copy.start_id) {
        weir_options_clear(&copy);
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the options");
    }
    *ret = copy;
    return WEIR_OK;
}

void weir_options_clear(weir_queue_options *options)
{
    free((char *)options->url);
    free((char *)options->stream);
    free((char *)options->group);
    free((char *)options->consumer);
    free((char *)options->start_id);
    options->url = options->stream = options->group = options->consumer = options->start_id = NULL;
}
