/* SPDX-License-Identifier: MIT */
#ifndef CODEGEN_PARSE_H
#define CODEGEN_PARSE_H

#include "model.h"

#include <clang-c/Index.h>

/* What is parsed, and how. */
struct input {
    const char **headers; /* as they were named */
    size_t n_headers;
    const char **args; /* for clang: the user's */
    size_t n_args;
    const char *own_args[4]; /* and ours, behind them */
    size_t n_own_args;
};

/* A parsed program, while the model is made. */
struct source {
    const struct input *input;
    CXIndex index;
    CXTranslationUnit unit;
    CXFile *files; /* of the headers that were named */
    CXCursor *functions;
    size_t n_functions, room_functions;
};

/*
 * Parses the headers and makes the model of what is annotated in them. What is wrong is complained about. *ret_model is
 * only whole where nobody complained.
 */
void parse(const struct input *input, struct model *model);

/* Parses a text as a C file, with its errors kept apart. NULL where libclang itself fails. */
CXTranslationUnit parse_text(CXIndex index, const struct input *input, const char *name, const char *text);

/* #include lines for the headers. */
const char *include_lines(const struct input *input);

/* Where something is, as a user would name it. */
struct location location_of(const struct source *source, CXCursor cursor);
struct location location_at(const struct input *input, CXSourceLocation where);

/* The text of a libclang string, kept; the string is disposed of. NULL where it is empty. */
const char *take_text(CXString string);

/* The doc comment of a declaration as one paragraph of plain text, or NULL. */
const char *doc_of(CXCursor cursor);

/* The inside of the annotations of a declaration that start with `prefix`, one after the other; NULL after the last. */
struct annotations {
    const char *texts[8];
    struct location at[8];
    size_t n;
};
void annotations_of(const struct source *source, CXCursor cursor, const char *prefix, struct annotations *ret);

/* Whether a struct or enum has neither a tag nor a typedef's name. */
bool is_nameless(CXCursor declaration);

/* The structure of a struct's type, made on demand (mapping.c). NULL where it can't be mapped; that was said. */
struct structure *structure_of(struct source *source, struct model *model, CXCursor declaration,
                               const struct field *user, const char *base, const char *path, const char *name);

/* Evaluates all constant expressions of the model (probe.c). */
void evaluate(const struct source *source, struct model *model);

#endif
