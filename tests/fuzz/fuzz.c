/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void insist(bool good, const char *what, const weir_error *err)
{
    if (good)
        return;
    fprintf(stderr, "%s: %s\n", what, err->message);
    abort();
}

static bool same(const weir_fields *left, const weir_fields *right)
{
    if (left->n != right->n)
        return false;
    for (size_t i = 0; i < left->n; i++) {
        const weir_field *a = &left->items[i], *b = &right->items[i];
        if (a->name_len != b->name_len || a->value_len != b->value_len || memcmp(a->name, b->name, a->name_len) != 0 ||
            memcmp(a->value, b->value, a->value_len) != 0)
            return false;
    }
    return true;
}

static weir_field_sink *encode(const weir_codec *codec, const void *value, weir_fields *ret)
{
    weir_error err = {.message = ""};
    weir_field_sink *sink = weir_sink_new();
    insist(sink && codec->encode(value, sink, &err) == WEIR_OK, "what was decoded can't be encoded", &err);
    insist(weir_sink_fields(sink, ret, &err) == WEIR_OK, "no fields", &err);
    return sink;
}

void fuzz_decode(const weir_codec *codec, const weir_fields *fields)
{
    weir_error err = {.message = ""};
    void *first = calloc(1, codec->struct_size), *second = calloc(1, codec->struct_size);
    if (codec->decode(fields, first, &err) == WEIR_OK) {
        weir_fields one, two;
        weir_field_sink *sink = encode(codec, first, &one);
        insist(codec->decode(&one, second, &err) == WEIR_OK, "what was encoded can't be decoded", &err);
        weir_field_sink *again = encode(codec, second, &two);
        insist(same(&one, &two), "encoding again differs", &err);
        codec->clear(second);
        codec->clear(first);
        weir_sink_free(again);
        weir_sink_free(sink);
    } else {
        insist(err.code == WEIR_ERR_DECODE && err.message[0] != '\0', "no reason", &err);
    }
    free(first);
    free(second);
}
