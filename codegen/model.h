/* SPDX-License-Identifier: MIT
 *
 * What weir-codegen knows of the user's structs: made by parse.c, checked by mapping.c, read by the emitters. All of it
 * lies in one arena for as long as the program runs.
 */
#ifndef CODEGEN_MODEL_H
#define CODEGEN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/map.h>

struct location {
    const char *file;
    unsigned line, column;
};

struct enumerator {
    const char *constant; /* in C */
    const char *name;     /* on the wire */
    const char *doc;
    int64_t value;
};

struct enumeration {
    const char *id;     /* tells two apart */
    const char *tag;    /* NULL: unnamed */
    const char *symbol; /* of its table, once it is emitted */
    struct enumerator *items;
    size_t n;
    bool is_signed;
    bool is_inner; /* defined within a struct: in C++ its names are the struct's */
};

struct structure;

struct type {
    weir_map_kind kind;
    bool plain_char;                 /* INT or UINT, as the compiler likes */
    const char *name;                /* as it was written: "uint32_t", "char[80]" */
    uint64_t size;                   /* on the target that libclang parses for: for the schema alone */
    uint64_t n;                      /* ARRAY: elements; CHARS, BYTES: bytes */
    struct type *element;            /* ARRAY, LIST */
    struct structure *structure;     /* STRUCT */
    struct enumeration *enumeration; /* ENUM */
};

/* A constant expression in an annotation; probe.c evaluates it. */
struct expression {
    enum { WANT_INTEGER, WANT_FLOAT, WANT_STRING } want;
    const char *text; /* NULL: there is none */
    struct location at;
    const char *problem; /* what the compiler said against it */
    bool evaluated, is_float, is_pointer, negative;
    uint64_t integer; /* two's complement where negative */
    double number;
    const char *string;
};

struct custom {
    const char *encode, *decode, *clear; /* function names; NULL: none */
};

struct field {
    const char *member; /* in C */
    const char *name;   /* on the wire */
    const char *doc;
    struct location at;
    struct type *type; /* of the value: of what an optional pointer points to */
    bool optional, required, pointer, shared_count, by_number;
    bool is_array;       /* a custom field that decays to a pointer */
    struct field *count; /* NULL: none */
    bool is_count;       /* belongs to another field: isn't mapped by itself */
    bool skipped;
    struct expression default_value, wire_name, max;
    const char *default_text; /* as on the wire; NULL: none */
    uint64_t max_value;       /* 0: none */
    struct custom custom;
    struct location annotated_at;
    struct field *next;
};

struct structure {
    const char *id;                  /* tells two apart */
    const char *name;                /* "email" */
    const char *c_type;              /* "struct email"; NULL: unnamed */
    const char *inner_c, *inner_cpp; /* what c_type is a name for, where it is defined within another struct; or NULL */
    const char *base, *path;         /* of an unnamed one, for sizeof and offsetof: the member `path` of `base` */
    const char *symbol;              /* of its table, once it is emitted */
    const char *doc;
    struct location at;
    struct field *fields, **last;
    bool is_job; /* WEIR_JOB */
    bool is_own; /* defined in a header that was named */
    bool building, broken;
    struct structure *next;
};

struct model {
    struct structure *first, **last; /* in the order in which they are defined, parts before wholes */
    const char **dependencies;
    size_t n_dependencies;
};

/* A field that is in the tables. */
static inline bool is_mapped(const struct field *field)
{
    return !field->skipped && !field->is_count;
}

#endif
