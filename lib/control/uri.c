/* SPDX-License-Identifier: MIT */
#include "control/uri.h"

#include <stdlib.h>
#include <string.h>

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of "%41"; -1: it is none. */
static int decode_byte(const char *from)
{
    int high = digit_of(from[1]), low = high < 0 ? -1 : digit_of(from[2]);
    return low < 0 ? -1 : high * 16 + low;
}

/* Decodes up to one of the bytes in `ends`, into *out, which moves on behind the NUL. NULL: malformed. */
static const char *decode(const char *from, const char *ends, bool plus_is_blank, char **out, struct control_text *ret)
{
    char *to = *out;
    ret->bytes = to;
    for (; *from && !strchr(ends, *from); from++) {
        char c = *from;
        if (c == '%') {
            int byte = decode_byte(from);
            if (byte <= 0)
                return NULL;
            c = (char)byte;
            from += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        *to++ = c;
    }
    ret->len = (size_t)(to - ret->bytes);
    *to++ = '\0';
    *out = to;
    return from;
}

static const char malformed[] = "The address is malformed: a % must be followed by two hexadecimal digits, not 00.";

static const char *parse_path(struct control_uri *uri, const char *path, char **out)
{
    if (*path != '/')
        return "The address doesn't begin with a slash.";
    if (path[1] == '\0')
        return NULL;
    while (*path == '/') {
        if (uri->n_segments == CONTROL_SEGMENTS)
            return "The address has more parts than any that there is.";
        path = decode(path + 1, "/", false, out, &uri->segments[uri->n_segments++]);
        if (!path)
            return malformed;
    }
    return NULL;
}

static const char *parse_query(struct control_uri *uri, const char *query, char **out)
{
    while (query && *query) {
        if (uri->n_parameters == CONTROL_PARAMETERS)
            return "The address has too many parameters.";
        struct control_text *name = &uri->parameters[uri->n_parameters].name;
        struct control_text *value = &uri->parameters[uri->n_parameters++].value;
        query = decode(query, "=&", true, out, name);
        if (!query)
            return malformed;
        *value = (struct control_text){name->bytes + name->len, 0};
        if (*query == '=')
            query = decode(query + 1, "&", true, out, value);
        if (!query)
            return malformed;
        query += *query == '&';
    }
    return NULL;
}

const char *control_uri_parse(struct control_uri *ret, const char *path, const char *query)
{
    *ret = (struct control_uri){0};
    /* nothing gets longer, but for the NUL that ends each text: there is a delimiter for each but the last */
    ret->memory = malloc(strlen(path) + (query ? strlen(query) : 0) + 4);
    if (!ret->memory)
        return "There is no memory.";
    char *out = ret->memory;
    const char *wrong = parse_path(ret, path, &out);
    if (!wrong)
        wrong = parse_query(ret, query, &out);
    if (wrong)
        control_uri_free(ret);
    return wrong;
}

void control_uri_free(struct control_uri *uri)
{
    free(uri->memory);
    *uri = (struct control_uri){0};
}

const struct control_text *control_uri_parameter(const struct control_uri *uri, const char *name)
{
    for (size_t i = 0; i < uri->n_parameters; i++)
        if (strcmp(uri->parameters[i].name.bytes, name) == 0)
            return &uri->parameters[i].value;
    return NULL;
}

bool control_uri_decode(const char *text, char *out, size_t *ret_len)
{
    size_t n = 0;
    for (; *text; text++) {
        int byte = *text == '%' ? decode_byte(text) : (unsigned char)*text;
        if (byte < 0 || *text == '/')
            return false;
        out[n++] = (char)byte;
        text += *text == '%' ? 2 : 0;
    }
    out[n] = '\0';
    *ret_len = n;
    return true;
}

size_t control_uri_encode(char *out, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF", plain[] = "-._~";
    char *to = out;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr(plain, c))) {
            *to++ = (char)c;
        } else {
            *to++ = '%';
            *to++ = digits[c >> 4];
            *to++ = digits[c & 15];
        }
    }
    *to = '\0';
    return (size_t)(to - out);
}
