/* SPDX-License-Identifier: MIT
 *
 * The in-process broker: pausing a stream's queue, and what a worker asks now and then.
 */
#include "broker/memory_broker.h"

#include "base/clock.h"

weir_status weir_memory_look(struct weir_session *session, bool *ret_paused, bool *ret_delayed, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    const struct memory_stream *stream = memory_session_of(session)->stream;
    *ret_paused = stream->paused_ms > 0;
    *ret_delayed = stream->delayed.n > 0;
    weir_memory_exit(session);
    return WEIR_OK;
}

weir_status weir_memory_set_paused(struct weir_session *session, bool paused, bool *ret_changed, weir_error *err)
{
    weir_status status = weir_memory_enter(session, err);
    if (status != WEIR_OK)
        return status;
    struct memory_stream *stream = memory_session_of(session)->stream;
    *ret_changed = paused != (stream->paused_ms > 0);
    if (*ret_changed)
        stream->paused_ms = paused ? weir_wall_ms() : 0;
    weir_memory_exit(session);
    return WEIR_OK;
}

weir_status weir_memory_touch(struct weir_session *session, weir_error *err)
{
    struct memory_group *group;
    weir_status status = weir_memory_enter_group(session, &group, err);
    if (status != WEIR_OK)
        return status;
    if (!weir_memory_self(session, group))
        status = weir_memory_failed(err);
    weir_memory_exit(session);
    return status;
}
