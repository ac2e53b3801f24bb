/* SPDX-License-Identifier: MIT
 *
 * A job of one field, which is all of msgpack that a mapper can be asked for.
 */
#ifndef NEST_H
#define NEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

struct WEIR_STRUCT leaf {
    char *text WEIR_FIELD(default = "leaf");
    int64_t *number WEIR_FIELD(optional);
    uint8_t id[4] WEIR_FIELD(optional);
    float ratio WEIR_FIELD(optional);
    enum { BIRCH, OAK = -7 } kind WEIR_FIELD(default = OAK);
    uint16_t n_bytes;
    const void *bytes WEIR_FIELD(length = n_bytes, optional);
};

struct WEIR_STRUCT branch {
    size_t n_leaves;
    struct leaf *leaves WEIR_FIELD(count = n_leaves, optional);
    struct leaf *best WEIR_FIELD(optional);
    char names[2][8] WEIR_FIELD(optional);
    char *texts[2] WEIR_FIELD(optional);
    int8_t small[5] WEIR_FIELD(count = n_small, optional);
    int n_small;
    struct {
        bool *flag WEIR_FIELD(optional);
        double x WEIR_FIELD(optional);
    } inner WEIR_FIELD(optional);
};

struct WEIR_JOB nest {
    size_t n;
    struct branch *branches WEIR_FIELD(count = n);
};

#endif
