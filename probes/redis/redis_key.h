/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pattern of a Redis key: what stays when ids, dates, numbers and tokens become '*', so that the
 * keys of one purpose are one pattern. Bounded; printable ASCII only.
 *   "sess:3f2a..." -> "sess:*"   "cart:1001:items" -> "cart:*:items"   "2024-01-15" -> "*"
 */
#ifndef TALLYMAN_REDIS_KEY_H
#define TALLYMAN_REDIS_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/str.h"

#define REDIS_PATTERN_MAX 63 /* bytes of a key that are looked at, and of a pattern */

/* `cut`: the key goes on after `key`. Writes a NUL too; the length without it. */
size_t redis_key_pattern(char out[REDIS_PATTERN_MAX + 1], struct str key, bool cut);

/*
 * Rewrites a key in place so that its pattern stays the same and no digit or token of it is left.
 * `open`: more bytes of the key may follow; what its last word is cannot be told yet, so letters in it
 * stay.
 */
void redis_key_scrub(char *key, size_t len, bool open);

#endif
