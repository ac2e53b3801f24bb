/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation of a mapper fails, for every n and every kind: a clean error, nothing half-written, nothing
 * leaked, and it works the next time. The linker's --wrap sends the allocations of the library and of the custom
 * functions here.
 */
#include "support/test.h"

#include "any.h"

#include <stdlib.h>
#include <string.h>

static size_t n_allocations; /* since they are counted */
static size_t failing;       /* this one and those after it fail; 0: none */
static long outstanding;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static bool fails(void)
{
    return ++n_allocations >= failing && failing > 0;
}

void *__wrap_malloc(size_t size)
{
    void *memory = fails() ? NULL : __real_malloc(size);
    outstanding += memory != NULL;
    return memory;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *memory = fails() ? NULL : __real_calloc(n, size);
    outstanding += memory != NULL;
    return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
    void *grown = fails() ? NULL : __real_realloc(memory, size);
    outstanding += grown && !memory;
    return grown;
}

void __wrap_free(void *memory)
{
    outstanding -= memory != NULL;
    __real_free(memory);
}

/* Every kind at once: all that is optional is there, all lists have elements, long enough to make a sink grow. */
static struct kinds full_kinds(void)
{
    for (;;) {
        struct kinds value = any_kinds();
        if (value.maybe && value.line && value.line->width && value.line->n_marks > 0 && value.n_strings > 0 &&
            value.n_numbers > 0 && value.n_lines > 0 && value.n_held > 1 && value.n_fixed > 0 && value.fixed_number &&
            value.owned)
            return value;
        forget();
    }
}

static void assert_no_memory(weir_status status, const weir_error *err)
{
    failing = 0;
    assert_int_equal(status, WEIR_ERR_MEMORY);
    assert_int_equal(err->code, WEIR_ERR_MEMORY);
    if (!strstr(err->message, "no memory for "))
        fail_msg("%s", err->message);
}

static void encoding_without_memory(void **state)
{
    (void)state;
    struct kinds value = full_kinds();
    size_t n = 0;
    for (weir_status status = WEIR_ERR_MEMORY; status != WEIR_OK;) {
        long start = outstanding;
        weir_field_sink *sink = weir_sink_new();
        assert_int_equal(weir_sink_add(sink, "before", 6, "x", 1), WEIR_OK);
        long before = outstanding;
        weir_fields fields;
        weir_error err = {.message = ""};
        n_allocations = 0;
        failing = ++n;
        status = kinds_encode(&value, sink, &err);
        failing = 0;
        if (status != WEIR_OK) {
            assert_no_memory(status, &err);
            assert_int_equal(outstanding, before); /* what the sink holds was one allocation before, too */
            assert_int_equal(weir_sink_fields(sink, &fields, NULL), WEIR_OK);
            assert_int_equal(fields.n, 1);
            assert_string_equal(fields.items[0].value, "x");
            assert_int_equal(kinds_encode(&value, sink, &err), WEIR_OK);
        }
        failing = n_allocations + 1;
        assert_int_equal(weir_sink_fields(sink, &fields, &err), WEIR_ERR_MEMORY);
        failing = 0;
        assert_int_equal(weir_sink_fields(sink, &fields, NULL), WEIR_OK);
        assert_true(fields.n > 40);
        weir_sink_free(sink);
        assert_int_equal(outstanding, start);
    }
    assert_true(n > 10); /* nested values, custom functions, the sink itself */
    forget();
}

static void decoding_without_memory(void **state)
{
    (void)state;
    struct kinds value = full_kinds();
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields = encoded(&kinds_codec, &value, sink);
    static const struct kinds nothing;
    size_t n = 0;
    for (weir_status status = WEIR_ERR_MEMORY; status != WEIR_OK;) {
        struct kinds back;
        weir_error err = {.message = ""};
        memset(&back, 0xa5, sizeof back);
        long before = outstanding;
        n_allocations = 0;
        failing = ++n;
        status = kinds_decode(&fields, &back, &err);
        if (status == WEIR_OK) {
            assert_int_equal(outstanding, before + 2 + (long)value.n_held); /* one block, and what functions took */
            kinds_clear(&back);                                             /* needs none itself */
        } else {
            assert_no_memory(status, &err);
        }
        failing = 0;
        assert_int_equal(outstanding, before);
        assert_memory_equal(&back, &nothing, sizeof back);
    }
    assert_int_equal(n, 3 + value.n_held);
    weir_sink_free(sink);
    forget();
}

/* Scalars need none to be decoded. */
static void scalars_without_memory(void **state)
{
    (void)state;
    struct scalars value = any_scalars(), back;
    weir_field_sink *sink = weir_sink_new();
    weir_fields fields = encoded(&scalars_codec, &value, sink);
    failing = 1;
    n_allocations = 0;
    assert_int_equal(scalars_decode(&fields, &back, NULL), WEIR_OK);
    scalars_clear(&back);
    assert_null(weir_sink_new());
    failing = 0;
    assert_int_equal(back.u64, 0);
    weir_sink_free(sink);
    forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoding_without_memory),
        cmocka_unit_test(decoding_without_memory),
        cmocka_unit_test(scalars_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
