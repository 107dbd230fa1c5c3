/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests over TLS with the library hooked: the tracer's counts at both ends equal the servers' own, whatever
 * version of the library they have.
 */
#ifndef TALLYMAN_LIVE_TLS_H
#define TALLYMAN_LIVE_TLS_H

#include <jansson.h>

#include "tests/live/server.h"

#define TLS_COMMANDS 10000L /* of each kind */
#define TLS_CLIENTS 10

/* GET and SET on that port, which need not be a server's of server.h. */
void tls_load_redis(int port, const char *certificate);

/* pgbench -S; a cgroup to run it in, or NULL. */
void tls_load_pgbench(const struct server *pg, const char *cgroup, const char *mode);

/* Neither coarse nor lost, of the tenant `bench`. */
void tls_nothing_lost(const json_t *facts);

/* redis-benchmark's load, or, with a command of bash's that makes as many of each, that one's. */
void tls_redis_counts(const struct server *redis, const char *certificate, const char *command);
void tls_postgres_counts(const struct server *pg, const char *mode);

#endif
