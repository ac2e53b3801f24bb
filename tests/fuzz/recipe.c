/* SPDX-License-Identifier: MIT */
#include "recipe.h"

#include <stdio.h>
#include <string.h>

/* What replies are made of: what real ones hold, and what they must not. */
static const char *const words[] = {
    "0-0",
    "1-0",
    "1-1",
    "1-2",
    "1-3",
    "2-0",
    "18446744073709551615-18446744073709551615",
    "18446744073709551616-0",
    "-1-0",
    "1-",
    "jobs",
    "c",
    "name",
    "value",
    "",
    "weir.id",
    "weir.attempts",
    "weir.group",
    "weir.first_enqueued_ms",
    "weir.reason",
    "weir.error",
    "weir.deliveries",
    "weir.source_id",
    "weir.what",
    "g",
    "other",
    "4294967295",
    "-5",
    "inf",
    "1700000000000",
    "9007199254740993",
    "1e300",
    "nan",
    "OK",
    "QUEUED",
    "a longer value, which is here for its length",
};
static const char *const errors[] = {
    "NOSCRIPT No matching script",
    "NOGROUP No such key",
    "BUSYGROUP exists",
    "OOM command not allowed",
    "LOADING",
    "READONLY replica",
    "WRONGTYPE Operation",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "MOVED 1 127.0.0.1:7000",
    "ASK 1 127.0.0.1:7000",
    "UNBLOCKED",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "EXECABORT",
    "ERR unknown command",
    "ERR no",
    "",
    "BUSY script",
    "NOREPLICAS",
    "MISCONF",
};

static unsigned next(struct recipe *recipe)
{
    if (recipe->left == 0)
        return 0;
    recipe->left--;
    return *recipe->data++;
}

static void write_bytes(struct recipe *recipe, const void *bytes, size_t len)
{
    if (len > sizeof recipe->out - recipe->len)
        len = sizeof recipe->out - recipe->len;
    if (len > 0)
        memcpy(recipe->out + recipe->len, bytes, len);
    recipe->len += len;
}

static void write_line(struct recipe *recipe, char kind, const char *text)
{
    write_bytes(recipe, &kind, 1);
    write_bytes(recipe, text, strlen(text));
    write_bytes(recipe, "\r\n", 2);
}

static void write_number(struct recipe *recipe, char kind, long long number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", number);
    write_line(recipe, kind, text);
}

static void write_bulk(struct recipe *recipe, const void *bytes, size_t len)
{
    write_number(recipe, '$', (long long)len);
    write_bytes(recipe, bytes, len);
    write_bytes(recipe, "\r\n", 2);
}

static void write_element(struct recipe *recipe, int depth)
{
    unsigned what = next(recipe), detail = what & 31;
    switch (what >> 5) {
    case 0:
        write_number(recipe, ':', (long long)detail - 2);
        return;
    case 1: {
        const char *word = words[(detail + 32 * (next(recipe) % 2)) % (sizeof words / sizeof *words)];
        write_bulk(recipe, word, strlen(word));
        return;
    }
    case 2:
    case 3:
        write_number(recipe, '*', detail % 12);
        for (unsigned i = 0; i < detail % 12 && depth < 7 && recipe->left > 0; i++)
            write_element(recipe, depth + 1);
        return;
    case 4:
        if (detail % 2)
            write_line(recipe, '$', "-1");
        else
            write_line(recipe, '*', "-1");
        return;
    case 5:
        write_line(recipe, '-', errors[detail % (sizeof errors / sizeof *errors)]);
        return;
    case 6:
        if (detail < 20) {
            write_line(recipe, '+', words[detail]);
        } else {
            unsigned long long number = 0;
            for (int i = 0; i < 8; i++)
                number = number << 8 | next(recipe);
            write_number(recipe, ':', (long long)number);
        }
        return;
    default: {
        size_t len = detail < recipe->left ? detail : recipe->left;
        write_bulk(recipe, recipe->data, len);
        recipe->data += len;
        recipe->left -= len;
    }
    }
}

void recipe_write(struct recipe *recipe, const uint8_t *data, size_t size)
{
    recipe->data = data;
    recipe->left = size;
    recipe->len = 0;
    while (recipe->left > 0)
        write_element(recipe, 0);
}
