/* SPDX-License-Identifier: MIT */
#include "redis/slot.h"

#include "support/test.h"

#include <string.h>

/* As CLUSTER KEYSLOT of a real server answers. */
static void slots_are_the_servers(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        unsigned slot;
    } cases[] = {
        {"123456789", 12739}, /* the check value of CRC16/XMODEM */
        {"", 0},
        {"foo", 12182},
        {"bar", 5061},
        {"somekey", 11058},
        {"foo{hash_tag}", 2515},
        {"bar{hash_tag}", 2515},
        {"{user1000}.following", 3443},
        {"{user1000}.followers", 3443},
        {"user1000", 3443},
        {"foo{}{bar}", 8363},
        {"foo{{bar}}zap", 4015},
        {"foo{bar}{zap}", 5061},
        {"{bar", 4015},
        {"\xff\xfe", 3374},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(weir_key_slot(cases[i].key, strlen(cases[i].key)), cases[i].slot);
}

static void a_key_ends_where_its_length_says(void **state)
{
    (void)state;
    assert_int_equal(weir_key_slot("{bar}", 4), weir_key_slot("{bar", 4));
    assert_int_equal(weir_key_slot("foobar", 3), weir_key_slot("foo", 3));
    assert_int_not_equal(weir_key_slot("a\0b", 3), weir_key_slot("a", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_the_servers),
        cmocka_unit_test(a_key_ends_where_its_length_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
