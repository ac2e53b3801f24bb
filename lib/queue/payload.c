/* SPDX-License-Identifier: MIT
 *
 * Enqueueing payloads: a codec turns structs into fields, and producer.c does the rest. All of a bulk is encoded into
 * one sink before anything is sent.
 */
#include "base/error.h"
#include "job/sink.h"

#include <stdlib.h>
#include <weir/producer.h>

static weir_status check_codec(const weir_codec *codec, weir_error *err)
{
    if (codec->size != sizeof *codec || !codec->encode)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "codec has no encode function, or is of another version");
    return WEIR_OK;
}

/* Encodes one payload; an encoder that says nothing of its failure is spoken for. */
static weir_status encode(const weir_codec *codec, const void *payload, struct weir_field_sink *sink, weir_error *err)
{
    weir_error_set(err, WEIR_ERR_DECODE, "the payload could not be encoded");
    weir_status status = codec->encode(payload, sink, err);
    if (status == WEIR_OK && (sink->bytes.failed || sink->lengths.failed))
        status = weir_error_set(err, WEIR_ERR_MEMORY, "no memory for the payload's fields");
    return status;
}

weir_status weir_enqueue_payload(weir_producer *producer, const weir_codec *codec, const void *payload,
                                 const weir_enqueue_options *options, weir_id *ret_id, weir_error *err)
{
    if (!producer || !codec || !payload)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL",
                              !producer ? "producer"
                              : !codec  ? "codec"
                                        : "payload");
    weir_status status = check_codec(codec, err);
    if (status != WEIR_OK)
        return status;
    struct weir_field_sink sink = {0};
    weir_error failure;
    weir_fields fields;
    status = encode(codec, payload, &sink, &failure);
    if (status == WEIR_OK)
        status = weir_sink_fields(&sink, &fields, &failure);
    if (status == WEIR_OK)
        status = weir_enqueue(producer, &fields, options, ret_id, err);
    else if (err)
        *err = failure;
    weir_sink_clear(&sink);
    return status;
}

/* A bulk while it is prepared. */
struct bulk {
    struct weir_field_sink sink;
    weir_fields *fields; /* n */
    weir_enqueue_job *jobs;
};

static weir_status prepare(struct bulk *bulk, const weir_codec *codec, const char *payloads, size_t n,
                           const weir_enqueue_options *options, weir_error *err)
{
    bulk->fields = calloc(n, sizeof *bulk->fields);
    bulk->jobs = calloc(n, sizeof *bulk->jobs);
    if (!bulk->fields || !bulk->jobs)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a bulk of jobs");
    for (size_t i = 0; i < n; i++) {
        weir_error failure;
        size_t before = weir_sink_count(&bulk->sink);
        weir_status status = encode(codec, payloads + i * codec->struct_size, &bulk->sink, &failure);
        if (status != WEIR_OK)
            return weir_error_set(err, status, "job %zu: %.280s", i, failure.message);
        bulk->fields[i].n = weir_sink_count(&bulk->sink) - before;
    }
    const weir_field *items = weir_sink_array(&bulk->sink);
    if (!items)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for a bulk of jobs");
    for (size_t i = 0; i < n; i++) {
        bulk->fields[i].items = items;
        items += bulk->fields[i].n;
        bulk->jobs[i] = (weir_enqueue_job){&bulk->fields[i], options ? &options[i] : NULL};
    }
    return WEIR_OK;
}

weir_status weir_enqueue_payload_bulk(weir_producer *producer, const weir_codec *codec, const void *payloads, size_t n,
                                      const weir_enqueue_options *options, weir_enqueue_result *results,
                                      weir_error *err)
{
    if (!producer || !codec || (!payloads && n > 0))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s is NULL",
                              !producer ? "producer"
                              : !codec  ? "codec"
                                        : "payloads");
    weir_status status = check_codec(codec, err);
    if (status != WEIR_OK || n == 0)
        return status;
    struct bulk bulk = {0};
    status = prepare(&bulk, codec, payloads, n, options, err);
    if (status == WEIR_OK) {
        status = weir_enqueue_bulk(producer, bulk.jobs, n, results, err);
    } else {
        for (size_t i = 0; results && i < n; i++)
            results[i] = (weir_enqueue_result){.status = status};
    }
    weir_sink_clear(&bulk.sink);
    free(bulk.fields);
    free(bulk.jobs);
    return status;
}
