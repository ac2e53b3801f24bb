/* SPDX-License-Identifier: MIT
 *
 * The field names that are the library's own. The scripts spell them out again; a test compares.
 */
#ifndef WEIR_JOB_NAMES_H
#define WEIR_JOB_NAMES_H

#define WEIR_RESERVED_PREFIX "weir."
#define WEIR_NAME_ID "weir.id"
#define WEIR_NAME_ATTEMPTS "weir.attempts"
#define WEIR_NAME_GROUP "weir.group"
#define WEIR_NAME_FIRST_ENQUEUED "weir.first_enqueued_ms"
#define WEIR_NAME_TRACEPARENT "weir.traceparent"
#define WEIR_NAME_REASON "weir.reason"
#define WEIR_NAME_ERROR "weir.error"
#define WEIR_NAME_DELIVERIES "weir.deliveries"
#define WEIR_NAME_SOURCE_ID "weir.source_id"

#endif
