/* SPDX-License-Identifier: MIT
 *
 * Structs as flowd's #[derive(Job)] has them in Rust: i8, i16, …, f64, f32, String, Option<T>, bool.
 */
#ifndef FLOWD_H
#define FLOWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

struct WEIR_JOB flowd_texts {
    char *empty, *plain, *unicode;
    size_t nul_len;
    void *nul WEIR_FIELD(length = nul_len); /* a String may hold one */
};
struct WEIR_JOB flowd_integers {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    size_t usize;
    ptrdiff_t isize;
};
struct WEIR_JOB flowd_floats {
    double tenth, large, smallest, largest, least, e21, whole, infinite, minus_infinite, nan, minus_nought, third;
    float tenth_f, largest_f, smallest_f;
};
struct WEIR_JOB flowd_options {
    char *text WEIR_FIELD(optional);
    int64_t *integer WEIR_FIELD(optional);
    double *real WEIR_FIELD(optional);
    uint32_t *none WEIR_FIELD(optional);
    char *empty WEIR_FIELD(optional);
};
struct WEIR_JOB flowd_bools {
    bool yes, no;
    uint8_t yes_for_flowd, no_for_flowd; /* it writes "true", but reads "1" alone */
    int type WEIR_FIELD(name = "r#type");
};

#endif
