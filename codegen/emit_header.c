/* SPDX-License-Identifier: MIT
 *
 * The generated header: what a user of a payload may call.
 */
#include "emit.h"

#include "text.h"

#include <ctype.h>
#include <string.h>

void emit_opening(struct weir_buffer *out, const struct emission *emission)
{
    print(out, "/* Made by weir-codegen from");
    for (size_t i = 0; i < emission->n_headers; i++) {
        const char *slash = strrchr(emission->headers[i], '/');
        print(out, "%s %s", i > 0 ? "," : "", slash ? slash + 1 : emission->headers[i]);
    }
    print(out, ". Don't edit: change the structs, and generate it anew. */\n");
}

size_t count_mapped(const struct structure *structure)
{
    size_t n = 0;
    for (const struct field *field = structure->fields; field; field = field->next)
        n += is_mapped(field);
    return n;
}

static bool type_needs_clearing(const struct type *type, bool nested)
{
    if (type->kind == WEIR_MAP_STRING)
        return nested;
    if (type->kind == WEIR_MAP_LIST)
        return true;
    if (type->kind == WEIR_MAP_STRUCT)
        return needs_clearing(type->structure, true);
    return type->kind == WEIR_MAP_ARRAY && type_needs_clearing(type->element, true);
}

bool needs_clearing(const struct structure *structure, bool nested)
{
    for (const struct field *field = structure->fields; field; field = field->next)
        if (is_mapped(field) && (field->pointer || field->custom.clear || type_needs_clearing(field->type, nested)))
            return true;
    return false;
}

static const char *guard_of(const char *base)
{
    char *guard = (char *)keep_format("%s_H", upper(base));
    for (char *at = guard; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '_';
    return isdigit((unsigned char)*guard) ? keep_format("WEIR_%s", guard) : guard;
}

void emit_inner_type(struct weir_buffer *out, const struct structure *structure)
{
    if (structure->inner_c)
        print(out, "\n#ifdef __cplusplus\ntypedef struct %s %s;\n#else\ntypedef %s %s;\n#endif\n", structure->inner_cpp,
              structure->c_type, structure->inner_c, structure->c_type);
}

static void emit_struct(struct weir_buffer *out, const struct structure *structure, const char *prefix)
{
    const char *name = keep_format("%s%s", prefix, structure->name);
    const char *type = structure->c_type;
    const char *macro = upper(name);
    print(out, "\n/* --- %s --- */\n", structure->inner_c ? structure->inner_c : type);
    emit_inner_type(out, structure);
    print(out,
          "\n/* Its fields, in their order, and the codec for weir_queue_options. */\n"
          "#define %s_N_FIELDS %zu\n"
          "extern const weir_map_field %s_fields[%s_N_FIELDS];\n"
          "extern const weir_map_struct %s_map;\n"
          "extern const weir_codec %s_codec;\n\n",
          macro, count_mapped(structure), name, macro, name, name);
    print(out,
          "/* Adds the struct's fields to the sink. WEIR_ERR_DECODE: err names the field and the reason. */\n"
          "static inline weir_status %s_encode(const %s *value, weir_field_sink *sink, weir_error *err)\n"
          "{\n"
          "    return weir_map_encode(&%s_map, value, sink, err);\n"
          "}\n\n",
          name, type, name);
    print(out,
          "/* Fills the struct, whose strings and binaries then point into the fields. Call %s_clear in the end. */\n"
          "static inline weir_status %s_decode(const weir_fields *fields, %s *value, weir_error *err)\n"
          "{\n"
          "    return weir_map_decode(&%s_map, fields, value, err);\n"
          "}\n\n",
          name, name, type, name);
    print(out,
          "/* Frees what decoding allocated, and zeroes the struct. */\n"
          "static inline void %s_clear(%s *value)\n"
          "{\n"
          "    weir_map_clear(&%s_map, value);\n"
          "}\n\n",
          name, type, name);
    print(out,
          "/* weir_enqueue for this struct. */\n"
          "static inline weir_status %s_enqueue(weir_producer *producer, const %s *value,\n"
          "    const weir_enqueue_options *options, weir_id *ret_id, weir_error *err)\n"
          "{\n"
          "    return weir_enqueue_payload(producer, &%s_codec, value, options, ret_id, err);\n"
          "}\n\n",
          name, type, name);
    print(out,
          "/* weir_enqueue_bulk for n of them; options (n, or NULL) and results (n, or NULL). */\n"
          "static inline weir_status %s_enqueue_bulk(weir_producer *producer, const %s *values, size_t n,\n"
          "    const weir_enqueue_options *options, weir_enqueue_result *results, weir_error *err)\n"
          "{\n"
          "    return weir_enqueue_payload_bulk(producer, &%s_codec, values, n, options, results, err);\n"
          "}\n\n",
          name, type, name);
    print(out,
          "/* The struct of a job of a queue with %s_codec; it lives as long as the job. */\n"
          "static inline const %s *%s_of(const weir_job *job)\n"
          "{\n"
          "    return (const %s *)weir_job_payload(job);\n"
          "}\n\n",
          name, type, name, type);
    print(
        out,
        "/*\n"
        " * %s_HANDLER(handler, context); at the top of a file makes, of\n"
        " *     weir_outcome handler(weir_job *job, const %s *value, context *ctx)\n"
        " * the function handler_attach(weir_queue_options *options, context *ctx), which sets the codec, the handler\n"
        " * and the user data of a queue. A handler of another type doesn't compile.\n"
        " */\n"
        "#define %s_HANDLER(handler, context) WEIR_MAP_HANDLER(%s_codec, %s, handler, context)\n",
        macro, type, macro, name, type);
}

void emit_header(struct weir_buffer *out, const struct model *model, const struct emission *emission)
{
    const char *guard = guard_of(emission->base);
    emit_opening(out, emission);
    print(out, "#ifndef %s\n#define %s\n\n", guard, guard);
    for (size_t i = 0; i < emission->n_headers; i++)
        print(out, "#include \"%s\"\n", emission->includes[i]);
    print(out, "\n#include <weir/map.h>\n#include <weir/producer.h>\n\n");
    print(out,
          "#if WEIR_CODEGEN_ABI != %d\n"
          "#error \"made by the weir-codegen of another libweir: generate this file anew with the one that belongs to "
          "<weir/map.h>\"\n"
          "#endif\n\n",
          WEIR_CODEGEN_ABI);
    print(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (const struct structure *structure = model->first; structure; structure = structure->next)
        if (is_public(structure))
            emit_struct(out, structure, emission->prefix);
    print(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
