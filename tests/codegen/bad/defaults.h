/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

enum colour { RED, GREEN };
#define BIG 300
struct WEIR_JOB defaults {
    uint8_t a WEIR_FIELD(default = BIG);
    uint32_t b WEIR_FIELD(default = -1);
    int8_t c WEIR_FIELD(default = 128);
    int d WEIR_FIELD(default = 1.5);
    int e WEIR_FIELD(default = "text");
    int f WEIR_FIELD(default = UNKNOWN);
    bool g WEIR_FIELD(default = 2);
    enum colour h WEIR_FIELD(default = 7);
    char i[4] WEIR_FIELD(default = "four");
    char *j WEIR_FIELD(default = 3);
    float k WEIR_FIELD(default = 1e300);
    char *l WEIR_FIELD(default = "a\0b");
    int64_t m WEIR_FIELD(default = 9223372036854775808u);
    double n WEIR_FIELD(default = "1.5");
};
