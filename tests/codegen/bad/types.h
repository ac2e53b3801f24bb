/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <weir/codec.h>
#include <weir/codegen.h>

union number {
    int i;
    float f;
};
struct incomplete;
struct plain {
    int x;
};
typedef int (*callback)(int);

struct WEIR_JOB types {
    union number of_union;
    union {
        int a;
        int b;
    } unnamed_union;
    union {
        int c;
        int d;
    };
    unsigned flags : 3;
    struct incomplete *incomplete;
    struct incomplete *optional_incomplete WEIR_FIELD(optional);
    struct plain plain;
    callback call;
    int (*calls[2])(void);
    void *nothing;
    void *optional_nothing WEIR_FIELD(optional);
    int *one_or_many;
    char **texts;
    int ***deep WEIR_FIELD(optional);
    long double too_long;
    __int128 too_wide;
    float _Complex complicated;
    const int fixed;
    volatile int device;
    _Atomic int shared;
    const double table[4];
    struct {
        int x;
    } *unnamed WEIR_FIELD(optional);
    int none[0];
    int tail[];
};

typedef int over_aligned __attribute__((aligned(64)));
weir_status write_stamp(const int64_t *value, weir_value_sink *sink, weir_error *err);
weir_status read_stamp(const char *bytes, size_t len, int64_t *value, weir_error *err);
struct WEIR_JOB more_types {
    over_aligned *aligned WEIR_FIELD(optional);
    struct tm calendar;
    struct timespec *stamp WEIR_FIELD(optional);
    const unsigned char *text_or_bytes;
};
#pragma pack(push, 1)
struct WEIR_JOB packed {
    char first;
    int64_t stamp WEIR_FIELD(encode = write_stamp, decode = read_stamp);
};
#pragma pack(pop)
#line 1000 "types.template"
struct WEIR_JOB from_template {
    union number number;
};
