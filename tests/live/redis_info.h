/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Redis server counts itself (INFO), before and after a client's work, against what was traced meanwhile.
 * Fails the running test where they differ.
 */
#ifndef TALLYMAN_LIVE_REDIS_INFO_H
#define TALLYMAN_LIVE_REDIS_INFO_H

#include <jansson.h>

#include "tests/live/server.h"

/* The text of all sections. The caller frees it. */
char *redis_info(const struct server *s);

/* A number of it: "keyspace_hits". 0 if it is not there. */
long redis_info_number(const char *info, const char *name);

/* By command: INFO commandstats. Both roles; how many requests they were. */
long redis_info_commands(const char *before, const char *after, const json_t *facts);

/* By class: INFO errorstats. Both roles; how many errors. */
long redis_info_errors(const char *before, const char *after, const json_t *facts);

/* keyspace_hits and keyspace_misses. Both roles. */
void redis_info_hits(const char *before, const char *after, const json_t *facts);

#endif
