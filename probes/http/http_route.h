/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of a request's target: its path with every segment that looks like an id, a slug's id, a
 * token or a secret turned into '*'. A segment stays as a whole or not at all. Bounded; query, fragment
 * and user names are not part of it.
 *   "/api/v2/orders/1001/lines?x=1" becomes the route of all orders' lines, as does that of 1002.
 */
#ifndef TALLYMAN_HTTP_ROUTE_H
#define TALLYMAN_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/str.h"

#define HTTP_ROUTE_MAX 127

/* What is left out of a scrubbed text; no segment that stays has it. */
#define HTTP_SCRUBBED '*'

/*
 * `cut`: the target goes on after `target`. Writes a NUL too; the length without it. "" of what has
 * no path.
 */
size_t http_route(char out[HTTP_ROUTE_MAX + 1], struct str target, bool cut);

/*
 * Rewrites a target in place so that its route stays the same and nothing else of it is left. `open`:
 * more bytes may follow; a last segment that may yet stay does.
 */
void http_route_scrub(char *target, size_t len, bool open);

#endif
