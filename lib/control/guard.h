/* SPDX-License-Identifier: MIT
 *
 * Who may: decisions about what a request says of itself, as pure functions.
 */
#ifndef WEIR_CONTROL_GUARD_H
#define WEIR_CONTROL_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_TOKEN_MIN = 16, CONTROL_TOKEN_MAX = 256 };

/* Whether it can be a token: visible ASCII, of these lengths. */
bool control_token_is_good(const char *token);

/*
 * Whether an Authorization header (NULL: there was none) has the token. Takes as long for a wrong token as for the
 * right one, wherever they differ.
 */
bool control_token_matches(const char *authorization, const char *token);

/*
 * Whether the Host header is one under which the server may be asked for: a literal address, localhost, or one of the
 * names; each with any port. A site that makes its own name point here sends that.
 */
bool control_host_is_allowed(const char *host, const char *const *hosts, size_t n);

/* Whether the Origin header names the site that Host does. */
bool control_origin_is_own(const char *origin, const char *host);

/* Whether the Content-Type (NULL: there was none) is JSON, which no form of another site can send. */
bool control_type_is_json(const char *content_type);

/* Whether the literal address is of this host alone. */
bool control_address_is_loopback(const char *address);

#endif
