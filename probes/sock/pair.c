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

/* Neither may be known. What is sent in several writes may arrive before the last of them is over. */
static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns && b_ns ? (a_ns < b_ns ? a_ns : b_ns) : a_ns + b_ns;
}

/* False: the client's end has not read it yet. */
static bool tell(struct pairs *p, struct conn *server, const struct done *d, bool last)
{
	struct spans *reads = server->other ? &server->other->reads : &server->reads;
	uint64_t read_ns = spans_reached(reads, d->end), end_ns = read_ns ?: d->reply_ns;
	const struct span *sent = server->other ? spans_of(&server->other->sent, d->pos) : NULL;
	uint64_t start_ns = earlier(d->start_ns, sent ? sent->time_ns : 0);
	struct event ev = { .kind = EVENT_REQUEST };
	struct event_request *e = &ev.request;
	struct event_trip trip;
	struct past_list did;

	if (!read_ns && !last)
		return false;
	ev.time_ns = end_ns;
	e->role = ROLE_CLIENT;
	e->subject = subject_of(p, server, d->subject);
	e->statement = d->statement;
	e->context = d->context;
	past_before(server, d->statement, d->number, &did);
	e->before = did.v;
	e->nbefore = did.n;
	e->outcome = d->outcome;
	e->service_ns = start_ns && start_ns < end_ns ? end_ns - start_ns : 0;
	e->request_bytes = d->bytes;
	e->reply_bytes = d->reply_bytes;
	e->rows = d->rows;
	e->redis = d->redis;
	if (e->redis.blocks) {
		e->redis.blocked_ns = e->service_ns;
		e->service_ns = 0;
	}
	e->peer = server->subject->cgroup;
	e->peer_kind = e->peer ? NET_PEER_NODE : NET_PEER_UNKNOWN;
	e->port = server->port;
	if (read_ns && d->pos != SPAN_NOWHERE && !e->redis.blocks)
		trip_paired(&trip, server->other, d, sent ? sent->run_queue_ns : 0, e);
	context_asked(server->other, start_ns, end_ns);
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
			     .queue_ns = e->queue_ns,
			     .service_ns = e->service_ns - e->receive_ns,
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

/* At a client's end whose server's may be here. */
static bool is_told(const struct conn *c)
{
	return c && c->role == ROLE_CLIENT && (c->by_ends || c->other);
}

static uint32_t spans_max(const struct conn *client)
{
	return client->other ? SPANS_MAX : SPANS_ALONE;
}

static int progress(struct pairs *p, struct conn *c, const struct rec_progress *r)
{
	const struct span span = { r->pos, r->pos + r->bytes, r->hdr.time_ns, 0 };

	if ((r->direction != PROGRESS_ARRIVAL && r->direction != PROGRESS_REPLY) ||
	    span.end < span.pos)
		return -EBADMSG;
	if (r->direction == PROGRESS_ARRIVAL) {
		if (c && c->role == ROLE_SERVER)
			spans_add(&c->arrivals, &span, SPANS_MAX, &p->conns->room);
		return 0;
	}
	if (!is_told(c))
		return 0;
	spans_add(&c->reads, &span, spans_max(c), &p->conns->room);
	pair_settle(p, c);
	return 0;
}

static int turn(struct pairs *p, struct conn *c, const struct rec_turn *r)
{
	const struct span sent = { r->sent_pos, r->sent_pos + r->sent_bytes, r->sent_ns,
				   r->run_queue_ns };
	const struct span read = { r->pos, r->pos + r->bytes, r->hdr.time_ns, 0 };

	if (read.end < read.pos || sent.end < sent.pos)
		return -EBADMSG;
	if (!is_told(c))
		return 0;
	spans_add(&c->sent, &sent, spans_max(c), &p->conns->room);
	spans_add(&c->reads, &read, spans_max(c), &p->conns->room);
	pair_settle(p, c);
	return 0;
}

int pair_record(struct pairs *p, const struct rec_hdr *rec)
{
	const struct rec_progress *told = (const void *)rec;
	struct conn *c = conns_find(p->conns, told->conn); /* all of them begin alike */

	switch (rec->kind) {
	case REC_PROGRESS:
		return progress(p, c, told);
	case REC_TURN:
		return turn(p, c, (const struct rec_turn *)rec);
	case REC_LINK:
		trip_link(c, (const struct rec_link *)rec);
		return 0;
	default:
		trip_received(c, (const struct rec_received *)rec);
		return 0;
	}
}

static void drop(struct pairs *p, struct conn *c)
{
	fifo_free(&c->done, &p->conns->room);
	spans_free(&c->arrivals, &p->conns->room);
	spans_free(&c->reads, &p->conns->room);
	spans_free(&c->sent, &p->conns->room);
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
