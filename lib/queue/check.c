/* SPDX-License-Identifier: MIT
 *
 * weir_check: a session of a broker for one look at the server and the queue.
 */
#include "base/error.h"
#include "job/check.h"
#include "queue/core.h"

#include <weir/check.h>

static weir_status check_options(const weir_check_options *options, weir_error *err)
{
    if (!options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "options is NULL");
    if (options->size != sizeof *options)
        return weir_error_set(err, WEIR_ERR_ARGUMENT,
                              "options->size is %zu, not %zu: start from WEIR_CHECK_OPTIONS_INIT", options->size,
                              sizeof *options);
    if (!options->url)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url is not set");
    if (options->stale_ms < 0)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "stale_ms is negative");
    weir_status status = weir_check_name("stream", options->stream, err);
    return status == WEIR_OK ? weir_check_connection_options(&options->connection, err) : status;
}

weir_status weir_check(const weir_check_options *options, size_t *ret_findings, weir_error *err)
{
    weir_status status = check_options(options, err);
    if (status != WEIR_OK)
        return status;
    struct weir_broker_config config = {
        .url = options->url, .stream = options->stream, .connection = options->connection};
    struct weir_broker *broker = NULL;
    struct weir_session *session = NULL;
    status = weir_broker_open(&broker, &config, err);
    if (status != WEIR_OK)
        return status;
    status = broker->ops->session_open(&session, broker, "check", err);
    if (status == WEIR_OK)
        status = broker->ops->connect(session, err);
    if (status == WEIR_OK)
        status = broker->ops->check(session, options, ret_findings, err);
    broker->ops->session_close(session);
    broker->ops->close(broker);
    return status;
}
