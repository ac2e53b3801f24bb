/* SPDX-License-Identifier: MIT
 *
 * Bytes as a recipe for well-formed replies of any shape, made of what real ones hold and what they must not.
 */
#ifndef WEIR_TESTS_FUZZ_RECIPE_H
#define WEIR_TESTS_FUZZ_RECIPE_H

#include <stddef.h>
#include <stdint.h>

enum { RECIPE_ROOM = 64 * 1024 };

struct recipe {
    const uint8_t *data;
    size_t left;
    char out[RECIPE_ROOM];
    size_t len;
};

/* Replies as the bytes say, into recipe->out, as many as there is room for. */
void recipe_write(struct recipe *recipe, const uint8_t *data, size_t size);

#endif
