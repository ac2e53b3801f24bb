/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

struct WEIR_JOB node {
    int value;
    struct node *next WEIR_FIELD(optional);
};

struct right;
struct WEIR_STRUCT left {
    struct right *right WEIR_FIELD(optional);
};
struct WEIR_STRUCT right {
    struct left *lefts WEIR_FIELD(count = n);
    size_t n;
};
struct WEIR_JOB tree {
    struct left *root WEIR_FIELD(optional);
};
