/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include "support/fleet.h"

static struct cluster cluster;

static int start(void)
{
    cluster_start(&cluster, 3, false);
    return 0;
}

static void stop(void)
{
    cluster_stop(&cluster);
}

/* The streams of the tests are in the slots of all three nodes. */
static void fresh_url(char *out, size_t size)
{
    snprintf(out, size, "%s", cluster.url);
}

static void delete_entry(const struct contract *contract, struct weir_entry_id id)
{
    char text[WEIR_ENTRY_ID_SIZE];
    weir_entry_id_format(id, text);
    int owner = cluster_owner(&cluster, cluster_slot(&cluster, contract->stream));
    assert_int_equal(test_server_integer(cluster.nodes[owner], "XDEL %s %s", contract->stream, text), 1);
}

static bool counts(void)
{
    return test_server_version() >= 70000;
}

const struct contract_factory contract_factory = {&weir_redis_broker_ops, start, stop, fresh_url, delete_entry, counts};
