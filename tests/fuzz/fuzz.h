/* SPDX-License-Identifier: MIT
 *
 * What the fuzz targets share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <weir/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Decodes the fields; what can be decoded must be encodable, and decode and encode to the same again. Ends the program
 * where it isn't so.
 */
void fuzz_decode(const weir_codec *codec, const weir_fields *fields);

#endif
