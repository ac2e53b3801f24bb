/* SPDX-License-Identifier: MIT */
#include <weir/field.h>

#include "support/test.h"

static void texts_and_bytes_become_fields(void **state)
{
    (void)state;
    weir_field field = weir_field_text("to", "a@b.c");
    assert_int_equal(field.name_len, 2);
    assert_int_equal(field.value_len, 5);
    assert_memory_equal(field.name, "to", 2);
    assert_memory_equal(field.value, "a@b.c", 5);
    field = weir_field_bytes("raw", "a\0b", 3);
    assert_int_equal(field.name_len, 3);
    assert_int_equal(field.value_len, 3);
    assert_memory_equal(field.value, "a\0b", 3);
    field = weir_field_bytes("none", NULL, 0);
    assert_null(field.value);
}

static size_t count(const weir_fields *fields)
{
    return fields->n;
}

static void a_list_of_fields_is_an_argument(void **state)
{
    (void)state;
    assert_int_equal(count(WEIR_FIELDS(weir_field_text("a", "1"))), 1);
    const weir_fields *fields =
        WEIR_FIELDS(weir_field_text("a", "1"), weir_field_text("b", "2"), weir_field_text("c", "3"));
    assert_int_equal(fields->n, 3);
    assert_string_equal(fields->items[0].name, "a");
    assert_string_equal(fields->items[2].value, "3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_bytes_become_fields),
        cmocka_unit_test(a_list_of_fields_is_an_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
