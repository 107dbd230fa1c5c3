/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The occupancy ledger of one resource: a line is the ring of its last slices, each an occupant and when
 * it came. A waiter that got its turn is charged backwards over its wait, piece by piece, to whoever
 * was there; what the ring no longer holds goes to OWNER_UNKNOWN. The pieces add up to the wait.
 * Knows nothing of where slices and waits come from; the feeder keeps lines and cells to one writer at a time.
 */
#ifndef TALLYMAN_LEDGER_H
#define TALLYMAN_LEDGER_H

#include "bpf/thread.h"

#define LINE_SLICES 256 /* a power of two */

struct slice {
	__u64 start_ns;
	__u32 occupant;
	__u32 kernel_ns; /* of it, spent in interrupts */
	__u32 thief; /* whose packets took most of the rest that was not the occupant's: see probes/stack */
	__u32 thief_ns;
};

/* The slice at head is the present one. All zero is a line that began with OWNER_UNKNOWN. */
struct line {
	__u64 head;
	struct slice ring[LINE_SLICES];
};

/* A wait that is being charged: numbers only, so that a function can take it that is verified alone. */
struct charge {
	__u64 from_ns;
	__u64 to_ns;
	__u64 turn_ns; /* when it got its turn: the end of the present slice */
	__u64 slice_end_ns;
	__u64 hole_from_ns; /* a part of the wait that was for something else */
	__u64 hole_to_ns;
	__u32 line; /* which one: the feeder's business */
	__u32 waiter;
	__u32 pid; /* of a registered thread; 0: not registered */
	__u32 pad;
};

/*
 * The feeder's: charges a piece to an occupant, with cell_add(). A function of its own, since the verifier
 * would otherwise follow all that it does once for each way here.
 */
int LEDGER_PIECE(struct charge *c, __u32 occupant, __u64 ns);

static __always_inline struct slice *line_slice(struct line *l, __u64 back)
{
	return &l->ring[(l->head - back) & (LINE_SLICES - 1)];
}

/* From now on the occupant has the resource. */
static __always_inline void line_turn(struct line *l, __u64 now_ns, __u32 occupant)
{
	if (line_slice(l, 0)->occupant == occupant)
		return;
	l->head++;
	*line_slice(l, 0) = (struct slice){ .start_ns = now_ns, .occupant = occupant };
}

static __always_inline __u32 slice_sum(__u32 have_ns, __u64 ns)
{
	return have_ns + ns < 0xffffffff ? have_ns + ns : 0xffffffff;
}

/* Time of the present slice that was not its occupant's. */
static __always_inline void line_kernel_add(struct line *l, __u64 ns)
{
	struct slice *s = line_slice(l, 0);

	s->kernel_ns = slice_sum(s->kernel_ns, ns);
}

/* The same, and it was somebody's. A slice remembers one of them, the others are the kernel's. */
static __always_inline void line_thief_add(struct line *l, __u32 thief, __u64 ns)
{
	struct slice *s = line_slice(l, 0);

	if (thief < OWNER_FIRST || (s->thief != thief && s->thief_ns >= ns)) {
		line_kernel_add(l, ns);
		return;
	}
	if (s->thief != thief) {
		line_kernel_add(l, s->thief_ns);
		s->thief_ns = 0;
		s->thief = thief;
	}
	s->thief_ns = slice_sum(s->thief_ns, ns);
}

static __noinline struct cell *cell_find(struct cells *cells, struct cell *rest, __u32 hash,
					 __u32 waiter, __u32 occupant)
{
	struct cell *cell;

	for (__u32 i = 1; i < CELL_PROBES; i++) {
		cell = &cells->cell[(hash + i) & (CELLS - 1)];
		if (cell->waiter == (waiter | CELL_USED) && cell->occupant == occupant)
			return cell;
	}
	for (__u32 i = 0; i < CELL_PROBES; i++) {
		cell = &cells->cell[(hash + i) & (CELLS - 1)];
		if (cell->waiter)
			continue;
		cell->occupant = occupant;
		barrier();
		cell->waiter = waiter | CELL_USED;
		return cell;
	}
	return rest;
}

