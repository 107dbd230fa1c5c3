/* SPDX-License-Identifier: Apache-2.0 */
/* The network is what is left; what two clocks disagree about is taken from the server's parts. */
#include "probes/sock/trip.h"

#include <stdlib.h>

#include "probes/sock/conn.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A connection's first request had to wait for it. */
static uint64_t connect_take(struct conn *client)
{
	uint64_t ns = client ? client->link.connect_ns : 0;

	if (client)
		client->link.connect_ns = 0;
	return ns;
}

static void measured(struct event_trip *trip, struct event_request *e, uint64_t queue_ns,
		     uint64_t service_ns, uint64_t run_queue_ns)
{
	uint64_t wall_ns = e->service_ns, between_ns;

	service_ns = least(service_ns, wall_ns);
	queue_ns = least(queue_ns, wall_ns - service_ns);
	between_ns = wall_ns - service_ns - queue_ns;
	*trip = (struct event_trip){ .basis = TRIP_MEASURED };
	trip->part_ns[TRIP_QUEUE] = queue_ns;
	trip->part_ns[TRIP_SERVICE] = service_ns;
	trip->part_ns[TRIP_RUN_QUEUE] = least(run_queue_ns, between_ns);
	trip->part_ns[TRIP_NETWORK] = between_ns - trip->part_ns[TRIP_RUN_QUEUE];
	e->trip = trip;
}

static void estimated(struct event_trip *trip, struct event_request *e, uint64_t rtt_ns)
{
	*trip = (struct event_trip){ .basis = TRIP_ESTIMATED };
	trip->part_ns[TRIP_NETWORK] = least(rtt_ns, e->service_ns);
	trip->part_ns[TRIP_REMOTE] = e->service_ns - trip->part_ns[TRIP_NETWORK];
	e->trip = trip;
}

void trip_link(struct conn *c, const struct rec_link *r)
{
	if (!c)
		return;
	if (r->connect_ns)
		c->link.connect_ns = r->connect_ns;
	c->link.rtt_ns = r->rtt_ns;
}

void trip_received(struct conn *c, const struct rec_received *r)
{
	if (!c)
		return;
	c->received_ns = r->hdr.time_ns;
	c->received = r->seq;
}

/* It may have begun while the one before was served. */
uint64_t trip_receive_ns(const struct conn *c, const struct rec_reply *r, unsigned int index,
			 const struct moment *begin)
{
	uint64_t from_ns = begin->read_ns > c->answered_ns ? begin->read_ns : c->answered_ns;

	if (!c->received_ns || c->received != r->seq + index || c->received_ns < from_ns ||
	    c->received_ns > r->hdr.time_ns)
		return 0;
	return c->received_ns - from_ns;
}

/* Ends that were open before do not count alike. */
static bool counts_alike(const struct conn *c)
{
	return c->other && !c->late && !c->other->late && c->family != CONN_UNIX;
}

void trip_serve(struct conn *server, uint32_t number, const struct event_request *e)
{
	if (!counts_alike(server) || e->redis.blocks)
		return;
	if (!server->served)
		server->served = calloc(1, sizeof(*server->served));
	if (server->served)
		server->served->kept[number & (TRIP_KEPT - 1)] =
			(struct trip_time){ e->queue_ns, e->service_ns - e->receive_ns, number, 1 };
}

/* NULL: the server's end told nothing. */
static const struct trip_time *served(const struct conn *client, uint32_t number)
{
	const struct conn *server = client->other;
	const struct trip_time *t;

	if (!counts_alike(client) || server->role != ROLE_SERVER || !server->served)
		return NULL;
	t = &server->served->kept[number & (TRIP_KEPT - 1)];
	return t->seen && t->number == number ? t : NULL;
}

void trip_tell(struct event_trip *trip, struct conn *client, uint32_t number,
	       struct event_request *e)
{
	const struct trip_time *t = served(client, number);
	uint64_t connect_ns = connect_take(client);

	if (e->redis.blocks)
		return;
	if (t)
		measured(trip, e, t->queue_ns, t->service_ns, 0);
	else if (!client->other && client->link.rtt_ns)
		estimated(trip, e, client->link.rtt_ns);
	if (e->trip)
		trip->part_ns[TRIP_CONNECT] = connect_ns;
}

void trip_paired(struct event_trip *trip, struct conn *client, const struct done *d,
		 uint64_t run_queue_ns, struct event_request *e)
{
	measured(trip, e, d->queue_ns, d->service_ns, run_queue_ns);
	trip->part_ns[TRIP_CONNECT] = connect_take(client);
}
