/* SPDX-License-Identifier: MIT
 *
 * The struct of docs/codegen.md.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

/** A mail that is to be sent. */
struct WEIR_JOB email {
    /** Whom it goes to:
     *  an address, "a@b.c". */
    char    *to;
    char     subject[80];
    uint32_t tries   WEIR_FIELD(default = 3); ///< how often it is tried
    bool     html;
    double  *score   WEIR_FIELD(optional);             /* NULL: field absent */
    size_t   n_tags;
    char   **tags    WEIR_FIELD(count = n_tags);       /* nested and repeated values: msgpack in one field */
};
