/* SPDX-License-Identifier: MIT
 *
 * What a job of this example is. weir-codegen makes email_job.h, email_job.c and email.schema.json of it: see
 * meson.build in the folder above, or the Makefile beside this file.
 */
#ifndef EMAIL_H
#define EMAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/codegen.h>

enum priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH };

/** A file that goes along. */
struct WEIR_STRUCT attachment {
    char *name;
    size_t size;
    const void *bytes WEIR_FIELD(length = size, max = 1 << 20);
};

/** A mail that is to be sent. */
struct WEIR_JOB email {
    char *to;         /**< whom it goes to */
    char subject[80]; /**< a line of text */
    enum priority priority WEIR_FIELD(default = PRIORITY_NORMAL);
    bool html WEIR_FIELD(default = false);
    double *score WEIR_FIELD(optional); /**< how likely it is to be spam; NULL: nobody has looked */
    size_t n_tags;
    char **tags WEIR_FIELD(count = n_tags, max = 100, optional);
    size_t n_attachments;
    struct attachment *attachments WEIR_FIELD(count = n_attachments, optional);
};

#endif
