/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of a connection on this node, of which the client's tells only times. In: what the
 * server's end completed for a local client (REPLY_LOCAL), and the client's REC_PROGRESS, in any order.
 * Out: exactly one client-role event for each of those requests, whatever was lost; with the client's
 * times if they were not. Memory is bounded: conns.room.
 */
#ifndef TALLYMAN_PAIR_H
#define TALLYMAN_PAIR_H

#include "probes/probe.h"
#include "probes/sock/conn.h"

struct pairs {
	struct conns *conns;
	struct subjects *subjects;
	const struct probe_sink *sink; /* of the record that is being decoded */
};

/* The server's end completed a request of a local client, which is the client's, too; pair_settle() follows. */
void pair_completed(struct pairs *p, struct conn *server, const struct rec_reply *r,
		    uint32_t number, const struct event_request *e, const struct moment *begin);
/* Tells the requests of which both ends are known by now. c is either end. */
void pair_settle(struct pairs *p, struct conn *c);
/* c has found its other end. */
void pair_join(struct pairs *p, struct conn *c);
/* REC_PROGRESS, REC_TURN, REC_LINK or REC_RECEIVED. */
int pair_record(struct pairs *p, const struct rec_hdr *rec);
/* c and the end that it was joined with (or NULL) part: for conns.leave. */
void pair_leave(void *pairs, struct conn *c, struct conn *other);
/* The input ends: tells what still waits. */
void pair_finish(struct pairs *p, struct conn *c);

#endif
