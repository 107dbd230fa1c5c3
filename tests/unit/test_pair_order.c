/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a connection's two ends in any order, each end's own kept: the events are the same,
 * and the times what the bytes say. What is true is computed while the records are made.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/pair.h"

/* ---- any interleaving ---- */

static unsigned int dice_state;

static unsigned int dice(unsigned int n)
{
	dice_state = dice_state * 1103515245 + 12345;
	return (dice_state >> 16) % n;
}

static const char *const commands[] = { "PING\r\n", "GET k:1\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n",
					"SET a:b 1\r\n" };

struct scenario {
	char text[4096];
	size_t len, begin[80], end[80]; /* of each request */
	int n;
	uint64_t now_ns;
	uint64_t written[4096]; /* when the client wrote a byte, and it arrived */
	size_t first_end;	/* of what arrived while nothing was unread */
	uint64_t ready_ns;	/* the last arrival */
	uint64_t reply_end[80]; /* in the reply direction */
	uint64_t service[80];
};

/* Where a read or write from `at` ends. */
static size_t cut(size_t at, size_t last)
{
	return dice(2) ? last : at + 1 + dice(last - at);
}

static void client_writes(struct scenario *s, size_t at, size_t last, bool full)
{
	bool first = true;

	for (size_t next; at < last; at = next) {
		struct rec_progress p;

		next = cut(at, last);
		s->now_ns += 1 + dice(50);
		for (size_t i = at; i < next; i++)
			s->written[i] = s->now_ns;
		s->ready_ns = s->now_ns;
		p = progress_rec(PROGRESS_ARRIVAL, at, next - at, s->now_ns);
		if (first)
			s->first_end = next;
		else if (!full)
			put(&fx.server, &p);
		first = false;
	}
}

/* Bytes [at, next) as one end's record. */
static void slice(struct scenario *s, uint64_t id, size_t at, size_t next, uint64_t time_ns,
		  uint64_t arrival_ns)
{
	struct rec_request *r = request_rec(id, at, s->text + at, next - at, time_ns);

	r->arrival_ns = arrival_ns;
	r->lead = next - at;
	for (int i = s->n; i--;) {
		if (s->end[i] > at && s->end[i] <= next) {
			r->seq = i;
			r->requests++;
		} else if (s->end[i] > next) {
			r->seq = i;
		}
		if (s->begin[i] >= at && s->begin[i] < next)
			r->lead = s->begin[i] - at;
	}
	put(id == SERVER ? &fx.server : &fx.client, r);
}

/* As the kernel does: the first read tells the first arrival, a later one the last. */
static void server_reads(struct scenario *s, size_t at, size_t last, bool full)
{
	uint64_t arrival_ns = s->written[at];

	for (size_t next; at < last; at = next) {
		next = cut(at, last);
		s->now_ns += 4 + dice(50);
		slice(s, SERVER, at, next, s->now_ns, arrival_ns);
		for (size_t i = at; i < next && i < s->first_end && !full; i++)
			s->written[i] = arrival_ns;
		arrival_ns = s->ready_ns;
	}
}

/* The client's end tells its writes in full. */
static void client_tells(struct scenario *s, size_t at, size_t last)
{
	for (size_t next; at < last; at = next) {
		for (next = at; next < last && s->written[next] == s->written[at];)
			next++;
		slice(s, CLIENT, at, next, s->written[at], s->written[at]);
	}
}

static void server_replies(struct scenario *s, int from, int to)
{
	for (int i = from, n; i < to; i += n) {
		struct rec_reply r;

		n = 1 + dice(to - i);
		s->now_ns += 1 + dice(50);
		r = reply_rec(SERVER, i, n, 10 * (i + n), s->now_ns);
		put(&fx.server, &r);
		for (int k = i; k < i + n; k++)
			s->reply_end[k] = r.pos;
	}
}

static void client_reads(struct scenario *s, int from, int to, bool full)
{
	size_t last = 10 * to;
	struct rec_reply r;

	for (size_t at = 10 * from, next; at < last; at = next) {
		struct rec_progress p;

		next = full ? last : cut(at, last);
		s->now_ns += dice(50);
		p = progress_rec(PROGRESS_REPLY, at, next - at, s->now_ns);
		for (int k = from; k < to; k++)
			if (s->reply_end[k] > at && s->reply_end[k] <= next)
				s->service[k] = s->now_ns - s->written[s->begin[k]];
		if (!full)
			put(&fx.client, &p);
	}
	r = reply_rec(CLIENT, from, to - from, last, s->now_ns);
	if (full)
		put(&fx.client, &r);
}

