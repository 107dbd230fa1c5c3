/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of connections. In: ids, and the addresses that each end told of itself. Out: connections,
 * joined in pairs. Knows no message.
 */
#define HASH_NONFATAL_OOM 1
#include "probes/sock/conn.h"

#include <errno.h>
#include <stdlib.h>

#include "user/subject.h"

void conns_init(struct conns *t, uint32_t max)
{
	*t = (struct conns){ .room = CONNS_ROOM };
	u64map_init(&t->by_id, max);
	u64map_init(&t->by_peer, max);
}

static void part(struct conns *t, struct conn *c)
{
	if (t->leave)
		t->leave(t->ctx, c, c->other);
	if (c->other)
		c->other->other = NULL;
	c->other = NULL;
}

static void unjoin(struct conns *t, struct conn *c)
{
	part(t, c);
	if (c->by_ends)
		HASH_DEL(t->by_ends, c);
	c->by_ends = false;
	if (c->peer_id && u64map_get(&t->by_peer, c->peer_id) == c)
		u64map_remove(&t->by_peer, c->peer_id);
	c->peer_id = 0;
}

static void conn_free(struct conns *t, struct conn *c)
{
	fifo_free(&c->done, &t->room);
	spans_free(&c->arrivals, &t->room);
	spans_free(&c->reads, &t->room);
	spans_free(&c->sent, &t->room);
	if (c->protocol)
		c->protocol->state_free(c->state);
	context_leave(c);
	line_meter_end(c->line, &c->busy_ns);
	line_leave(c->line);
	free(c->parts);
	free(c->past);
	free(c->served);
	stream_free(&c->stream);
	requests_free(&c->requests);
	free(c);
}

void conns_clear(struct conns *t)
{
	HASH_CLEAR(hh, t->by_ends);
	for (uint32_t i = 0; i < t->by_id.size; i++)
		if (t->by_id.slots[i].value)
			conn_free(t, t->by_id.slots[i].value);
	u64map_clear(&t->by_id);
	u64map_clear(&t->by_peer);
}

void conns_each(struct conns *t, void (*fn)(void *ctx, struct conn *c), void *ctx)
{
	for (uint32_t i = 0; i < t->by_id.size; i++)
		if (t->by_id.slots[i].value)
			fn(ctx, t->by_id.slots[i].value);
}

struct conn *conns_add(struct conns *t, uint64_t id)
{
	struct conn *c = calloc(1, sizeof(*c));
	void *old = NULL;

	if (!c)
		return NULL;
	c->id = id;
	if (u64map_put(&t->by_id, id, c, &old) < 0) {
		free(c);
		return NULL;
	}
	if (old) {
		unjoin(t, old);
		conn_free(t, old);
		t->evicted++;
	}
	return c;
}

void conns_remove(struct conns *t, struct conn *c)
{
	u64map_remove(&t->by_id, c->id);
	unjoin(t, c);
	conn_free(t, c);
}

static void address(uint8_t out[16], const uint8_t in[16], uint8_t family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (family == CONN_INET) {
		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), in, 4);
	} else {
		memcpy(out, in, 16);
	}
}

static bool is_loopback(const uint8_t a[16])
{
	static const uint8_t v6[16] = { [15] = 1 };
	static const uint8_t v4[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };

	return !memcmp(a, v6, sizeof(v6)) || !memcmp(a, v4, sizeof(v4));
}

static void join(struct conn *c, struct conn *other)
{
	if (!other || other == c || other->other || c->other)
		return;
	c->other = other;
	other->other = c;
}

static void join_unix(struct conns *t, struct conn *c, uint64_t peer_id)
{
	struct conn *other = NULL;
	void *old;

	if (peer_id) {
		c->peer_id = peer_id;
		u64map_put(&t->by_peer, peer_id, c, &old);
		other = conns_find(t, peer_id);
	}
	join(c, other ? other : u64map_get(&t->by_peer, c->id));
}

/* TCP's numbers in the place of addresses, which translation may have changed on the way. */
static struct conn_ends ends_by_number(const struct rec_conn *r)
{
	struct conn_ends e = { .netns = UINT32_MAX, .local_port = r->role };

	memcpy(e.local_addr, &r->request_seq, sizeof(r->request_seq));
	memcpy(e.local_addr + sizeof(r->request_seq), &r->reply_seq, sizeof(r->reply_seq));
	memcpy(e.remote_addr, e.local_addr, sizeof(e.remote_addr));
	e.remote_port = r->role == ROLE_SERVER ? ROLE_CLIENT : ROLE_SERVER;
	return e;
}

static struct conn_ends ends_of(const struct rec_conn *r)
{
	struct conn_ends e;

	if (!r->late && (r->request_seq || r->reply_seq))
		return ends_by_number(r);
	address(e.local_addr, r->local_addr, r->family);
	address(e.remote_addr, r->remote_addr, r->family);
	e.local_port = r->local_port;
	e.remote_port = r->remote_port;
	e.netns = is_loopback(e.local_addr) || is_loopback(e.remote_addr) ? r->netns : 0;
	return e;
}

static void join_inet(struct conns *t, struct conn *c, const struct rec_conn *r)
{
	struct conn_ends *e = &c->ends, swapped, ends = ends_of(r);
	struct conn *other;

	if (c->by_ends && !memcmp(e, &ends, sizeof(ends)))
		return;
	unjoin(t, c);
	*e = ends;
	/* Ports are used again: whoever had these ends before is gone. */
	HASH_FIND(hh, t->by_ends, e, sizeof(*e), other);
	if (other) {
		HASH_DEL(t->by_ends, other);
		other->by_ends = false;
	}
	HASH_ADD(hh, t->by_ends, ends, sizeof(*e), c);
	c->by_ends = c->hh.tbl != NULL;
	swapped = *e;
	memcpy(swapped.local_addr, e->remote_addr, 16);
	memcpy(swapped.remote_addr, e->local_addr, 16);
	swapped.local_port = e->remote_port;
	swapped.remote_port = e->local_port;
	HASH_FIND(hh, t->by_ends, &swapped, sizeof(swapped), other);
	if (other && other->other && other->other != c)
		part(t, other->other); /* it was joined to the earlier user of this port */
	join(c, other);
}

void conns_join(struct conns *t, struct conn *c, const struct rec_conn *r)
{
	if (r->family == CONN_INET || r->family == CONN_INET6) {
		join_inet(t, c, r);
		return;
	}
	unjoin(t, c);
	if (r->family == CONN_UNIX)
		join_unix(t, c, r->peer_conn);
}

void conn_parts(struct conn *c, const struct rec_parts *r)
{
	if (c && !c->parts)
		c->parts = malloc(sizeof(*c->parts));
	if (!c || !c->parts)
		return;
	*c->parts = *r;
	c->has_parts = true;
}

int conn_session(struct conn *c, const struct rec_session *r, struct subjects *subjects)
{
	struct subject facts;

	if (r->database[SESSION_NAME - 1] || r->user[SESSION_NAME - 1] ||
	    r->application_name[SESSION_NAME - 1])
		return -EBADMSG;
	if (!c)
		return 0;
	facts = *c->subject;
	facts.database = r->database;
	facts.user = r->user;
	if (!c->named)
		facts.application_name = r->application_name;
	c->subject = subject_intern(subjects, &facts);
	return 0;
}
