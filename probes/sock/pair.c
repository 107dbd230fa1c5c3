/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps what the server's end completed until the client's end has read it. When either end leaves, or
 * there is no room, it is told with the times that are known.
 */
#include "probes/sock/pair.h"

#include <errno.h>

#include "user/subject.h"

#define DONE_MAX 4096
#define DONE_KEPT 256 /* slots that stay when the queue is empty */
#define SPANS_MAX 4096
#define SPANS_ALONE 64 /* while the server's end is not known */

static const char *known(const char *of_server, const char *of_client)
{
	return *of_server ? of_server : of_client;
}

/*
 * The client's end, with what the server's end has read of who asks: the client's own bytes are not
 * read since it is local. Of a client's end that is not known, the server's end knows the container.
 */
static const struct subject *subject_of(struct pairs *p, struct conn *server,
					const struct subject *asked)
{
	const struct subject *own = server->other ? server->other->subject : NULL;
	struct subject facts = { .cgroup = asked->client_cgroup,
				 .process = asked->client_process,
				 .client_process = "" };

	if (server->asked == asked && server->own == own)
		return server->merged;
	if (own)
		facts = *own;
	facts.database = known(asked->database, own ? own->database : "");
	facts.user = known(asked->user, own ? own->user : "");
	facts.application_name = known(asked->application_name, own ? own->application_name : "");
	server->asked = asked;
	server->own = own;
	server->merged = subject_intern(p->subjects, &facts);
	return server->merged;
}

/* False: the client's end has not read it yet. */
static bool tell(struct pairs *p, struct conn *server, const struct done *d, bool last)
{
	struct spans *reads = server->other ? &server->other->reads : &server->reads;
	uint64_t end_ns = spans_reached(reads, d->end);
	struct event ev = { .kind = EVENT_REQUEST };
	struct event_request *e = &ev.request;
	struct past_list did;

	if (!end_ns && !last)
		return false;
	end_ns = end_ns ?: d->reply_ns;
	ev.time_ns = end_ns;
	e->role = ROLE_CLIENT;
	e->subject = subject_of(p, server, d->subject);
	e->statement = d->statement;
	e->context = d->context;
	past_before(server, d->statement, d->number, &did);
	e->before = did.v;
	e->nbefore = did.n;
	e->outcome = d->outcome;
	e->service_ns = d->start_ns && d->start_ns < end_ns ? end_ns - d->start_ns : 0;
	e->request_bytes = d->bytes;
	e->reply_bytes = d->reply_bytes;
	e->rows = d->rows;
	e->redis = d->redis;
	if (e->redis.blocks) {
		e->redis.blocked_ns = e->service_ns;
		e->service_ns = 0;
	}
	context_asked(server->other, d->start_ns, end_ns);
	p->sink->emit(p->sink->ctx, &ev);
	return true;
}

static void settle(struct pairs *p, struct conn *server, bool last)
{
	struct fifo *done = &server->done;

	while (done->count && tell(p, server, fifo_front(done), last))
		fifo_pop(done);
	if (!done->count && done->size > DONE_KEPT)
		fifo_free(done, &p->conns->room);
}

static void keep(struct pairs *p, struct conn *server, const struct done *d)
{
	struct done *slot = fifo_push(&server->done, sizeof(*slot), DONE_MAX, &p->conns->room);

	if (!slot && server->done.count) {
		tell(p, server, fifo_front(&server->done), true);
		fifo_pop(&server->done);
		slot = fifo_push(&server->done, sizeof(*slot), DONE_MAX, &p->conns->room);
	}
	if (slot)
		*slot = *d;
	else
		tell(p, server, d, true);
}

void pair_completed(struct pairs *p, struct conn *server, const struct rec_reply *r,
		    uint32_t number, const struct event_request *e, const struct moment *begin)
{
	keep(p, server,
	     &(struct done){ .pos = begin->pos,
			     .end = r->pos,
			     .start_ns = begin->arrival_ns ? begin->arrival_ns : begin->read_ns,
			     .reply_ns = r->hdr.time_ns,
			     .number = number,
			     .statement = e->statement,
			     .context = e->context,
			     .outcome = e->outcome,
			     .subject = e->subject,
			     .bytes = e->request_bytes,
			     .reply_bytes = e->reply_bytes,
			     .rows = e->rows,
			     .redis = e->redis });
}

void pair_settle(struct pairs *p, struct conn *c)
{
	struct conn *server = c->role == ROLE_CLIENT ? c->other : c;

	/* Without a client's end nobody will say more: it left, or was never told of. */
	if (server && server->done.count)
		settle(p, server, !server->other);
}

int pair_progress(struct pairs *p, struct conn *c, const struct rec_progress *r)
{
	if ((r->direction != PROGRESS_ARRIVAL && r->direction != PROGRESS_REPLY) ||
	    r->pos + r->bytes < r->pos)
		return -EBADMSG;
	if (!c)
		return 0;
	if (r->direction == PROGRESS_ARRIVAL) {
		if (c->role == ROLE_SERVER)
			spans_add(&c->arrivals, r, SPANS_MAX, &p->conns->room);
		return 0;
	}
	if (c->role != ROLE_CLIENT || !(c->by_ends || c->other))
		return 0;
	spans_add(&c->reads, r, c->other ? SPANS_MAX : SPANS_ALONE, &p->conns->room);
	pair_settle(p, c);
	return 0;
}

static void drop(struct pairs *p, struct conn *c)
{
	fifo_free(&c->done, &p->conns->room);
	spans_free(&c->arrivals, &p->conns->room);
	spans_free(&c->reads, &p->conns->room);
}

void pair_join(struct pairs *p, struct conn *c)
{
	struct conn *server = c->role == ROLE_SERVER ? c : c->other;

	/* What is left here by another end is of a connection that is gone. */
	if (server->role == ROLE_SERVER)
		spans_free(&server->reads, &p->conns->room);
	pair_settle(p, c);
}

void pair_leave(void *pairs, struct conn *c, struct conn *other)
{
	struct pairs *p = pairs;
	struct conn *server = c->role == ROLE_CLIENT ? other : c;

	if (server && server->role == ROLE_SERVER)
		settle(p, server, true);
	if (c->role == ROLE_CLIENT && server) {
		/* It may have read what the server's end is about to tell. */
		spans_free(&server->reads, &p->conns->room);
		server->reads = c->reads;
		c->reads = (struct spans){ 0 };
	}
	drop(p, c);
}

void pair_finish(struct pairs *p, struct conn *c)
{
	if (c->role == ROLE_SERVER)
		settle(p, c, true);
}
