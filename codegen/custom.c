/* SPDX-License-Identifier: MIT
 *
 * Custom fields: the functions of `encode =`, `decode =` and `clear =` are looked up among those that are declared, and
 * their types checked, so that a wrong one is an error of the annotation rather than of the generated code.
 */
#include "classify.h"
#include "diagnostics.h"
#include "text.h"

#include <string.h>

static CXCursor find_function(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->n_functions; i++) {
        CXString spelling = clang_getCursorSpelling(source->functions[i]);
        bool same = strcmp(clang_getCString(spelling), name) == 0;
        clang_disposeString(spelling);
        if (same)
            return source->functions[i];
    }
    return clang_getNullCursor();
}

/* A type's name without typedefs and without a const of its own. */
static const char *bare(CXType type)
{
    CXType canonical = clang_getCanonicalType(type);
    const char *text = take_text(clang_getTypeSpelling(canonical));
    if (!text)
        return "";
    size_t len = strlen(text);
    if (canonical.kind != CXType_Pointer)
        return strncmp(text, "const ", 6) == 0 ? text + 6 : text;
    return len > 5 && strcmp(text + len - 5, "const") == 0 ? keep_text(text, len - 5) : text;
}

/* What a custom function gets a pointer to: the field, or its first element. */
static CXType passed_type(CXType field)
{
    CXType canonical = clang_getCanonicalType(field);
    return canonical.kind == CXType_ConstantArray ? clang_getArrayElementType(canonical) : canonical;
}

static void check_function(struct look *look, CXType type, const char *role, const char *name, int n_args, unsigned at,
                           const char *shape)
{
    struct location where = look->field->annotated_at;
    if (!name)
        return;
    CXCursor function = find_function(look->source, name);
    if (clang_Cursor_isNull(function)) {
        complain_of(look->field, where, "the %s function '%s' isn't declared before or after the struct: %s", role,
                    name, shape);
        return;
    }
    CXType signature = clang_getCursorType(function);
    CXType argument = clang_getArgType(signature, at);
    bool pointer = clang_getCanonicalType(argument).kind == CXType_Pointer;
    CXType target = clang_getPointeeType(clang_getCanonicalType(argument));
    if (clang_getNumArgTypes(signature) != n_args || !pointer || strcmp(bare(target), bare(passed_type(type))) != 0)
        complain_of(look->field, where, "the %s function must be %s", role, shape);
}

struct type *classify_custom(struct look *look, CXType type)
{
    struct field *field = look->field;
    const char *name = type_name(passed_type(type));
    bool pointer = passed_type(type).kind == CXType_Pointer;
    check_function(look, type, "encode", field->custom.encode, 3, 0,
                   keep_format("weir_status %s(%s%s%s *value, weir_value_sink *sink, weir_error *err)",
                               field->custom.encode, pointer ? "" : "const ", name, pointer ? "const" : ""));
    check_function(look, type, "decode", field->custom.decode, 4, 2,
                   keep_format("weir_status %s(const char *bytes, size_t len, %s *value, weir_error *err)",
                               field->custom.decode, name));
    if (field->custom.clear)
        check_function(look, type, "clear", field->custom.clear, 1, 0,
                       keep_format("void %s(%s *value)", field->custom.clear, name));
    enum CXTypeKind kind = clang_getCanonicalType(type).kind;
    field->is_array = kind == CXType_ConstantArray;
    if (look->owner->base) {
        complain_of(field, field->at, "custom functions need a struct with a name; give this one a tag");
        return NULL;
    }
    return kind == CXType_IncompleteArray ? classify(look, type) : new_type(WEIR_MAP_CUSTOM, type);
}
