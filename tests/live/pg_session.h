/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of a PostgreSQL server that stay open, and a server with process numbers of its own. */
#ifndef TALLYMAN_LIVE_PG_SESSION_H
#define TALLYMAN_LIVE_PG_SESSION_H

#include <postgresql/libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/live/server.h"

/* PQfinish() is the caller's. */
PGconn *pg_session(const struct server *s, const char *user);

/* First column of the first row; freed by the caller. What fails, fails the test. */
char *pg_value(PGconn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Statements that return nothing. */
void pg_run(PGconn *conn, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As postgres_start(), in a process namespace; s->pid is the postmaster in ours. */
void postgres_start_inside(struct server *s);
void server_stop_inside(struct server *s);

/* The child of s->pid that numbers itself `inner`; 0: none. */
uint32_t pg_outer_pid(const struct server *s, int inner);

#endif
