/* SPDX-License-Identifier: MIT
 *
 * A job as JSON describes it: "NewJob" of docs/openapi.yaml.
 */
#ifndef WEIR_CONTROL_NEW_JOB_H
#define WEIR_CONTROL_NEW_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <weir/producer.h>

struct control_new_job {
    weir_fields fields;
    weir_enqueue_options options; /* its texts are the JSON's */
    void *memory;                 /* of decoded bytes and of the fields */
};

/* NULL on success; else what is wrong with it, in words, and nothing is to be freed. Borrows from the JSON. */
const char *control_new_job_read(struct control_new_job *ret, const json_t *object, char words[200]);

void control_new_job_free(struct control_new_job *job);

#endif
