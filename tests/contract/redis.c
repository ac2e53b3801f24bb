/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "support/server.h"

static struct test_server *server;

static int start(void)
{
    server = test_server_start();
    return 0;
}

static void stop(void)
{
    test_server_stop(server);
}

/* One server for all: every test has a stream of its own. */
static void fresh_url(char *out, size_t size)
{
    snprintf(out, size, "%s", test_server_url(server));
}

static void delete_entry(const struct contract *contract, struct weir_entry_id id)
{
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    assert_int_equal(test_server_integer(server, "XDEL %s %s", contract->stream, text), 1);
}

static bool counts(void)
{
    return test_server_version() >= 70000;
}

const struct contract_factory contract_factory = {&weir_redis_broker_ops, start, stop, fresh_url, delete_entry, counts};
