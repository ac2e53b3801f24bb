/* SPDX-License-Identifier: MIT
 *
 * One nested value: the input is its msgpack.
 */
#include "fuzz.h"

#include "nest_job.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value = malloc(size + 1);
    if (size > 0)
        memcpy(value, data, size);
    value[size] = '\0';
    weir_field field = weir_field_bytes("branches", value, size);
    weir_fields fields = {&field, 1};
    fuzz_decode(&nest_codec, &fields);
    free(value);
    return 0;
}
