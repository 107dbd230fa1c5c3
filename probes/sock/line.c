/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event loop reads and executes for one connection after the other, then writes the replies. So a
 * read's slice ends at the next mark of any kind, and a write goes on with the turn that its request was
 * read in. Everything else is idle.
 */
#include "probes/sock/line.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "user/event.h"

/* One thread cannot have read on two CPUs within this time: it takes longer to move. */
#define MOVE_NS 2000
#define STRIKES 4
#define STRIKE_AGE_NS 1000000000
/* A write after another one takes less, or the reply was not ready. */
#define WRITE_MAX_NS 1000000

void line_init(struct line *l)
{
	memset(l, 0, offsetof(struct line, slices));
	l->turn = 1;
}

static struct slice *slice_at(const struct line *l, uint32_t back)
{
	return (struct slice *)&l->slices[(l->made - 1 - back) & (LINE_SLICES - 1)];
}

/* A slice from start_ns on; goes on with the newest one if nothing lies between. */
static struct slice *slice_begin(struct line *l, uint64_t start_ns, struct occupant who)
{
	struct slice *s;

	if (l->nslices) {
		s = slice_at(l, 0);
		if (s->end_ns == start_ns && occupant_same(s->who, who))
			return s;
	}
	l->made++;
	l->nslices += l->nslices < LINE_SLICES;
	s = slice_at(l, 0);
	*s = (struct slice){ start_ns, start_ns, who };
	return s;
}

void line_off_cpu(struct line *l, uint32_t off_cpu_ns)
{
	l->off_cpu_ns = off_cpu_ns;
}

/* Of ns that passed: what is left without the time off the CPU since that count. */
static uint64_t on_cpu(const struct line *l, uint64_t ns, uint32_t off_then_ns)
{
	uint32_t off_ns = l->off_cpu_ns - off_then_ns;

	if (!l->off_cpu_ns || !off_then_ns)
		return ns;
	return ns > off_ns ? ns - off_ns : 0;
}

void line_meter(struct line *l, uint64_t *busy_ns)
{
	if (!l->open)
		return;
	l->busy_ns = busy_ns;
	l->busy_from_ns = l->last_ns;
	l->busy_off_ns = l->last_off_ns;
}

void line_meter_settle(struct line *l, uint64_t time_ns)
{
	if (!l->busy_ns || time_ns <= l->busy_from_ns)
		return;
	*l->busy_ns += on_cpu(l, time_ns - l->busy_from_ns, l->busy_off_ns);
	l->busy_from_ns = time_ns;
	l->busy_off_ns = l->off_cpu_ns;
}

void line_meter_end(struct line *l, const uint64_t *busy_ns)
{
	if (l && l->busy_ns == busy_ns)
		l->busy_ns = NULL;
}

static uint64_t mark(struct line *l, uint64_t time_ns)
{
	if (!l->since_ns)
		l->since_ns = l->last_ns = time_ns;
	if (time_ns < l->last_ns)
		time_ns = l->last_ns;
	if (l->open)
		slice_at(l, 0)->end_ns = time_ns;
	line_meter_settle(l, time_ns);
	l->busy_ns = NULL;
	l->open = false;
	return time_ns;
}

/* Threads of one server read at the same time on different CPUs, again and again. */
static void look_for_threads(struct line *l, uint64_t time_ns, uint32_t cpu)
{
	bool strike = l->last_read_ns && cpu != l->last_cpu && time_ns - l->last_read_ns < MOVE_NS;

	if (strike && time_ns - l->strike_ns > STRIKE_AGE_NS) {
		l->strike_ns = time_ns;
		l->strikes = 0;
	}
	if (strike && !l->threaded && ++l->strikes == STRIKES) {
		l->threaded = true;
		if (l->lines)
			l->lines->threaded++;
	}
	l->last_read_ns = time_ns;
	l->last_cpu = cpu;
}

uint32_t line_read(struct line *l, uint64_t time_ns, uint32_t cpu, struct occupant who, bool sleeps)
{
	time_ns = mark(l, time_ns);
	look_for_threads(l, time_ns, cpu);
	if (l->wrote && ++l->turn == LINE_NO_TURN)
		l->turn++;
	l->wrote = false;
	l->last_ns = time_ns;
	l->last_off_ns = l->off_cpu_ns;
	if (sleeps)
		return LINE_NO_TURN;
	slice_begin(l, time_ns, who);
	l->open = true;
	return l->turn;
}

