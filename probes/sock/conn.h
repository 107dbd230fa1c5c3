/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections, and which two of them are the two ends of one. Bounded: when the table is full, a
 * connection that was not heard of for a while makes room, and is counted.
 */
#ifndef TALLYMAN_CONN_H
#define TALLYMAN_CONN_H

#include <uthash.h>

#include "probes/sock/context.h"
#include "probes/sock/line.h"
#include "probes/sock/past.h"
#include "probes/sock/span.h"
#include "probes/sock/stream.h"
#include "probes/sock/transaction.h"
#include "probes/sock/trip.h"
#include "user/lib/u64map.h"

/*
 * An end's addresses, or what both ends know alike and its role; the other end's key has local and remote
 * swapped. Compared as bytes: no padding.
 */
struct conn_ends {
	uint8_t local_addr[16]; /* IPv4 as IPv4-mapped IPv6 */
	uint8_t remote_addr[16];
	uint32_t netns; /* of loopback addresses; else 0: such addresses are unique on the node */
	uint16_t local_port;
	uint16_t remote_port;
};
_Static_assert(sizeof(struct conn_ends) == 40, "no padding");

struct conn {
	uint64_t id;
	uint64_t peer_id; /* Unix: of the other end, as this end was told; 0: not known */
	enum role role;
	const struct protocol_decoder *protocol; /* NULL: one that we do not know */
	const struct subject *subject;
	struct conn *other; /* the other end, while both are in the table */
	struct conn_ends ends;
	bool by_ends; /* it is found by its ends */
	UT_hash_handle hh;
	struct stream stream;
	struct requests requests;
	void *state;	       /* the protocol's own */
	struct spans arrivals; /* server: bytes that arrived behind unread ones */
	/* Of a pair, see pair.h. What the client read; at the server's end: what a gone client left. */
	struct spans reads;
	struct spans sent; /* a local client's */
	struct fifo done; /* of struct done: the server's end completed, the client's did not read */
	struct trip_link link;	    /* a client's end */
	uint64_t received_ns;	    /* a server's: see rec_received */
	uint64_t answered_ns;	    /* the last reply */
	uint32_t received;	    /* its number */
	struct trip_served *served; /* a server's, see trip.h; NULL: never anything */
	/* The subject of the other end's events (merged), and what it was made of. */
	const struct subject *asked;
	const struct subject *own;
	const struct subject *merged;
	/* Of a server's end, see serve.h: the line that it stands in, and its newest read. */
	struct line *line;
	uint32_t turn;
	uint64_t waited_ns; /* when that was read */
	uint64_t busy_ns;   /* what the thread did for it, and how often: not told yet */
	uint32_t turns;
	struct occupant waited_for; /* most of its wait; NULL: nobody else */
	/* Of a client's end and an HTTP server's, see context.h. */
	struct context_process *process;
	uint32_t open; /* of the process' open requests */
	/* What came for the next reply; NULL: never anything. */
	struct rec_parts *parts;
	bool named; /* PostgreSQL: the wire told its application_name */
	bool has_parts;
	uint32_t backend;      /* PostgreSQL, a server's end: its process */
	struct past *past;     /* PostgreSQL; NULL: nothing was asked */
	struct transaction tx; /* PostgreSQL */
	bool late;	       /* open before we came */
	bool walsender;	       /* PostgreSQL: its client is a replica, or a backup */
	uint8_t family;	       /* enum conn_family; 0: not known */
	uint8_t source[16];    /* the client's address, as in rec_conn */
	enum net_peer peer;    /* by the other end's address */
	uint16_t port;	       /* of the server's end */
};

#define CONNS_ROOM (64ull << 20) /* bytes for what pairs wait for, over all connections */

struct conns {
	struct u64map by_id;
	struct u64map by_peer; /* peer_id to the connection that told it */
	struct conn *by_ends;
	uint64_t evicted;
	uint64_t room; /* what is left of CONNS_ROOM */
	/* c is no longer what it was, and parts from `other` (NULL: nobody). May be NULL. */
	void (*leave)(void *ctx, struct conn *c, struct conn *other);
	void *ctx;
};

void conns_init(struct conns *t, uint32_t max);
void conns_clear(struct conns *t);
void conns_each(struct conns *t, void (*fn)(void *ctx, struct conn *c), void *ctx);

static inline struct conn *conns_find(struct conns *t, uint64_t id)
{
	return u64map_get(&t->by_id, id);
}

/* A new connection, of which only id is set; NULL without memory. */
struct conn *conns_add(struct conns *t, uint64_t id);
void conns_remove(struct conns *t, struct conn *c);

/*
 * Makes c known by what the record tells of its ends, and finds the other end: c->other. No change
 * if it is known by these already.
 */
void conns_join(struct conns *t, struct conn *c, const struct rec_conn *r);

/* Kept until the reply that follows. c may be NULL. */
void conn_parts(struct conn *c, const struct rec_parts *r);

/* What the server was asked of a session (c may be NULL). A name that was set since is newer. */
int conn_session(struct conn *c, const struct rec_session *r, struct subjects *subjects);

#endif
