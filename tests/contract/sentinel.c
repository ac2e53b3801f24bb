/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "support/fleet.h"

static struct fleet fleet;

static int start(void)
{
    fleet_start(&fleet, 0, 1);
    return 0;
}

static void stop(void)
{
    fleet_stop(&fleet);
}

static void fresh_url(char *out, size_t size)
{
    snprintf(out, size, "%s", fleet.url);
}

static void delete_entry(const struct contract *contract, struct weir_entry_id id)
{
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    assert_int_equal(test_server_integer(fleet.nodes[0], "XDEL %s %s", contract->stream, text), 1);
}

static bool counts(void)
{
    return test_server_version() >= 70000;
}

const struct contract_factory contract_factory = {&weir_redis_broker_ops, start, stop, fresh_url, delete_entry, counts};
