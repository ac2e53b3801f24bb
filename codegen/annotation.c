/* SPDX-License-Identifier: MIT
 *
 * WEIR_FIELD(word, word = value, …): the compiler hands us its inside as a text, macros expanded.
 */
#include "annotation.h"

#include "diagnostics.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

#define WORDS "optional, required, skip, number, default, name, count, length, max, encode, decode, clear"

static const char *skip_literal(const char *at)
{
    char quote = *at++;
    while (*at && *at != quote)
        at += *at == '\\' && at[1] ? 2 : 1;
    return *at ? at + 1 : at;
}

/* The end of a piece: the next comma that is in no parentheses and no literal. */
static const char *piece_end(const char *at)
{
    int depth = 0;
    while (*at && (depth > 0 || *at != ',')) {
        if (*at == '"' || *at == '\'') {
            at = skip_literal(at);
            continue;
        }
        depth += *at == '(' || *at == '[' || *at == '{';
        depth -= *at == ')' || *at == ']' || *at == '}';
        at++;
    }
    return at;
}

static const char *trimmed(const char *begin, const char *end)
{
    while (begin < end && isspace((unsigned char)*begin))
        begin++;
    while (begin < end && isspace((unsigned char)end[-1]))
        end--;
    return keep_text(begin, (size_t)(end - begin));
}

static bool is_identifier(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

static bool read_flag(const char *word, struct field *field)
{
    if (strcmp(word, "optional") == 0)
        field->optional = true;
    else if (strcmp(word, "required") == 0)
        field->required = true;
    else if (strcmp(word, "skip") == 0)
        field->skipped = true;
    else if (strcmp(word, "number") == 0)
        field->by_number = true;
    else
        return false;
    return true;
}

static bool read_expression(const char *word, const char *value, struct location at, struct field *field)
{
    struct expression *expression = strcmp(word, "default") == 0 ? &field->default_value
                                    : strcmp(word, "name") == 0  ? &field->wire_name
                                    : strcmp(word, "max") == 0   ? &field->max
                                                                 : NULL;
    if (!expression)
        return false;
    expression->text = value;
    expression->at = at;
    expression->want = expression == &field->wire_name ? WANT_STRING : WANT_INTEGER;
    return true;
}

static bool read_identifier(const char *word, const char *value, struct location at, struct field *field,
                            struct annotation *annotation)
{
    bool length = strcmp(word, "length") == 0;
    const char **slot = length || strcmp(word, "count") == 0 ? &annotation->count_name
                        : strcmp(word, "encode") == 0        ? &field->custom.encode
                        : strcmp(word, "decode") == 0        ? &field->custom.decode
                        : strcmp(word, "clear") == 0         ? &field->custom.clear
                                                             : NULL;
    if (!slot)
        return false;
    if (!is_identifier(value)) {
        complain_of(field, at, "'%s = %s' needs the name of a %s", word, value,
                    slot == &annotation->count_name ? "member of the same struct" : "function");
        annotation->broken = true;
        return true;
    }
    if (slot == &annotation->count_name && *slot && annotation->is_length != length) {
        complain_of(field, at, "'count' and 'length' exclude each other");
        annotation->broken = true;
    }
    *slot = value;
    annotation->is_length = slot == &annotation->count_name ? length : annotation->is_length;
    return true;
}

static void read_piece(const char *piece, struct location at, struct field *field, struct annotation *annotation)
{
    const char *equals = strchr(piece, '=');
    const char *word = equals ? trimmed(piece, equals) : piece;
    const char *value = equals ? trimmed(equals + 1, piece + strlen(piece)) : NULL;
    if (!value) {
        if (read_flag(word, field))
            return;
        struct field scratch = {.member = field->member};
        struct annotation ignored = {0};
        if (read_expression(word, "", at, &scratch) || read_identifier(word, "x", at, &scratch, &ignored))
            complain_of(field, at, "'%s' needs a value: WEIR_FIELD(%s = …)", word, word);
        else
            complain_of(field, at, "'%s' is no annotation; there are " WORDS, word);
        return;
    }
    struct field scratch = {0};
    if (read_flag(word, &scratch))
        complain_of(field, at, "'%s' takes no value", word);
    else if (*value == '\0')
        complain_of(field, at, "'%s' needs a value: WEIR_FIELD(%s = …)", word, word);
    else if (!read_expression(word, value, at, field) && !read_identifier(word, value, at, field, annotation))
        complain_of(field, at, "'%s' is no annotation; there are " WORDS, word);
}

void read_annotation(const char *text, struct location at, struct field *field, struct annotation *annotation)
{
    field->annotated_at = at;
    for (;;) {
        const char *end = piece_end(text);
        const char *piece = trimmed(text, end);
        if (*piece)
            read_piece(piece, at, field, annotation);
        else
            complain_of(field, at, "the annotation is empty; there are " WORDS);
        if (!*end)
            return;
        text = end + 1;
    }
}

void check_annotation(const struct field *field, const struct annotation *annotation)
{
    struct location at = field->annotated_at;
    const struct custom *custom = &field->custom;
    bool any_custom = custom->encode || custom->decode || custom->clear;
    if (field->skipped && (field->optional || field->required || field->by_number || field->default_value.text ||
                           field->wire_name.text || field->max.text || annotation->count_name || any_custom))
        complain_of(field, at, "'skip' excludes all other annotations");
    if (field->optional && field->required)
        complain_of(field, at, "'optional' and 'required' exclude each other");
    if (field->default_value.text && (field->optional || field->required))
        complain_of(field, at, "'default' and '%s' exclude each other: a field with a default may always be absent",
                    field->optional ? "optional" : "required");
    if (any_custom && (!custom->encode || !custom->decode))
        complain_of(field, at, "'encode' and 'decode' are needed both");
    if (any_custom && (annotation->count_name || field->max.text || field->by_number || field->default_value.text))
        complain_of(field, at,
                    "with 'encode' and 'decode', only 'clear', 'name', 'optional' and 'required' have a meaning");
}