uint64_t line_write(struct line *l, uint64_t time_ns, uint32_t turn, struct occupant who)
{
	bool was_open = l->open;
	uint64_t took_ns = 0;

	time_ns = mark(l, time_ns);
	if (!was_open && l->wrote && turn == l->turn && time_ns > l->last_ns &&
	    time_ns - l->last_ns < WRITE_MAX_NS) {
		took_ns = on_cpu(l, time_ns - l->last_ns, l->last_off_ns);
		slice_begin(l, l->last_ns, who)->end_ns = time_ns;
	}
	l->wrote = true;
	l->last_ns = time_ns;
	l->last_off_ns = l->off_cpu_ns;
	return took_ns;
}

bool line_is_self(const struct subject *a, const struct subject *b)
{
	return a == b || (a && b && a->client_cgroup && a->client_cgroup == b->client_cgroup);
}

static struct line_piece *piece_of(struct line_pieces *out, enum wait_cause cause,
				   struct occupant who)
{
	for (unsigned int i = 0; i < out->n; i++)
		if (out->piece[i].cause == cause && occupant_same(out->piece[i].who, who))
			return &out->piece[i];
	if (out->n == LINE_PIECES)
		return NULL;
	out->piece[out->n] = (struct line_piece){ cause, who, 0 };
	return &out->piece[out->n++];
}

static void add(struct line_pieces *out, enum wait_cause cause, struct occupant who, uint64_t ns)
{
	struct line_piece *p = ns ? piece_of(out, cause, who) : NULL;

	if (ns && !p) {
		/* The newest occupants are named, the others are not. */
		p = &out->piece[LINE_PIECES - 1];
		p->cause = WAIT_UNKNOWN;
		p->who = (struct occupant){ 0 };
	}
	if (p)
		p->ns += ns;
}

void line_charge(const struct line *l, uint64_t from_ns, uint64_t to_ns,
		 const struct subject *waiter, struct line_pieces *out)
{
	const struct occupant nobody = { 0 };
	uint64_t at = to_ns; /* the wait behind it is told */

	out->n = 0;
	for (uint32_t i = 0; i < l->nslices && !l->threaded && at > from_ns; i++) {
		const struct slice *s = slice_at(l, i);
		uint64_t end = i || !l->open ? s->end_ns : to_ns;

		end = end < at ? end : at;
		if (end < from_ns)
			end = from_ns;
		if (s->start_ns >= end)
			continue;
		add(out, WAIT_IDLE, nobody, at - end);
		at = s->start_ns > from_ns ? s->start_ns : from_ns;
		add(out, line_is_self(waiter, s->who.subject) ? WAIT_SELF : WAIT_NEIGHBOUR, s->who,
		    end - at);
	}
	if (at <= from_ns)
		return;
	/* No slice is older. Before the ring's oldest one, or the first mark, nothing is known. */
	if (!l->threaded && l->nslices < LINE_SLICES && l->since_ns && l->since_ns < at) {
		uint64_t known = l->since_ns > from_ns ? l->since_ns : from_ns;

		add(out, WAIT_IDLE, nobody, at - known);
		at = known;
	}
	add(out, WAIT_UNKNOWN, nobody, at - from_ns);
}

void lines_init(struct lines *t, uint32_t max)
{
	*t = (struct lines){ 0 };
	u64map_init(&t->by_pid, max);
}

/* One that nobody uses; NULL: none. */
static struct line *unused(const struct lines *t)
{
	for (uint32_t i = 0; i < t->by_pid.size; i++) {
		struct line *l = t->by_pid.slots[i].value;

		if (l && !l->refs)
			return l;
	}
	return NULL;
}

static void line_free(struct line *l)
{
	u64map_remove(&l->lines->by_pid, l->pid);
	free(l);
}

void lines_clear(struct lines *t)
{
	struct line *l;

	while ((l = unused(t)))
		line_free(l);
	u64map_clear(&t->by_pid);
}

struct line *lines_join(struct lines *t, uint32_t pid)
{
	struct line *l = u64map_get(&t->by_pid, pid);
	void *old;

	if (!l) {
		l = t->by_pid.count >= t->by_pid.max ? unused(t) : NULL;
		if (l)
			line_free(l);
		if (t->by_pid.count >= t->by_pid.max)
			return NULL;
		l = malloc(sizeof(*l));
		if (!l)
			return NULL;
		line_init(l);
		l->lines = t;
		l->refs = 0;
		l->pid = pid;
		if (u64map_put(&t->by_pid, pid, l, &old) < 0) {
			free(l);
			return NULL;
		}
	}
	l->refs++;
	return l;
}

void line_leave(struct line *l)
{
	/* Kept: its clients may come back, and what the thread did meanwhile is known. */
	if (l)
		l->refs--;
}
