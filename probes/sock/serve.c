/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is charged when it is known, which is when it was read, as a rule: the line's newest slices
 * are then those that it waited for. Requests of one read share their wait, so it is looked up once.
 */
#include "probes/sock/serve.h"

#include <errno.h>

int serve_init(struct serve *s, const struct statement *unknown)
{
	lines_init(&s->lines, SERVE_LINES_MAX);
	s->unknown = unknown;
	s->charges = charges_new();
	return s->charges ? 0 : -ENOMEM;
}

void serve_clear(struct serve *s)
{
	lines_clear(&s->lines);
	charges_free(s->charges);
}

void serve_conn(struct serve *s, struct conn *c, uint32_t pid)
{
	if (!pid || (c->line && c->line->pid == pid))
		return;
	line_meter_end(c->line, &c->busy_ns);
	line_leave(c->line);
	c->line = lines_join(&s->lines, pid);
	c->turn = LINE_NO_TURN;
}

/* The server's thread does something else while these wait for their answer, or they never get one. */
static bool sleeps(const struct statement *st)
{
	static const char *const names[] = { "BLMOVE",	   "BLMPOP",  "BLPOP",	  "BRPOP",
					     "BRPOPLPUSH", "BZMPOP",  "BZPOPMAX", "BZPOPMIN",
					     "MONITOR",	   "PSYNC",   "REPLCONF", "SYNC",
					     "WAIT",	   "WAITAOF", "XREAD",	  "XREADGROUP" };
	static const char initials[] = "BMPRSWX";

	if (!memchr(initials, st->operation[0], sizeof(initials) - 1))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], st->operation))
			return true;
	return false;
}

/* The wait of a read, looked up once for all of its requests. */
static void pieces_of(const struct conn *c, const struct moment *begin, struct line_pieces *out)
{
	uint64_t from = begin->arrival_ns, to = begin->read_ns;

	out->n = 0;
	if (!from || from >= to)
		return;
	if (c->line) {
		line_charge(c->line, from, to, c->subject, out);
		return;
	}
	out->n = 1;
	out->piece[0] = (struct line_piece){ .cause = WAIT_UNKNOWN, .ns = to - from };
}

/* Whom the newest read waited for most, for its requests' events. */
static void remember(struct conn *c, const struct moment *begin, const struct line_pieces *p)
{
	uint64_t most = 0;

	c->waited_ns = begin->read_ns;
	c->waited_for = (struct occupant){ 0 };
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->piece[i].cause != WAIT_NEIGHBOUR || p->piece[i].ns <= most)
			continue;
		most = p->piece[i].ns;
		c->waited_for = p->piece[i].who;
	}
}

static bool shares_wait(const struct request *a, const struct request *b)
{
	return a->begin.read_ns == b->begin.read_ns && a->begin.arrival_ns == b->begin.arrival_ns;
}

/* Bytes behind unread ones arrived when a record of their own said: the event must say the same. */
static void settle_arrivals(struct conn *c, uint32_t n)
{
	while (n) {
		struct moment *begin = &requests_at(&c->requests, --n)->begin;
		uint64_t arrival_ns = spans_time(&c->arrivals, begin->pos);

		if (arrival_ns && arrival_ns < begin->read_ns)
			begin->arrival_ns = arrival_ns;
	}
}

/* The newest n requests of c are new. Neighbours that are alike are charged together. */
static void charge(struct serve *s, struct conn *c, uint32_t n, uint64_t time_ns,
		   const struct probe_sink *sink)
{
	const struct request *first = NULL;
	struct line_pieces pieces;

	n = n < c->requests.count ? n : c->requests.count;
	settle_arrivals(c, n);
	while (n) {
		const struct request *r = requests_at(&c->requests, --n);
		uint64_t alike = 1;

		if (!first || !shares_wait(first, r)) {
			pieces_of(c, &r->begin, &pieces);
			remember(c, &r->begin, &pieces);
			first = r;
		}
		for (; n; n--, alike++) {
			const struct request *next = requests_at(&c->requests, n - 1);

			if (!shares_wait(r, next) || r->statement != next->statement ||
			    r->context != next->context)
				break;
		}
		for (unsigned int i = 0; i < pieces.n; i++)
			charges_add(s->charges,
				    (struct occupant){ c->subject, r->statement, r->context },
				    &pieces.piece[i], alike, time_ns, sink);
	}
}

void serve_read(struct serve *s, struct conn *c, const struct rec_request *r, uint32_t before,
		const struct probe_sink *sink)
{
	uint32_t n = c->requests.pushed - before;
	const struct request *first = n && n <= c->requests.count ? requests_at(&c->requests, n - 1)
								  : NULL;
	struct occupant who = { c->subject, first ? first->statement : s->unknown,
				first ? first->context : NULL };

	if (c->line) {
		line_off_cpu(c->line, r->off_cpu_ns);
		c->turn =
			line_read(c->line, r->hdr.time_ns, r->hdr.cpu, who, sleeps(who.statement));
		line_meter(c->line, &c->busy_ns);
		c->turns++;
	}
	if (n)
		charge(s, c, n, r->hdr.time_ns, sink);
}

void serve_answered(struct serve *s, struct conn *c, const struct moment *begin,
		    struct event_request *e, uint64_t reply_ns, const struct probe_sink *sink)
{
	struct occupant who = { c->subject, e->statement, e->context };
	struct line_pieces pieces;

	if (c->line)
		line_meter_settle(c->line, reply_ns);
	e->busy_ns = c->busy_ns;
	e->turns = c->turns;
	c->busy_ns = c->turns = 0;
	/* In another turn the server did not keep it waiting: it had nothing to answer yet. */
	if (!c->line || c->turn == LINE_NO_TURN || c->turn != c->line->turn ||
	    c->waited_ns != begin->read_ns || begin->read_ns >= reply_ns)
		return;
	line_charge(c->line, begin->read_ns, reply_ns, c->subject, &pieces);
	for (unsigned int i = 0; i < pieces.n; i++)
		if (pieces.piece[i].cause == WAIT_NEIGHBOUR)
			charges_add(s->charges, who, &pieces.piece[i], 1, reply_ns, sink);
}

void serve_replies(struct conn *c, const struct rec_reply *r)
{
	if (c->line)
		line_off_cpu(c->line, r->off_cpu_ns);
}

void serve_reply(struct serve *s, struct conn *c, const struct rec_reply *r, uint32_t before,
		 struct occupant first, const struct probe_sink *sink)
{
	if (c->requests.pushed != before)
		charge(s, c, c->requests.pushed - before, r->hdr.time_ns, sink);
	if (!first.statement)
		first = (struct occupant){ c->subject, s->unknown, NULL };
	if (c->line)
		c->busy_ns += line_write(c->line, r->hdr.time_ns, c->turn, first);
}
