/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to one PostgreSQL server, for pg_ask.c only: opened, kept, and asked who blocks whom,
 * with no call that blocks. Which postmaster is at its other end is found out, not configured.
 */
#ifndef TALLYMAN_PG_ASK_CONN_H
#define TALLYMAN_PG_ASK_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "user/pg_ask_who.h"
#include "user/pg_cluster.h"

#define PG_ASK_BATCH 64	   /* waiters in one question */
#define PG_ASK_BLOCKERS 16 /* blockers kept of one waiter */

struct pg_ask_conn;

/* Waiter and blockers as the server numbers them; no blocker twice. */
typedef void (*pg_answer_fn)(void *ctx, uint32_t server_pid, const uint32_t *blockers,
			     unsigned int nblockers);

struct pg_ask_conn_config {
	const char *connect; /* copied */
	int epoll_fd;
	struct pg_clusters *clusters;
	pg_answer_fn answer; /* during pg_ask_conn_drive() */
	void (*who)(void *ctx, uint32_t server_pid,
		    const struct pg_who_answer *answer); /* the same */
	void *ctx;
};

int pg_ask_conn_new(struct pg_ask_conn **out, const struct pg_ask_conn_config *cfg);
void pg_ask_conn_free(struct pg_ask_conn *c);

/*
 * Goes on as far as it can without waiting; now and then, and with `woken` when the epoll names it
 * (data.ptr is the connection).
 */
void pg_ask_conn_drive(struct pg_ask_conn *c, bool woken, uint64_t now_ns);

/* 0: not connected, or not known for certain. */
uint32_t pg_ask_conn_postmaster(const struct pg_ask_conn *c);

/* A question is out. */
bool pg_ask_conn_busy(const struct pg_ask_conn *c);

/* May be asked now; the limit of questions a second is kept here. */
bool pg_ask_conn_ready(const struct pg_ask_conn *c, uint64_t now_ns);

/* Whose sessions are these? As the next one. */
int pg_ask_conn_ask_who(struct pg_ask_conn *c, const uint32_t *server_pids, unsigned int n,
			uint64_t now_ns);

/* Who blocks these? n is 1 to PG_ASK_BATCH. */
int pg_ask_conn_ask(struct pg_ask_conn *c, const uint32_t *server_pids, unsigned int n,
		    uint64_t now_ns);

#endif
