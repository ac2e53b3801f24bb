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
    insist((url->host == NULL) != (url->path == NULL), "neither a host nor a path, or both");
    insist(!url->host || url->host[0] != '\0', "an empty host");
    insist(!url->path || url->path[0] == '/', "a path that is not absolute");
    insist(!url->host || (url->port >= 1 && url->port <= 65535), "a port that can't be");
    insist(url->db >= 0 && url->db <= 1000000, "a database that can't be");
    insist(!url->user || url->password, "a user without a password");
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
