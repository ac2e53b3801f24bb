/* SPDX-License-Identifier: MIT */
#ifndef WEIR_CONTROL_ASSETS_H
#define WEIR_CONTROL_ASSETS_H

#include <stddef.h>

/* A file of lib/control/assets, as embed.py has written it into the library. */
struct control_asset {
    const char *name;
    const char *type; /* Content-Type */
    const char *etag; /* in its quotes */
    const unsigned char *bytes;
    size_t len;
};

/* NULL where there is none of this name. */
const struct control_asset *control_asset_find(const char *name);

#endif
