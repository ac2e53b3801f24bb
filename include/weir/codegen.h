/* SPDX-License-Identifier: MIT
 *
 * The annotations that weir-codegen reads. For every compiler they are empty: a struct that is annotated is the same
 * struct.
 *
 *     struct WEIR_JOB email {
 *         char    *to;
 *         uint32_t tries WEIR_FIELD(default = 3);
 *         double  *score WEIR_FIELD(optional);
 *         size_t   n_tags;
 *         char   **tags WEIR_FIELD(count = n_tags, max = 100);
 *     };
 *
 * docs/codegen.md describes them all.
 */
#ifndef WEIR_CODEGEN_H
#define WEIR_CODEGEN_H

#ifdef WEIR_CODEGEN_RUNNING /* weir-codegen defines it, and nobody else should */
#define WEIR_CODEGEN_ANNOTATE(...) __attribute__((annotate(__VA_ARGS__)))
#define WEIR_CODEGEN_TEXT(...) #__VA_ARGS__
#define WEIR_JOB WEIR_CODEGEN_ANNOTATE("weir:job")
#define WEIR_STRUCT WEIR_CODEGEN_ANNOTATE("weir:struct")
#define WEIR_FIELD(...) WEIR_CODEGEN_ANNOTATE("weir:field:" WEIR_CODEGEN_TEXT(__VA_ARGS__))
#else
#define WEIR_JOB        /* a struct that is enqueued: struct WEIR_JOB email { … }; */
#define WEIR_STRUCT     /* a struct that is only a part of others: struct WEIR_STRUCT address { … }; */
#define WEIR_FIELD(...) /* after a member's name (and its []), or an enumerator's: what docs/codegen.md lists */
#endif

#endif