static __always_inline void cell_add(struct cells *cells, struct cell *rest, const struct charge *c,
				     __u32 occupant, __u64 ns)
{
	__u32 hash = c->waiter * 0x9e3779b1U + occupant * 0x85ebca6bU;
	struct cell *cell;

	hash ^= hash >> 16;
	cell = &cells->cell[hash & (CELLS - 1)];
	if (cell->waiter != (c->waiter | CELL_USED) || cell->occupant != occupant)
		cell = cell_find(cells, rest, hash, c->waiter, occupant);
	cell->ns += ns;
	cell->waits += cell->turn_ns != c->turn_ns;
	cell->turn_ns = c->turn_ns;
}

static __always_inline __u64 overlap_ns(__u64 from, __u64 to, __u64 from2, __u64 to2)
{
	__u64 begin = from > from2 ? from : from2, end = to < to2 ? to : to2;

	return begin < end ? end - begin : 0;
}

struct walk {
	struct line *line;
	struct charge *charge;
};

/* Of a slice, what part_ns of it were somebody's; what is left of rest_ns. */
static __always_inline __u64 charge_part(struct charge *c, __u32 occupant, __u64 ns, __u32 part_ns,
					 __u64 slice_ns, __u64 rest_ns)
{
	__u64 piece_ns = slice_ns ? ns * part_ns / slice_ns : 0;

	if (piece_ns > rest_ns)
		piece_ns = rest_ns;
	LEDGER_PIECE(c, occupant, piece_ns);
	return rest_ns - piece_ns;
}

/* The part of a slice that overlaps the wait; interrupts are taken to be spread over it evenly. */
static __always_inline void charge_slice(struct charge *c, struct slice *s, __u64 start_ns)
{
	__u64 ns = c->to_ns - start_ns, slice_ns = c->slice_end_ns - s->start_ns, rest_ns;

	ns -= overlap_ns(start_ns, c->to_ns, c->hole_from_ns, c->hole_to_ns);
	rest_ns = ns;
	if (s->thief_ns)
		rest_ns = charge_part(c, s->thief, ns, s->thief_ns, slice_ns, rest_ns);
	if (s->kernel_ns)
		rest_ns = charge_part(c, OWNER_KERNEL, ns, s->kernel_ns, slice_ns, rest_ns);
	LEDGER_PIECE(c, s->occupant, rest_ns);
}

static long charge_step(__u32 back, struct walk *w)
{
	struct slice *s = line_slice(w->line, back);
	struct charge *c = w->charge;
	__u64 start_ns = s->start_ns > c->from_ns ? s->start_ns : c->from_ns;

	if (start_ns < c->to_ns) {
		charge_slice(c, s, start_ns);
		c->to_ns = start_ns;
	}
	c->slice_end_ns = s->start_ns;
	return c->to_ns <= c->from_ns;
}

/* Charges [from_ns, to_ns] but for the hole; to_ns is moved back on the way. */
static __always_inline void line_charge(struct line *line, struct charge *c)
{
	struct walk w = { line, c };

	c->slice_end_ns = c->turn_ns;
	bpf_loop(LINE_SLICES, charge_step, &w, 0);
	if (c->to_ns > c->from_ns)
		LEDGER_PIECE(c, OWNER_UNKNOWN,
			     c->to_ns - c->from_ns -
				     overlap_ns(c->from_ns, c->to_ns, c->hole_from_ns,
						c->hole_to_ns));
}

/* Was the present occupant there all the time, and no interrupt? So it is with most waits. */
static __always_inline bool line_is_present(struct line *line, const struct charge *c)
{
	struct slice *s = line_slice(line, 0);

	return s->start_ns <= c->from_ns && !s->kernel_ns && !s->thief_ns;
}

#endif
