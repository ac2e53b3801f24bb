/* SPDX-License-Identifier: MIT
 *
 * tls.c as it is compiled where there is no OpenSSL: rediss:// is refused, in words that say what is missing.
 */
#include "redis/tls.h"

#include "support/test.h"

#include <errno.h>
#include <string.h>

static void it_says_what_is_missing(void **state)
{
    (void)state;
    weir_connection_options options = WEIR_CONNECTION_OPTIONS_INIT(1000);
    struct weir_tls *tls = NULL;
    weir_error err;
    assert_int_equal(weir_tls_start(&tls, -1, "localhost", &options, -1, &err), WEIR_ERR_UNSUPPORTED);
    assert_int_equal(err.code, WEIR_ERR_UNSUPPORTED);
    assert_false(err.retriable);
    assert_non_null(strstr(err.message, "rediss:// needs a libweir that was built with TLS"));
    assert_null(tls);
    assert_int_equal(weir_tls_start(&tls, -1, "localhost", &options, -1, NULL), WEIR_ERR_UNSUPPORTED);
}

static void nothing_goes_through_it(void **state)
{
    (void)state;
    char byte = 'x';
    errno = 0;
    assert_int_equal(weir_tls_read(NULL, &byte, 1), -1);
    assert_int_equal(errno, ENOTSUP);
    errno = 0;
    assert_int_equal(weir_tls_write(NULL, &byte, 1), -1);
    assert_int_equal(errno, ENOTSUP);
    assert_false(weir_tls_still_open(NULL));
    weir_tls_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_is_missing),
        cmocka_unit_test(nothing_goes_through_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
