/* SPDX-License-Identifier: MIT
 *
 * Structs as they are found in old headers: packed, aligned, declared beforehand, defined within others; enums of all
 * ranges; defaults of every kind; names that other mappers would take.
 */
#ifndef ODD_H
#define ODD_H

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codec.h>
#include <weir/codegen.h>

#define LOW -5
#define WORD                                                                                                           \
    "macro"                                                                                                            \
    "\x41"
#define ROOM_FOR(n) [(n) + 1]

enum signs { MINUS = -3, NOUGHT, PLUS = 5, ALSO_PLUS = 5 };
#if defined(__GNUC__)
__extension__
#endif
    enum wide {
        WIDE_0,
        WIDE_63 = 0x7fffffffffffffffLL
    };
#if defined(__GNUC__)
__extension__
#endif
    enum widest {
        WIDEST_0,
        WIDEST_64 = 0xffffffffffffffffULL
    };
#if defined(__GNUC__)
__extension__
#endif
    enum half {
        HALF_0,
        HALF_31 = 0x80000000u,
        HALF_32 = 0xffffffffu
    };

struct WEIR_JOB ranges {
    enum signs signs, signs_number WEIR_FIELD(number);
    enum wide wide, wide_number WEIR_FIELD(number);
    enum widest widest, widest_number WEIR_FIELD(number);
    enum half half, half_number WEIR_FIELD(number), halves[2];
};

struct WEIR_JOB defaults {
    enum signs signs WEIR_FIELD(default = ALSO_PLUS);
    enum signs minus WEIR_FIELD(number, default = MINUS);
    enum widest widest WEIR_FIELD(default = WIDEST_64);
    enum half half WEIR_FIELD(number, default = HALF_32);
    int low WEIR_FIELD(default = LOW);
    int hex WEIR_FIELD(default = 0xff);
    int octal WEIR_FIELD(default = 010);
    int conditional WEIR_FIELD(default = (1, 2) > 1 ? (int)sizeof(int[3]) : 0);
    char letter WEIR_FIELD(default = 'A');
    char comma WEIR_FIELD(default = ',');
    char quote WEIR_FIELD(default = '"');
    int64_t least WEIR_FIELD(default = INT64_MIN);
    uint64_t most WEIR_FIELD(default = UINT64_MAX);
    bool yes WEIR_FIELD(default = true);
    double infinite WEIR_FIELD(default = -INFINITY);
    double not_a_number WEIR_FIELD(default = NAN);
    double smallest WEIR_FIELD(default = 5e-324);
    double largest WEIR_FIELD(default = DBL_MAX);
    double whole WEIR_FIELD(default = 3);
    double minus_nought WEIR_FIELD(default = -0.0);
    float tenth WEIR_FIELD(default = 0.1);
    char *text WEIR_FIELD(default = "quote \" back \\ tab \t, ) } = ; // /* */ ?"
                                    "?/ %s\n");
    char *unicode WEIR_FIELD(default = "\u00e9 é \xff \1"
                                       "23");
    char *word WEIR_FIELD(default = WORD);
    char *empty WEIR_FIELD(default = "");
    char full[8] WEIR_FIELD(default = "1234567");
};

struct WEIR_JOB names {
    int plain WEIR_FIELD(name = "with \"quotes\", a comma, = and \u00e9\n");
    int percent WEIR_FIELD(name = "%s%n");
    int backslash WEIR_FIELD(name = "\\");
    int raw WEIR_FIELD(name = "\xff");
    int dotted WEIR_FIELD(name = "weir");
};

struct WEIR_JOB before;
struct before {
    int x;
};
struct after;
typedef struct after after;
struct WEIR_JOB after {
    struct before before;
};

struct WEIR_JOB __attribute__((packed)) packed {
    char c;
    int32_t i;
    double d;
    char *s;
    int64_t *maybe WEIR_FIELD(optional);
    uint8_t n;
    int64_t *list WEIR_FIELD(count = n);
    char **strings WEIR_FIELD(count = n_strings);
    uint16_t n_strings;
};
struct WEIR_STRUCT __attribute__((aligned(16))) aligned {
    char c;
};
struct WEIR_JOB aligned_parts {
    char *name;
    struct aligned *one WEIR_FIELD(optional);
    char **words WEIR_FIELD(count = n);
    size_t n;
    struct aligned *many WEIR_FIELD(count = n);
    struct packed *packed WEIR_FIELD(count = n_packed);
    size_t n_packed;
};

struct WEIR_JOB dimensions {
    int vla ROOM_FOR(2);
    char texts[2][3][4];
    uint8_t bytes[3][4];
    bool flags[2][2];
    char *strings[2][2];
};

/* Known to C++ by other names than to C. */
struct WEIR_JOB outer {
    struct WEIR_STRUCT inner {
        int x;
        struct WEIR_STRUCT inmost {
            char *s;
        } inmost; /* hides its type from C++ */
        struct {
            int y;
        } nameless;
    } in;
    struct WEIR_STRUCT pointed {
        int x;
    } * pointed WEIR_FIELD(optional);
    enum inner_enum { INNER_A, INNER_B = -3 } e;
    struct WEIR_JOB inner_job {
        int x;
    } inner_job;
};

/* Functions with the names that their wrappers would have, and a struct with the name of a codec. */
struct when {
    int64_t seconds;
};
weir_status late_due_encode(const struct when *value, weir_value_sink *sink, weir_error *err);
weir_status late_due_decode(const char *bytes, size_t len, struct when *value, weir_error *err);
void late_due_clear_value(struct when *value);
struct WEIR_JOB late {
    struct when due WEIR_FIELD(encode = late_due_encode, decode = late_due_decode, clear = late_due_clear_value);
};
struct WEIR_JOB late_codec {
    int x;
    char **list WEIR_FIELD(count = n);
    size_t n;
};

#endif
