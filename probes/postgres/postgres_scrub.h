/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes literals and values out of PostgreSQL messages, in place and length-preserving, so that the
 * decoder makes of them what it made of the originals. A message may be a part of one, from its first
 * byte on: of what was scrubbed before, nothing changes when it comes again with more bytes behind it.
 */
#ifndef TALLYMAN_POSTGRES_SCRUB_H
#define TALLYMAN_POSTGRES_SCRUB_H

#include <stddef.h>
#include <stdint.h>

/* comment_keys: SQL comment keys whose values stay; ends with NULL; may be NULL. */
void postgres_scrub(uint8_t phase, char *message, size_t len, const char *const *comment_keys);
void postgres_scrub_sql(char *sql, size_t len, const char *const *comment_keys);

#endif
