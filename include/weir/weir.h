/* SPDX-License-Identifier: MIT
 *
 * weir: a dependable job queue on Redis Streams. This header is all of it; the others can be included one by one.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/admin.h>
#include <weir/check.h>
#include <weir/codec.h>
#include <weir/codegen.h>
#include <weir/connection.h>
#include <weir/dead.h>
#include <weir/diagnose.h>
#include <weir/error.h>
#include <weir/field.h>
#include <weir/job.h>
#include <weir/log.h>
#include <weir/map.h>
#include <weir/metrics.h>
#include <weir/producer.h>
#include <weir/queue.h>
#include <weir/stats.h>
#include <weir/version.h>

#endif
