/* SPDX-License-Identifier: MIT
 *
 * weir-codegen: from annotated structs to mappers. parse.c reads the headers, mapping.c and probe.c make the model,
 * emit_*.c write it down, output.c puts it into files.
 */
#include "diagnostics.h"
#include "emit.h"
#include "output.h"
#include "parse.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/version.h>

static const char usage[] =
    "usage: weir-codegen [-o BASE] [--prefix P] [--depfile FILE] HEADER... [-- CLANG-ARGUMENT...]\n"
    "\n"
    "Reads the structs that are annotated with WEIR_JOB in the headers, and writes BASE.h, BASE.c, and beside them\n"
    "NAME.schema.json for each such struct.\n"
    "\n"
    "  -o BASE          the outputs' name; default: the first header's, with _job for its .h, in this folder\n"
    "  --prefix P       put before all generated names\n"
    "  --depfile FILE   write what the outputs depend on, for make and ninja\n"
    "  --include TEXT   how BASE.h includes the (only) header; default: its path as seen from BASE.h\n"
    "  --version, --help\n";

struct options {
    struct input input;
    const char *base, *prefix, *depfile, *include;
};

/* --- the command line --- */

static void refuse(const char *what, const char *about)
{
    fprintf(stderr, "weir-codegen: error: %s%s%s\n", what, about ? ": " : "", about ? about : "");
    exit(2);
}

/* The value of an option: --name=value, or the next argument. */
static const char *value_of(const char *name, char **argv, int *i)
{
    size_t len = strlen(name);
    if (strncmp(argv[*i], name, len) != 0)
        return NULL;
    if (argv[*i][len] == '=' && len > 2)
        return argv[*i] + len + 1;
    if (argv[*i][len] != '\0')
        return NULL;
    if (!argv[*i + 1])
        refuse("a value is missing", name);
    return argv[++*i];
}

static bool take_option(struct options *options, char **argv, int *i)
{
    static const char *const names[] = {"-o", "--prefix", "--depfile", "--include"};
    const char **slots[] = {&options->base, &options->prefix, &options->depfile, &options->include};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const char *value = value_of(names[n], argv, i);
        if (value) {
            *slots[n] = value;
            return true;
        }
    }
    return false;
}

static void read_arguments(struct options *options, int argc, char **argv)
{
    options->prefix = "";
    options->input.headers = keep((size_t)argc * sizeof *options->input.headers);
    options->input.args = keep((size_t)argc * sizeof *options->input.args);
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            exit(0);
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("weir-codegen %s, ABI %d\n", WEIR_VERSION, WEIR_CODEGEN_ABI);
            exit(0);
        }
        if (take_option(options, argv, &i))
            continue;
        if (argv[i][0] == '-')
            refuse("there is no such option (what is for clang goes behind --)", argv[i]);
        options->input.headers[options->input.n_headers++] = argv[i];
    }
    for (i++; i < argc; i++)
        options->input.args[options->input.n_args++] = argv[i];
    if (options->input.n_headers == 0) {
        fputs(usage, stderr);
        exit(2);
    }
    if (options->include && options->input.n_headers > 1)
        refuse("--include is for one header", NULL);
    const char *at = options->prefix;
    if (*at && (strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != strlen(at) ||
                (*at >= '0' && *at <= '9')))
        refuse("not the beginning of a C name", at);
}

/* Where weir's own headers are: beside the program in a build tree, or in ../include where it was installed. */
static void add_own_arguments(struct input *input)
{
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    static const char *const folders[] = {"include", "../include"};
    if (slash) {
        *slash = '\0';
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
            const char *folder = keep_format("%s/%s", path, folders[i]);
            if (access(keep_format("%s/weir/codegen.h", folder), R_OK) != 0)
                continue;
            input->own_args[input->n_own_args++] = "-idirafter";
            input->own_args[input->n_own_args++] = folder;
            break;
        }
    }
#ifdef WEIR_CLANG_RESOURCE_DIR
    /* stddef.h and the like are the compiler's; libclang finds them by itself only where it lies beside them */
    if (access(WEIR_CLANG_RESOURCE_DIR "/include/stddef.h", R_OK) == 0)
        input->own_args[input->n_own_args++] = "-resource-dir=" WEIR_CLANG_RESOURCE_DIR;
