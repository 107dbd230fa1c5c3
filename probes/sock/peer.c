/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in network order in, their class out. */
#include "probes/sock/peer.h"

#include <string.h>

#include "probes/sock/conn.h"

static enum net_peer peer_of_v4(const uint8_t a[4])
{
	if (a[0] == 127)
		return NET_PEER_LOOPBACK;
	if (a[0] == 169 && a[1] == 254)
		return NET_PEER_LINK;
	if (a[0] == 10 || (a[0] == 172 && a[1] >> 4 == 1) || (a[0] == 192 && a[1] == 168) ||
	    (a[0] == 100 && a[1] >> 6 == 1))
		return NET_PEER_PRIVATE;
	return NET_PEER_PUBLIC;
}

static enum net_peer peer_of_v6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, one[16] = { [15] = 1 };

	if (!memcmp(a, mapped, sizeof(mapped)))
		return peer_of_v4(a + sizeof(mapped));
	if (!memcmp(a, one, sizeof(one)))
		return NET_PEER_LOOPBACK;
	if (a[0] == 0xfe && a[1] >> 6 == 2)
		return NET_PEER_LINK;
	return (a[0] & 0xfe) == 0xfc ? NET_PEER_PRIVATE : NET_PEER_PUBLIC;
}

enum net_peer peer_of(const struct rec_conn *r)
{
	static const uint8_t none[16];
	size_t len = r->family == CONN_INET ? 4 : 16;

	if (r->family == CONN_UNIX)
		return NET_PEER_LOOPBACK;
	if ((r->family != CONN_INET && r->family != CONN_INET6) ||
	    !memcmp(r->remote_addr, none, len))
		return NET_PEER_UNKNOWN;
	if (!memcmp(r->remote_addr, r->local_addr, len))
		return NET_PEER_LOOPBACK;
	return r->family == CONN_INET ? peer_of_v4(r->remote_addr) : peer_of_v6(r->remote_addr);
}

void peer_conn(struct conn *c, const struct rec_conn *r)
{
	c->peer = peer_of(r);
	c->port = r->role == ROLE_SERVER ? r->local_port : r->remote_port;
}

void peer_tell(const struct conn *c, struct event_request *e)
{
	e->port = c->port;
	e->peer = c->other ? c->other->subject->cgroup : 0;
	if (!e->peer && c->role == ROLE_SERVER)
		e->peer = c->subject->client_cgroup;
	e->peer_kind = e->peer ? NET_PEER_NODE : c->peer;
}

void peer_unanswered(const struct conn *c, uint64_t time_ns, const struct probe_sink *sink)
{
	struct event_request r = { 0 };
	struct event ev = { .kind = EVENT_UNANSWERED, .time_ns = time_ns };

	if (c->role != ROLE_CLIENT || !c->requests.count || !c->protocol)
		return;
	peer_tell(c, &r);
	ev.unanswered = (struct event_unanswered){ .subject = c->subject,
						   .protocol = c->protocol->id,
						   .peer = r.peer,
						   .peer_kind = r.peer_kind,
						   .port = r.port,
						   .requests = c->requests.count };
	sink->emit(sink->ctx, &ev);
}
