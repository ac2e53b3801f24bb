/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_CLASSIFY_H
#define CODEGEN_CLASSIFY_H

#include "parse.h"

#define CUSTOM_OR_SKIP "use WEIR_FIELD(encode=…, decode=…)"

/* One member while it is looked at. */
struct look {
    struct source *source;
    struct model *model;
    struct structure *owner;
    struct field *field;
    const char *path;  /* of the value within the owner, for unnamed structs: "pos", "points[0]" */
    bool may_be_const; /* the type that is looked at next: it is what a pointer points to */
};

/* The type of a value; NULL where it can't be mapped, which was said. */
struct type *classify(struct look *look, CXType type);

/* The same for a field with `count` or `length`. */
struct type *classify_counted(struct look *look, CXType type, bool is_length);

/* The same for a pointer to one value that may be absent. */
struct type *classify_optional(struct look *look, CXType type);

/* The same for a field with `encode` and `decode` (custom.c). */
struct type *classify_custom(struct look *look, CXType type);

/* A type of the model, with the name and the size of clang's. */
struct type *new_type(weir_map_kind kind, CXType type);

/* A type as it was written, without what differs between versions of clang. */
const char *type_name(CXType type);

#endif
