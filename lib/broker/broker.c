/* SPDX-License-Identifier: MIT */
#include "broker/broker.h"

#include "base/error.h"

#include <string.h>

weir_status weir_broker_open(struct weir_broker **ret, const struct weir_broker_config *config, weir_error *err)
{
    if (!config->url)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "url is not set");
    bool in_process = strncmp(config->url, "memory:", 7) == 0;
    return (in_process ? &weir_memory_broker_ops : &weir_redis_broker_ops)->open(ret, config, err);
}
