/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

struct WEIR_JOB words {
    int a WEIR_FIELD(optionall);
    int b WEIR_FIELD(colour = 3);
    int c WEIR_FIELD(optional = 1);
    int d WEIR_FIELD(default);
    int e WEIR_FIELD(default =);
    int f WEIR_FIELD();
    int g WEIR_FIELD(optional, required);
    int h WEIR_FIELD(default = 1, optional);
    int i WEIR_FIELD(default = 1, required);
    int j WEIR_FIELD(skip, name = "x");
    int k WEIR_FIELD(encode = x);
    int *l WEIR_FIELD(count = 3);
    int *m WEIR_FIELD(count = n, length = n);
    int n;
};
