/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_ANNOTATION_H
#define CODEGEN_ANNOTATION_H

#include "model.h"

/*
 * Reads the inside of a WEIR_FIELD(…) into the field: what is wrong in itself (unknown words, missing values, words
 * that exclude each other) is complained about here, what doesn't fit the type in mapping.c. count_name gets the member
 * of `count =` or `length =`, and *is_length which it was.
 */
struct annotation {
    const char *count_name;
    bool is_length;
    bool broken; /* it was complained about: what it was meant for isn't known */
};
void read_annotation(const char *text, struct location at, struct field *field, struct annotation *annotation);

/* What excludes each other, once all annotations of a field are read. */
void check_annotation(const struct field *field, const struct annotation *annotation);

#endif
