/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

enum colour { RED, GREEN };
struct WEIR_JOB misfits {
    int a WEIR_FIELD(number);
    uint8_t b[4] WEIR_FIELD(default = 1);
    int c WEIR_FIELD(max = 3);
    char d[8] WEIR_FIELD(count = n);
    int e WEIR_FIELD(count = n);
    int *f WEIR_FIELD(length = n);
    int g[3] WEIR_FIELD(length = n);
    int *h WEIR_FIELD(count = missing);
    int *i WEIR_FIELD(count = real);
    int *j WEIR_FIELD(count = named);
    int named WEIR_FIELD(name = "x");
    double real;
    int n;
    char *k WEIR_FIELD(max = 0);
    char *l WEIR_FIELD(max = -1);
    char *m WEIR_FIELD(max = 1.5);
    char *o WEIR_FIELD(max = n);
};
