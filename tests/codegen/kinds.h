/* SPDX-License-Identifier: MIT
 *
 * Every kind of member and every annotation, with comments in odd places. The golden files and the round trips are made
 * of it.
 */
#ifndef KINDS_H
#define KINDS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <weir/codec.h>
#include <weir/codegen.h>

#define ROOM 8
#define DEFAULT_TRIES (1 + 2)

enum colour { RED = -1, GREEN, BLUE WEIR_FIELD(name = "blue"), AZURE = BLUE };
typedef enum { FLAG_A = 1, FLAG_B = 2 } flag_set;
typedef int64_t number;
typedef number typedefd;
typedef char label[ROOM + 1];

/** A point; part of other structs. */
typedef struct WEIR_STRUCT {
    int32_t x, y;
} point;

struct WEIR_STRUCT line {
    char *name WEIR_FIELD(default = "no \"name\"");
    point from;
    point to;
    double *width WEIR_FIELD(optional);
    size_t n_marks;
    uint16_t *marks WEIR_FIELD(count = n_marks);
    size_t blob_len;
    const void *blob WEIR_FIELD(length = blob_len, optional);
    enum colour colour WEIR_FIELD(default = GREEN);
    char tag[4] WEIR_FIELD(optional);
};

/** All scalar kinds. */
struct WEIR_JOB scalars {
    signed char schar; /**< not char */
    unsigned char uchar;
    char plain;
    short s;
    unsigned short us;
    int i;
    unsigned u;
    long l;
    unsigned long ul;
    long long ll;
    unsigned long long ull;
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    size_t size;
    ptrdiff_t difference;
    intmax_t most;
    time_t when;
    typedefd far_away;
    bool truth;
    _Bool other_truth;
    float f;
    double d;
    enum colour colour;
    flag_set flags WEIR_FIELD(number);
    enum { ONE, TWO } unnamed;
};

struct timeout {
    int64_t seconds;
};
weir_status write_timeout(const struct timeout *value, weir_value_sink *sink, weir_error *err);
weir_status read_timeout(const char *bytes, size_t len, struct timeout *value, weir_error *err);
/* a string of its own, to be freed */
weir_status write_owned(char *const *value, weir_value_sink *sink, weir_error *err);
weir_status read_owned(const char *bytes, size_t len, char **value, weir_error *err);
void clear_owned(char **value);

struct WEIR_STRUCT held {
    char *owned WEIR_FIELD(encode = write_owned, decode = read_owned, clear = clear_owned);
    int32_t checked;
};

/* What is of variable length, optional, nested or by functions. */
struct WEIR_JOB /* a comment */ kinds {
    /*
     * An ordinary comment.
     */
    char *string; // text
    const char *constant;
    label text; /* by a typedef and a macro */
    char *maybe WEIR_FIELD(optional);
    char *defaulted WEIR_FIELD(default = "nothing"
                                         " at all");
    char *limited WEIR_FIELD(max = 2 * ROOM);
    int tries WEIR_FIELD(default = DEFAULT_TRIES, name = "tries left");
    double ratio WEIR_FIELD(default = 1 / 4.0);
    bool on WEIR_FIELD(default = true);
    enum colour favourite WEIR_FIELD(default = BLUE);
    label word WEIR_FIELD(default = "word");
    int maybe_zero WEIR_FIELD(optional);
    int needed WEIR_FIELD(required);
    char *owned WEIR_FIELD(encode = write_owned, decode = read_owned, clear = clear_owned, optional);

    uint8_t digest[ROOM * 2];
    size_t data_len;
    void *data WEIR_FIELD(length = data_len, max = 1000);
    uint8_t buffer[ROOM] WEIR_FIELD(length = buffer_len);
    uint8_t buffer_len;

    double *score WEIR_FIELD(optional);
    bool *answer WEIR_FIELD(optional);
    point *where WEIR_FIELD(optional);
    struct line *line WEIR_FIELD(optional);
    uint8_t (*key)[4] WEIR_FIELD(optional);
    int (*triple)[3] WEIR_FIELD(optional);
    char (*word_at)[8] WEIR_FIELD(optional);

    int fixed[3];
    int matrix[2][3];
    char names[2][6];
    char *pair[2];
    point corners[2];
    int few[4] WEIR_FIELD(count = n_few);
    short n_few;

    uint32_t n_strings;
    char **strings WEIR_FIELD(count = n_strings, max = 100);
    size_t n_numbers;
    int64_t *numbers WEIR_FIELD(count = n_numbers);
    float *weights WEIR_FIELD(count = n_numbers);
    uint8_t n_lines;
    struct line *lines WEIR_FIELD(count = n_lines, optional);
    size_t n_colours;
    enum colour *colours WEIR_FIELD(count = n_colours);
    flag_set one_flag[2] WEIR_FIELD(number);
    size_t n_fixed;
    const char *const *fixed_strings WEIR_FIELD(count = n_fixed);
    const point *fixed_points WEIR_FIELD(count = n_fixed);
    const int *fixed_number WEIR_FIELD(optional);
    size_t n_held;
    struct held *held WEIR_FIELD(count = n_held);

    struct {
        int depth;
        struct {
            char *inner;
        } deeper[2];
    } nested;
    struct {
        int promoted;
        struct {
            bool twice_promoted;
        };
    };

    struct timeout timeout WEIR_FIELD(encode = write_timeout, decode = read_timeout);
    FILE *log WEIR_FIELD(skip);
    unsigned bits : 3 WEIR_FIELD(skip);
    void (*callback)(void) WEIR_FIELD(skip);
};

#endif
