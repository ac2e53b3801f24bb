/* SPDX-License-Identifier: MIT
 *
 * Random payloads, the same in every run; what they point to is freed by forget.
 */
#ifndef ANY_H
#define ANY_H

#include "kinds_job.h"

uint64_t any(void);

/* 0 … n − 1 */
size_t below(size_t n);

/* Of every length, with the extremes often; of doubles and floats all but nan. */
uint64_t any_integer(void);
double any_double(void);
float any_float(void);

/* Zeroed memory that forget frees. */
void *make(size_t size);
void forget(void);

/* A copy of the fields in which every name and value is an allocation of its own, so that reading beyond is seen. */
weir_fields apart(const weir_fields *fields);

/* Encodes, and fails the test where that fails; apart. */
weir_fields encoded(const weir_codec *codec, const void *value, weir_field_sink *sink);

struct scalars any_scalars(void);
struct kinds any_kinds(void);

#endif
