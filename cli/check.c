/* SPDX-License-Identifier: MIT
 *
 * weir check: weir_check of one queue, some, or all, with what is true of the server said once.
 */
#include "commands.h"
#include "json.h"
#include "progress.h"
#include "queues.h"
#include "server.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct findings {
    const struct options *options;
    const char *stream;
    struct progress progress;
    char **of_servers; /* texts that were told: queues on one server share them */
    size_t n_of_servers;
    size_t n, counts[WEIR_ERROR + 1];
    size_t of_queue; /* of the one that is being checked */
};

/* Of the server: the table has these first. */
static bool is_of_server(weir_finding_code code)
{
    return code < WEIR_FINDING_WRONG_TYPE;
}

static bool was_told(struct findings *findings, const char *text)
{
    for (size_t i = 0; i < findings->n_of_servers; i++)
        if (strcmp(findings->of_servers[i], text) == 0)
            return true;
    findings->of_servers = keep_more(findings->of_servers, (findings->n_of_servers + 1) * sizeof *findings->of_servers);
    findings->of_servers[findings->n_of_servers++] = keep_text(text, strlen(text));
    return false;
}

static void tell(const weir_finding *finding, void *context)
{
    static const enum style styles[] = {[WEIR_NOTICE] = STRONG, [WEIR_WARNING] = WARNING, [WEIR_ERROR] = BAD};
    struct findings *findings = context;
    bool of_server = is_of_server(finding->code);
    if (of_server && was_told(findings, finding->text))
        return;
    progress_end(&findings->progress);
    findings->counts[finding->severity] += !finding->repaired;
    findings->of_queue += !of_server;
    if (findings->options->json) {
        json_list_item(json_make(
            "{s:o, s:s, s:s, s:o, s:o, s:o, s:b}", "stream", of_server ? json_null() : json_name(findings->stream),
            "name", weir_finding_name(finding->code), "severity", weir_severity_name(finding->severity), "text",
            json_name(finding->text), "fix", json_name(finding->fix), "count",
            json_maybe(finding->count ? (int64_t)finding->count : -1), "repaired", finding->repaired));
        return;
    }
    if (findings->n++)
        putchar('\n');
    style_begin(stdout, styles[finding->severity]);
    fputs(weir_severity_name(finding->severity), stdout);
    style_end(stdout, styles[finding->severity]);
    char *about = of_server ? keep_text("the server", strlen("the server"))
                            : text_visible(findings->stream, strlen(findings->stream), ALL_COLUMNS);
    printf(", %s: ", about);
    print_wrapped(finding->text, strlen(weir_severity_name(finding->severity)) + text_columns(about) + 4, 4,
                  terminal_columns());
    fputs("    ", stdout);
    print_wrapped(finding->fix, 4, 4, terminal_columns());
    free(about);
}

static void check_one(struct findings *findings)
{
    weir_check_options o = WEIR_CHECK_OPTIONS_INIT;
    o.url = server_url(findings->options);
    o.stream = findings->stream;
    o.connection = server_connection(findings->options);
    o.stale_ms = findings->options->stale_ms;
    o.repair = findings->options->repair;
    o.on_finding = tell;
    o.user_data = findings;
    weir_error err;
    findings->of_queue = 0;
    if (weir_check(&o, NULL, &err) != WEIR_OK)
        fail_because(&err);
}

/* Where there is no queue yet, the server can be looked at all the same. */
static const char no_stream[] = "weir";

enum exit_code check_run(const struct options *options)
{
    struct findings findings = {.options = options};
    struct names names = {0};
    enum exit_code missing = EXIT_DONE;
    weir_admin *admin = server_admin(options);
    if (options->n_words == 0)
        names_find(&names, admin, NULL);
    const char *const *streams = options->n_words ? options->words : (const char *const *)names.items;
    size_t n = options->n_words ? options->n_words : names.n;

    if (options->json)
        json_list_begin(NULL);
    progress_begin(&findings.progress, "checking queues", n);
    for (size_t i = 0; i < n || i == 0; i++) {
        findings.stream = n ? streams[i] : no_stream;
        check_one(&findings);
        if (options->n_words > 0 && findings.of_queue == 0 && !queue_may_be(admin, streams[i])) {
            progress_end(&findings.progress);
            missing = explain_missing(streams[i]);
        }
        progress_set(&findings.progress, i + 1);
    }
    progress_end(&findings.progress);
    weir_admin_close(admin);
    if (options->json)
        json_list_end(NULL);
    else if (findings.n == 0 && missing == EXIT_DONE)
        puts("All is well.");
    for (size_t i = 0; i < findings.n_of_servers; i++)
        free(findings.of_servers[i]);
    free(findings.of_servers);
    names_free(&names);
    if (missing != EXIT_DONE)
        return missing;
    return findings.counts[WEIR_WARNING] + findings.counts[WEIR_ERROR] > 0 ? EXIT_FOUND : EXIT_DONE;
}
