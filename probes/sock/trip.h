/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's time as its client saw it, split into what the server's end measured and the network. In: both
 * ends' times, or one end's and TCP's round trip. Out: parts that add up to the client's time exactly; what
 * is not known is not told. A client's end that tells its requests itself finds the server's times by the
 * request's number, which both ends count alike.
 */
#ifndef TALLYMAN_TRIP_H
#define TALLYMAN_TRIP_H

#include <stdint.h>

#include "bpf/wire.h"
#include "user/event.h"

struct conn;
struct done;
struct moment;

#define TRIP_KEPT 16 /* a power of two: requests of a server's end, the newest */

/* What the server's end of a connection whose client is not local measured, by the request's number. */
struct trip_served {
	struct trip_time {
		uint64_t queue_ns;
		uint64_t service_ns;
		uint32_t number;
		uint32_t seen; /* 1 */
	} kept[TRIP_KEPT];
};

/* What REC_LINK told a client's end. */
struct trip_link {
	uint64_t connect_ns; /* until a request had it; 0: not known */
	uint64_t rtt_ns;     /* 0: not known */
};

/* c may be NULL. */
void trip_link(struct conn *c, const struct rec_link *r);

void trip_received(struct conn *c, const struct rec_received *r);

/* How long the server's end c read at the request `index` of a reply. */
uint64_t trip_receive_ns(const struct conn *c, const struct rec_reply *r, unsigned int index,
			 const struct moment *begin);

/* The server's end answered a request. */
void trip_serve(struct conn *server, uint32_t number, const struct event_request *e);

/* *e is what a client's end told itself: where its time went, if it is known, into *trip and e->trip. */
void trip_tell(struct event_trip *trip, struct conn *client, uint32_t number,
	       struct event_request *e);

/* *e is what the server's end told of a local client (NULL: it left), which waited so long for a CPU. */
void trip_paired(struct event_trip *trip, struct conn *client, const struct done *d,
		 uint64_t run_queue_ns, struct event_request *e);

#endif
