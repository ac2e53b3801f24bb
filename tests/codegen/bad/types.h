/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
