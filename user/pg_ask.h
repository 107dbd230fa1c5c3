/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds what a PostgreSQL backend waits for. In: REC_LOCK records, as they come. Out: each wait in
 * pieces that add up to it, each with those that blocked it, as the server itself says (pg_blocking_pids)
 * when asked over a connection of ours. Waits shorter than the threshold are not asked for; what is not
 * known has no blockers. Nothing here blocks: one descriptor, readable when there is something to do.
 */
#ifndef TALLYMAN_PG_ASK_H
#define TALLYMAN_PG_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "user/pg_ask_who.h"
#include "user/pg_cluster.h"

#define PG_ASK_AFTER_NS 10000000ULL
#define PG_ASK_WAITS_MAX 1024

struct pg_ask_blocker {
	uint32_t pid; /* in our namespace; 0: gone since */
	uint32_t server_pid;
};

struct pg_ask_piece {
	const struct rec_lock
		*wait; /* the LOCK_WAIT that began it, or the LOCK_GOT if that was lost */
	uint32_t postmaster;
	uint64_t from_ns;
	uint64_t to_ns;
	bool last;		/* of this wait */
	unsigned int nblockers; /* 0: not known */
	const struct pg_ask_blocker *blockers;
};

/* Valid during the call. */
typedef void (*pg_ask_fn)(void *ctx, const struct pg_ask_piece *piece);

struct pg_ask_config {
	const char *const *connect; /* libpq's connection strings; nconnect of them */
	unsigned int nconnect;
	uint64_t after_ns;	      /* waits that last as long are asked for */
	struct pg_clusters *clusters; /* borrowed */
	pg_ask_fn fn;
	pg_who_fn who; /* may be NULL */
	void *ctx;
};

struct pg_ask;

int pg_ask_new(struct pg_ask **out, const struct pg_ask_config *cfg);
void pg_ask_free(struct pg_ask *a);

/* A backend went to sleep for a heavyweight lock, or goes on. 0 or -ENOMEM. */
int pg_ask_lock(struct pg_ask *a, const struct rec_lock *r);

/* A backend serves a connection whose beginning was not seen: whose session is it? `who` is told. */
void pg_ask_session(struct pg_ask *a, uint64_t conn, uint32_t pid);

/* A process is gone; if it waited, its wait ends at time_ns. */
void pg_ask_exit(struct pg_ask *a, uint32_t pid, uint64_t time_ns);

/* For the caller's epoll (EPOLLIN). */
int pg_ask_fd(const struct pg_ask *a);

/* When pg_ask_poll() has to be called even if pg_ask_fd() says nothing; UINT64_MAX: not at all. */
uint64_t pg_ask_due_ns(const struct pg_ask *a);

void pg_ask_poll(struct pg_ask *a, uint64_t now_ns);

/* No record will follow: ends all waits at time_ns. */
void pg_ask_finish(struct pg_ask *a, uint64_t time_ns);

#endif
