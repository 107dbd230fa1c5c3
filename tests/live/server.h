/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throw-away PostgreSQL and Redis on a free loopback port and a Unix socket in workdir(), and what they
 * themselves say about the requests they served. What cannot be done fails the running test.
 */
#ifndef TALLYMAN_LIVE_SERVER_H
#define TALLYMAN_LIVE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

struct server {
	pid_t pid;
	int port;
	int tls_port;	  /* 0: without TLS */
	char dir[96];	  /* of the Unix socket */
	char socket[128]; /* Redis: the socket itself */
};

/* Prints why and skips the running test if root, a program or a Python module that it needs is not there. */
void need_live(void);

/* false: need_live() would skip. */
bool live_possible(void);

int port_free(void);

/* From here on servers start with TLS, too: with a certificate of this test's own. Returns its file. */
const char *servers_with_tls(void);

/* From here on PostgreSQL waits for the disk, as it does by default. */
void servers_durable(void);

void postgres_start(struct server *s);
void redis_start(struct server *s);
void server_stop(struct server *s);

/* For a group's set-up and its end. false: nothing is started, as need_live() will skip. */
bool server_pair_start(struct server *pg, struct server *redis);
void server_pair_stop(struct server *pg, struct server *redis);

/* A new database with pgbench's tables. */
void postgres_bench(const struct server *s, const char *database);

/* First column of the first row as text; NULL if there is none. Freed by the caller. */
char *postgres_query(const struct server *s, const char *database, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
long postgres_number(const struct server *s, const char *database, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Executions in that database, by pg_stat_statements; `like` is an SQL pattern of their text. */
long postgres_calls(const struct server *s, const char *database, const char *like);

/* Calls of one command (lower case) by INFO commandstats: all, or only those that failed. */
long redis_calls(const struct server *s, const char *command);
long redis_failed(const struct server *s, const char *command);

#endif
