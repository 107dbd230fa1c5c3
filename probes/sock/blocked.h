/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for PostgreSQL's heavyweight locks. In: REC_BLOCKED, which has processes. Out: EVENT_WAIT of
 * RESOURCE_LOCK, which has whom they work for, and the culprit of a request that mostly waited for one.
 */
#ifndef TALLYMAN_BLOCKED_H
#define TALLYMAN_BLOCKED_H

#include "probes/probe.h"
#include "probes/sock/conn.h"

#define BLOCKED_GONE 64 /* a power of two */

struct blocked {
	struct conns *conns;
	struct u64map by_pid;		 /* backend to the id of its connection */
	const struct statement *unknown; /* of a request that was not seen */
	/* Closed last, with only what tells whose they were: who waited may be told of later. */
	struct conn *gone[BLOCKED_GONE]; /* NULL: never used */
	uint32_t ngone;			 /* ever; wraps */
};

void blocked_init(struct blocked *b, struct conns *conns, const struct statement *unknown);
void blocked_clear(struct blocked *b);

/* A server's end of PostgreSQL. */
static inline bool blocked_does(const struct conn *c)
{
	return c->role == ROLE_SERVER && c->protocol && c->protocol->id == PROTO_POSTGRESQL;
}

/* It became known which backend is at this end. */
void blocked_conn(struct blocked *b, struct conn *c, uint32_t pid);

/* c is about to be removed. */
void blocked_close(struct blocked *b, struct conn *c);

/* 0 or -EBADMSG. */
int blocked_wait(struct blocked *b, const struct rec_blocked *r, const struct probe_sink *sink);

/* Names the holder in e if the request, which began then, spent most of its time waiting for a lock. */
void blocked_culprit(const struct conn *c, const struct moment *begin, struct event_request *e);

#endif
