/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

enum WEIR_JOB shade { DARK };
union WEIR_JOB both {
    int a;
};
enum colour { RED WEIR_FIELD(name = "red"), ROT WEIR_FIELD(name = "red"), BLUE WEIR_FIELD(skip) };
struct WEIR_JOB names {
    int a WEIR_FIELD(name = "b");
    int b;
    int c WEIR_FIELD(name = "");
    int d WEIR_FIELD(name = "weir.id");
    int e WEIR_FIELD(name = e);
    enum colour f;
};
struct WEIR_JOB empty {
    int skipped WEIR_FIELD(skip);
};
struct WEIR_JOB nowhere;
struct WEIR_JOB {
    int x;
} nameless;
struct WEIR_JOB aligned {
    _Alignas(64) int x;
};
struct WEIR_JOB email {
    int x;
};
typedef struct WEIR_JOB {
    int x;
} email;
struct WEIR_JOB Empty {
    enum shape {
        ROUND WEIR_FIELD(names = "round"),
        FLAT WEIR_FIELD(name is = "flat"),
        LONG WEIR_FIELD(name = ""),
        THIN WEIR_FIELD(name = "th" "in"),
    } shape;
};
