/* SPDX-License-Identifier: MIT
 *
 * URLs: the input is the text. What is accepted has all its parts; what is refused has words for it, and none of them
 * is the password.
 */
#include "fuzz.h"

#include "redis/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where an input has it, it is taken for a secret. */
static const char SECRET[] = "s3cr";

static void insist(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check_parsed(const struct weir_url *url)
{
    insist(url->n_endpoints >= 1 && url->n_endpoints <= WEIR_URL_ENDPOINTS_MAX, "no endpoint, or too many");
    insist(url->n_endpoints == 1 || url->kind != WEIR_URL_DIRECT, "several servers to go to");
    for (size_t i = 0; i < url->n_endpoints; i++) {
        const struct weir_endpoint *endpoint = &url->endpoints[i];
        insist(endpoint->port >= 0 && endpoint->port <= 65535, "a port that can't be");
        insist(endpoint->port != 0 || endpoint->host[0] == '/', "a path that is not absolute");
        insist(strnlen(endpoint->host, WEIR_HOST_SIZE) < WEIR_HOST_SIZE && endpoint->host[0] != '\0', "no host");
    }
    insist(url->db >= 0 && url->db <= 1000000, "a database that can't be");
    insist(url->db == 0 || url->kind != WEIR_URL_CLUSTER, "a database in a cluster");
    insist(!url->user || url->password, "a user without a password");
    insist((url->kind == WEIR_URL_SENTINEL) == (url->primary != NULL), "a primary's name too many, or too few");
    insist(!url->primary || url->primary[0] != '\0', "an empty name");
    insist(!url->sentinel_user || url->sentinel_password, "a sentinel's user without a password");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    struct weir_url url;
    weir_error err = {.code = WEIR_OK};
    weir_status status = weir_url_parse(text, &url, &err);
    if (status == WEIR_OK) {
        check_parsed(&url);
        weir_url_clear(&url);
    } else {
        insist(status == WEIR_ERR_ARGUMENT && err.code == status && err.message[0] != '\0', "refused without words");
        insist(!strstr(err.message, SECRET) && !strstr(err.server, SECRET), "an error text with the secret");
    }
    free(text);
    return 0;
}
