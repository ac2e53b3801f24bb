/* SPDX-License-Identifier: MIT */
#include "control/routes.h"

#include "support/test.h"

#include <string.h>

static const struct control_route *find(const char *method, const char *path, struct control_text arguments[3],
                                        char room[64])
{
    static struct control_uri uri;
    control_uri_free(&uri);
    assert_null(control_uri_parse(&uri, path, NULL));
    return control_route_find(method, &uri, arguments, room);
}

static void every_route_is_found_by_its_own_pattern(void **state)
{
    (void)state;
    for (size_t i = 0; i < control_n_routes; i++) {
        struct control_text arguments[3];
        char path[128], room[64];
        size_t n = 0;
        for (const char *from = control_routes[i].pattern; *from; from++)
            path[n++] = *from == '*' ? 'x' : *from;
        path[n] = '\0';
        assert_ptr_equal(find(control_routes[i].method, path, arguments, room), &control_routes[i]);
        assert_true(control_routes[i].ask || control_routes[i].tell);
        /* what changes something takes JSON, or is a DELETE; and needs a token */
        assert_int_equal((control_routes[i].flags & CONTROL_CHANGE) != 0, strcmp(control_routes[i].method, "GET") != 0);
        assert_int_equal((control_routes[i].flags & CONTROL_BODY) != 0, strcmp(control_routes[i].method, "POST") == 0);
    }
}

static void arguments_are_taken_out(void **state)
{
    (void)state;
    struct control_text arguments[3];
    char room[64];
    assert_non_null(find("POST", "/api/queues/a%2Fb/dead/1-1/requeue", arguments, room));
    assert_string_equal(arguments[0].bytes, "a/b");
    assert_string_equal(arguments[1].bytes, "1-1");
    assert_non_null(find("HEAD", "/api/queues/x", arguments, room));
}

static void other_methods_are_named(void **state)
{
    (void)state;
    struct control_text arguments[3];
    char room[64];
    assert_null(find("POST", "/api/queues", arguments, room));
    assert_string_equal(room, "GET, HEAD");
    assert_null(find("PUT", "/api/queues/a/dead/1-1", arguments, room));
    assert_string_equal(room, "GET, HEAD, DELETE");
    assert_null(find("GET", "/api/queues/a/dead/requeue", arguments, room)); /* not a letter of that id */
    assert_string_equal(room, "POST");
    assert_null(find("GET", "/nothing", arguments, room));
    assert_string_equal(room, "");
    assert_null(find("GET", "/api/queues//dead", arguments, room));
    assert_string_equal(room, "");
    assert_null(find("GET", "/", arguments, room));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found_by_its_own_pattern),
        cmocka_unit_test(arguments_are_taken_out),
        cmocka_unit_test(other_methods_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
