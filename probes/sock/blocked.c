/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds a lock is the connection that the holding backend serves, with what it had done in its
 * transaction when the wait began. Of several holders each is charged an even share: the wait ends when the
 * last one lets go, and which one that is nobody says. One that is not known gets its share as unknown.
 */
#include "probes/sock/blocked.h"

#include <errno.h>
#include <stdlib.h>

void blocked_init(struct blocked *b, struct conns *conns, const struct statement *unknown)
{
	*b = (struct blocked){ .conns = conns, .unknown = unknown };
	u64map_init(&b->by_pid, conns->by_id.max);
}

void blocked_clear(struct blocked *b)
{
	u64map_clear(&b->by_pid);
	for (int i = 0; i < BLOCKED_GONE && b->gone[i]; i++) {
		free(b->gone[i]->past);
		free(b->gone[i]);
	}
}

void blocked_conn(struct blocked *b, struct conn *c, uint32_t pid)
{
	void *old;

	c->backend = pid;
	/* Ids, as connections come and go. Without memory the holder is not known. */
	if (pid && c->id)
		u64map_put(&b->by_pid, pid, (void *)(uintptr_t)c->id, &old);
}

void blocked_close(struct blocked *b, struct conn *c)
{
	struct conn **gone = &b->gone[b->ngone & (BLOCKED_GONE - 1)];

	if (!blocked_does(c) || !c->backend)
		return;
	if (!*gone)
		*gone = calloc(1, sizeof(**gone));
	if (!*gone)
		return; /* nobody will know it */
	b->ngone++;
	free((*gone)->past);
	**gone = (struct conn){ .backend = c->backend, .subject = c->subject, .past = c->past };
	c->past = NULL;
}

static struct conn *gone_of(struct blocked *b, uint32_t pid)
{
	for (uint32_t back = 1; pid && back <= BLOCKED_GONE; back++) {
		struct conn *gone = b->gone[(b->ngone - back) & (BLOCKED_GONE - 1)];

		if (gone && gone->backend == pid)
			return gone;
	}
	return NULL;
}

static struct conn *conn_of(struct blocked *b, uint32_t pid)
{
	uint64_t id = (uintptr_t)u64map_get(&b->by_pid, pid);
	struct conn *c = pid && id ? conns_find(b->conns, id) : NULL;

	return c && blocked_does(c) ? c : gone_of(b, pid);
}

static struct party party_of(const struct subject *who, const struct past_list *did,
			     const struct statement *unknown)
{
	if (!did->n)
		return (struct party){ .subject = who, .statement = unknown };
	return (struct party){
		.subject = who, .statement = did->v[0], .before = did->v + 1, .nbefore = did->n - 1
	};
}

/* The oldest request without an answer; it may have got one since, if the server was slow to say who. */
static struct party waiter_of(struct blocked *b, const struct conn *c, const struct rec_blocked *r)
{
	const struct request *oldest;
	struct past_list did = { .n = 0 };

	if (!c || !c->subject)
		return (struct party){ .owner = r->waiter };
	oldest = c->requests.count ? requests_at(&c->requests, c->requests.count - 1) : NULL;
	if (oldest && oldest->begin.read_ns <= r->from_ns)
		did = (struct past_list){ .v = { oldest->statement }, .n = 1 };
	else if (!c->stream.holding)
		past_at(c, r->from_ns, &did);
	/* Its own statement names it; what it did before may be another workflow's. */
	return (struct party){ .subject = c->subject, .statement = did.n ? did.v[0] : b->unknown };
}

/* For the culprit: the holder of the longest piece since the wait began. */
static void remember(struct conn *waiter, const struct rec_blocked *r, uint64_t ns,
		     const struct conn *holder, const struct past_list *did)
{
	struct past *p = waiter->past;
	const struct request *oldest;

	if (!p)
		return;
	oldest = waiter->requests.count ? requests_at(&waiter->requests, waiter->requests.count - 1)
					: NULL;
	if (!oldest || p->blocked_from_ns < oldest->begin.read_ns)
		p->blocked_ns = 0;
	if (ns <= p->blocked_ns)
		return;
	p->blocked_ns = ns;
	p->blocked_from_ns = r->from_ns;
	p->holder = holder->subject;
	p->holder_did = *did;
}

/* Fills ev's occupant and cause for one holder of a piece. */
static void charge(struct blocked *b, struct conn *waiter, const struct rec_blocked *r,
		   uint32_t pid, struct event_wait *w, struct past_list *did)
{
	struct conn *holder = conn_of(b, pid);

	w->cause = WAIT_UNKNOWN;
	w->occupant = (struct party){ 0 };
	if (!holder || holder == waiter)
		return;
	past_at(holder, r->from_ns, did);
	w->occupant = party_of(holder->subject, did, b->unknown);
	w->cause = waiter && line_is_self(waiter->subject, holder->subject) ? WAIT_SELF
									    : WAIT_NEIGHBOUR;
	if (waiter)
		remember(waiter, r, w->wait_ns, holder, did);
}

int blocked_wait(struct blocked *b, const struct rec_blocked *r, const struct probe_sink *sink)
{
	struct conn *waiter = conns_find(b->conns, r->conn) ?: conn_of(b, r->pid);
	struct event ev = { .kind = EVENT_WAIT,
			    .time_ns = r->to_ns,
			    .wait = { .resource = RESOURCE_LOCK, .waits = 1 } };
	unsigned int n = r->nblockers ? r->nblockers : 1;
	struct past_list did = { .n = 0 };
	uint64_t ns;

	if (r->nblockers > BLOCKED_BY_MAX || r->to_ns < r->from_ns)
		return -EBADMSG;
	ns = r->to_ns - r->from_ns;
	ev.wait.waiter = waiter_of(b, waiter, r);
	for (unsigned int i = 0; i < n && ns; i++) {
		ev.wait.wait_ns = ns / n + (i < ns % n);
		charge(b, waiter, r, r->nblockers ? r->blockers[i] : 0, &ev.wait, &did);
		sink->emit(sink->ctx, &ev);
	}
	return 0;
}

void blocked_culprit(const struct conn *c, const struct moment *begin, struct event_request *e)
{
	const struct past *p = c->past;

	if (!p || !p->blocked_ns || p->blocked_from_ns < begin->read_ns || !e->parts_ns)
		return;
	for (int part = 0; part < PART_MAX; part++)
		if (e->parts_ns[part] > e->parts_ns[PART_LOCK])
			return;
	e->culprit = party_of(p->holder, &p->holder_did, e->statement);
	e->culprit_part = PART_LOCK;
}