#endif
}

/* --- paths --- */

static const char *file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *folder_of(const char *path)
{
    const char *file = file_of(path);
    return file == path ? "." : keep_text(path, file == path + 1 ? 1 : (size_t)(file - path) - 1);
}

static const char *without_suffix(const char *path, const char *suffix)
{
    size_t len = strlen(path), suffix_len = strlen(suffix);
    bool has = len > suffix_len && strcmp(path + len - suffix_len, suffix) == 0;
    return has ? keep_text(path, len - suffix_len) : path;
}

static const char *default_base(const char *header)
{
    return keep_format("%s_job", without_suffix(file_of(header), ".h"));
}

/* The way from a folder to a file: "../src/email.h". */
static const char *relative(const char *folder, const char *file)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (!realpath(folder, from) || !realpath(file, to))
        return file;
    size_t common = 0;
    for (size_t i = 0; from[i] == to[i] && from[i]; i++)
        if (to[i] == '/')
            common = i + 1;
    size_t from_len = strlen(from);
    if (strncmp(to, from, from_len) == 0 && to[from_len] == '/')
        return keep_format("%s", to + from_len + (from_len > 1));
    const char *way = keep_format("%s", to + common);
    for (const char *at = from + common; *at; at = strchr(at, '/') ? strchr(at, '/') + 1 : at + strlen(at))
        way = keep_format("../%s", way);
    return way;
}

/* --- the outputs --- */

/* A path in a depfile: spaces and what make and ninja take for something else are escaped. */
static const char *escaped(const char *path)
{
    struct weir_buffer out = {0};
    for (; *path; path++) {
        if (*path == '$')
            print(&out, "$$");
        else
            print(&out, "%s%c", *path == ' ' || *path == '#' || *path == '\\' ? "\\" : "", *path);
    }
    const char *text = keep_format("%.*s", (int)out.len, out.len ? out.bytes : "");
    weir_buffer_free(&out);
    return text;
}

static void emit_depfile(struct weir_buffer *out, const char *base, const struct model *model)
{
    print(out, "%s.h %s.c:", escaped(base), escaped(base));
    for (size_t i = 0; i < model->n_dependencies; i++)
        print(out, " \\\n  %s", escaped(model->dependencies[i]));
    print(out, "\n");
}

static bool write_all(const struct options *options, const struct model *model)
{
    size_t n_jobs = 0;
    for (const struct structure *structure = model->first; structure; structure = structure->next)
        n_jobs += is_public(structure);
    struct output *outputs = keep((n_jobs + 3) * sizeof *outputs);
    const char *folder = folder_of(options->base);
    struct emission emission = {.headers = options->input.headers,
                                .n_headers = options->input.n_headers,
                                .base = file_of(options->base),
                                .prefix = options->prefix};
    emission.includes = keep(emission.n_headers * sizeof *emission.includes);
    for (size_t i = 0; i < emission.n_headers; i++)
        emission.includes[i] = options->include ? options->include : relative(folder, options->input.headers[i]);

    size_t n = 0;
    outputs[n].path = keep_format("%s.h", options->base);
    emit_header(&outputs[n++].text, model, &emission);
    outputs[n].path = keep_format("%s.c", options->base);
    emit_source(&outputs[n++].text, model, &emission);
    for (const struct structure *structure = model->first; structure; structure = structure->next) {
        if (!is_public(structure))
            continue;
        const char *name = keep_format("%s.schema.json", structure->name);
        outputs[n].path = strchr(options->base, '/') ? keep_format("%s/%s", folder, name) : name;
        emit_schema(&outputs[n++].text, structure);
    }
    if (options->depfile) {
        outputs[n].path = options->depfile;
        emit_depfile(&outputs[n++].text, options->base, model);
    }
    return write_outputs(outputs, n);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct model model = {0};
    read_arguments(&options, argc, argv);
    if (!options.base)
        options.base = default_base(options.input.headers[0]);
    options.base = without_suffix(without_suffix(options.base, ".h"), ".c");
    add_own_arguments(&options.input);
    parse(&options.input, &model);
    bool good = !have_complaints() && write_all(&options, &model);
    print_complaints();
    forget_all();
    return good ? 0 : 1;
}