/* Requests [from, to) are written, read, answered and read. */
static void round_of(struct scenario *s, int from, int to, bool full)
{
	size_t at = s->begin[from], last = s->end[to - 1];

	fx.full = full;
	client_writes(s, at, last, full);
	server_reads(s, at, last, full);
	if (full)
		client_tells(s, at, last);
	server_replies(s, from, to);
	client_reads(s, from, to, full);
}

static void scenario_make(struct scenario *s, unsigned int seed)
{
	int full = seed % 4;

	memset(s, 0, sizeof(*s));
	dice_state = seed;
	s->now_ns = 1000;
	end_clear(&fx.server);
	end_clear(&fx.client);
	for (; s->n < 50; s->n++) {
		const char *command = commands[dice(4)];

		s->begin[s->n] = s->len;
		memcpy(s->text + s->len, command, strlen(command));
		s->len += strlen(command);
		s->end[s->n] = s->len;
	}
	for (int i = 0, n; i < s->n; i += n, full--) {
		n = 1 + dice(16);
		n = n < s->n - i ? n : s->n - i;
		round_of(s, i, i + n, full > 0);
	}
}

static int lines_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct told {
	char line[128][160];
	int n;
};

/* All events, sorted; without the client's times if they do not matter. */
static void told_of(struct told *t, bool times)
{
	memset(t, 0, sizeof(*t));
	assert_true(fx.n <= 128);
	for (int i = 0; i < fx.n; i++) {
		const struct event_request *e = &fx.events[i];
		bool server = e->role == ROLE_SERVER;

		snprintf(t->line[t->n++], sizeof(t->line[0]),
			 "%d %s %s %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, e->role,
			 e->statement->text, e->outcome, (int)e->subject->cgroup, e->request_bytes,
			 e->reply_bytes, e->queue_ns, times || server ? e->service_ns : 0);
	}
	qsort(t->line, t->n, sizeof(t->line[0]), lines_compare);
}

static void tell_some_order(void)
{
	struct end *s = &fx.server, *c = &fx.client;
	unsigned int bias = 1 + dice(9);

	while (s->at < s->n || c->at < c->n) {
		bool server = s->at < s->n && (c->at == c->n || dice(10) < bias);
		struct end *e = server ? s : c;

		feed(e->recs[e->at++]);
	}
}

static void client_times_are(const struct scenario *s)
{
	int at = 0;

	/* Each end's events come in its requests' order. */
	for (int i = 0; i < fx.n; i++)
		if (fx.events[i].role == ROLE_CLIENT)
			assert_int_equal(fx.events[i].service_ns, s->service[at++]);
	assert_int_equal(at, s->n);
}

static void any_interleaving_tells_the_same(void **state)
{
	static struct scenario s;
	static struct told first, other;

	(void)state;
	for (unsigned int seed = 0; seed < 60; seed++) {
		scenario_make(&s, seed);
		for (int order = 0; order < 8; order++) {
			restart();
			join();
			tell_some_order();
			assert_int_equal(of_role(ROLE_SERVER), s.n);
			client_times_are(&s);
			told_of(order ? &other : &first, true);
			if (order)
				assert_memory_equal(&first, &other, sizeof(first));
		}
	}
}

static void any_end_loses_no_request(void **state)
{
	struct rec_close s_close = close_rec(SERVER), c_close = close_rec(CLIENT);
	static struct scenario s;
	static struct told first, other;

	(void)state;
	for (unsigned int seed = 0; seed < 60; seed++) {
		scenario_make(&s, seed);
		put(&fx.server, &s_close);
		put(&fx.client, &c_close);
		for (int order = 0; order < 8; order++) {
			restart();
			join();
			tell_some_order();
			assert_int_equal(of_role(ROLE_SERVER), s.n);
			assert_int_equal(of_role(ROLE_CLIENT), s.n);
			told_of(order ? &other : &first, false);
			if (order)
				assert_memory_equal(&first, &other, sizeof(first));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_interleaving_tells_the_same),
		T(any_end_loses_no_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
