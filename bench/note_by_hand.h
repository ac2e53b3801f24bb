/* SPDX-License-Identifier: MIT
 *
 * What a careful programmer would write instead of generating it: the same fields, checks and text forms.
 */
#ifndef BENCH_NOTE_BY_HAND_H
#define BENCH_NOTE_BY_HAND_H

#include "note.h"

#include <weir/codec.h>

weir_status note_encode_by_hand(const struct note *note, weir_field_sink *sink, weir_error *err);
weir_status note_decode_by_hand(const weir_fields *fields, struct note *note, weir_error *err);

#endif
