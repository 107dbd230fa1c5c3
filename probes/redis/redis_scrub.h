/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes values out of Redis commands, in place and length-preserving, so that the decoder makes of them
 * what it made of the originals. A command may be a part of one, from its first byte on.
 */
#ifndef TALLYMAN_REDIS_SCRUB_H
#define TALLYMAN_REDIS_SCRUB_H

#include "probes/redis/redis.h"

/* `scan` is how far redis_scan() came with these bytes. */
void redis_scrub(const struct redis_scan *scan, char *p, size_t n);

#endif
