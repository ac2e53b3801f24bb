/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

#include "base/buffer.h"
#include "model.h"

/* What the emitters need to know besides the model. */
struct emission {
    const char **includes; /* of the user's headers, as they stand in the generated header: "../email.h" */
    const char **headers;  /* as they were named on the command line */
    size_t n_headers;
    const char *base;   /* the outputs' name without a folder: "email_job" */
    const char *prefix; /* of all generated names; may be empty */
};

void emit_header(struct weir_buffer *out, const struct model *model, const struct emission *emission);
void emit_source(struct weir_buffer *out, const struct model *model, const struct emission *emission);

/* The JSON Schema of one job struct. */
void emit_schema(struct weir_buffer *out, const struct structure *structure);

/* The two lines that open every generated C file. */
void emit_opening(struct weir_buffer *out, const struct emission *emission);

/* The name that C and C++ both know a struct by that is defined within another one; nothing for others. */
void emit_inner_type(struct weir_buffer *out, const struct structure *structure);

/* How many members are mapped. */
size_t count_mapped(const struct structure *structure);

/* Whether decoding may allocate for the struct; `nested`: where strings are copies. */
bool needs_clearing(const struct structure *structure, bool nested);

/* Whether it is described in public, with all of its functions. */
static inline bool is_public(const struct structure *structure)
{
    return structure->is_job && structure->is_own;
}

#endif
