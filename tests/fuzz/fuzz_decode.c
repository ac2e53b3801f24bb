/* SPDX-License-Identifier: MIT
 *
 * A whole job: the input is a row of fields, each a byte that picks the name, two bytes of length, and the value.
 */
#include "fuzz.h"

#include "kinds_job.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 80 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_field items[MOST_FIELDS];
    char *values[MOST_FIELDS];
    size_t n = 0;
    while (size >= 3 && n < MOST_FIELDS) {
        size_t which = data[0], len = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        if (len > size)
            len = size;
        values[n] = malloc(len + 1); /* of its own, so that reading beyond it is seen */
        memcpy(values[n], data, len);
        values[n][len] = '\0';
        const char *name = which < KINDS_N_FIELDS ? kinds_fields[which].name : "unknown";
        items[n] = weir_field_bytes(name, values[n], len);
        n++;
        data += len;
        size -= len;
    }
    weir_fields fields = {items, n};
    fuzz_decode(&kinds_codec, &fields);
    for (size_t i = 0; i < n; i++)
        free(values[i]);
    return 0;
}
