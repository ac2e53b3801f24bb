/* SPDX-License-Identifier: MIT
 *
 * JSON on standard output: one object a command. Its shapes are in docs/command-line.md, and checked by the tests.
 */
#ifndef WEIR_CLI_JSON_H
#define WEIR_CLI_JSON_H

#include <jansson.h>
#include <weir/field.h>

/* A text where the bytes are UTF-8, else {"base64": "…"}. */
json_t *json_bytes(const void *bytes, size_t len);
json_t *json_name(const char *text);

/* A sentence for people: always a text, with what is no printable UTF-8 made visible. */
json_t *json_sentence(const char *text);

/* null for what is below 0: it isn't known. */
json_t *json_maybe(int64_t n);

/* json_name, but null for "". */
json_t *json_name_or_null(const char *text);

/* Milliseconds since the epoch; null where that can't be written. */
json_t *json_due(double ms);

/* [{"name": …, "value": …}, …] */
json_t *json_fields(const weir_fields *fields);

/* As json_pack, but never NULL. */
json_t *json_make(const char *format, ...);

/* Prints one object and takes it. */
void json_print(json_t *object);

/*
 * One object with a list that may be long: {head…, "items": [ … ], tail…}. Head and tail are taken; each may be NULL.
 */
void json_list_begin(json_t *head);
void json_list_item(json_t *item);
void json_list_end(json_t *tail);

/* Bytes of base64 (standard alphabet, padding as it should be); NULL: it is none. The caller frees. */
void *base64_decode(const char *text, size_t len, size_t *ret_len);

#endif
