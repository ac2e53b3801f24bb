/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

#include <weir/codec.h>
struct when {
    int64_t seconds;
};
weir_status write_when(const struct when *value, weir_value_sink *sink, weir_error *err);
weir_status read_when(const char *bytes, size_t len, struct when *value, weir_error *err);
weir_status read_int(const char *bytes, size_t len, int *value, weir_error *err);
void clear_when(struct when *value, int more);
struct WEIR_JOB custom {
    struct when a WEIR_FIELD(encode = write_when, decode = read_wen);
    struct when b WEIR_FIELD(encode = write_when, decode = read_int);
    struct when c WEIR_FIELD(encode = write_when, decode = read_when, clear = clear_when);
    struct when d WEIR_FIELD(encode = write_when, decode = read_when, max = 3);
    struct when e WEIR_FIELD(decode = read_when);
    struct {
        struct when f WEIR_FIELD(encode = write_when, decode = read_when);
    } part;
};
