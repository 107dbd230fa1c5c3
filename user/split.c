/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel knows containers and payers. Their requests tell for which workflows, and for which clients
 * of other nodes, the one waited, and the other had the CPU or the disk, in the same second.
 */
#include "user/split.h"

/* A wait on its way to the ledger: what is left of it, and whose the next piece is. */
struct wait_split {
	const struct split *to;
	struct event_wait piece;
	const struct rec_owner *occupant;
	enum bill_kind work; /* what the occupant did meanwhile */
	struct owner occupant_rest;
	struct owner waiter;
	uint64_t left_ns;
	uint64_t left_waits;
};

static void wait_piece(void *ctx, struct owner occupant, uint64_t ns)
{
	struct wait_split *x = ctx;

	x->piece.wait_ns = ns;
	x->piece.waits = bill_part(x->left_waits, ns, x->left_ns);
	x->left_ns -= ns;
	x->left_waits -= x->piece.waits;
	ledger_wait(x->to->ledger, &x->piece, x->waiter, occupant);
}

static void wait_of(void *ctx, struct owner waiter, uint64_t ns)
{
	struct wait_split *x = ctx;

	x->waiter = waiter;
	if (x->piece.cause == WAIT_NEIGHBOUR || x->piece.cause == WAIT_SELF)
		ns = bill_split(x->to->bill, x->occupant, x->work, ns, wait_piece, x);
	if (ns)
		wait_piece(x, x->occupant_rest, ns);
}

void split_wait(const struct split *s, const struct event_wait *w, struct owner waiter,
		struct owner occupant)
{
	bool disk = w->resource == RESOURCE_DISK;
	struct wait_split x = { .to = s,
				.piece = *w,
				.occupant = &w->occupant.owner,
				.work = disk ? BILL_BLOCK : BILL_CPU,
				.occupant_rest = occupant,
				.left_ns = w->wait_ns,
				.left_waits = w->waits };
	uint64_t rest = bill_split(s->bill, &w->waiter.owner, disk ? BILL_BLOCK : BILL_WAIT,
				   w->wait_ns, wait_of, &x);

	if (rest)
		wait_of(&x, waiter, rest);
}

/* I/O on its way to the aggregation: what is left of it. */
struct io_split {
	const struct split *to;
	struct rec_io left;
	uint64_t left_ns;
};

/* The nearest whole number to part/whole of n; part is no more than whole. */
static uint64_t nearest(uint64_t n, uint64_t part, uint64_t whole)
{
	return (uint64_t)(((unsigned __int128)n * part + whole / 2) / whole);
}

static void io_piece(void *ctx, struct owner owner, uint64_t ns)
{
	struct io_split *x = ctx;
	struct rec_io *left = &x->left, piece = *left;

	for (int op = 0; op < IO_OP_MAX; op++) {
		piece.requests[op] = nearest(left->requests[op], ns, x->left_ns);
		left->requests[op] -= piece.requests[op];
		piece.bytes[op] = nearest(left->bytes[op], ns, x->left_ns);
		left->bytes[op] -= piece.bytes[op];
	}
	for (int i = 0; i < SCHED_BUCKETS; i++) {
		piece.buckets[i] = nearest(left->buckets[i], ns, x->left_ns);
		left->buckets[i] -= piece.buckets[i];
	}
	piece.errors = nearest(left->errors, ns, x->left_ns);
	left->errors -= piece.errors;
	piece.queue_ns = nearest(left->queue_ns, ns, x->left_ns);
	left->queue_ns -= piece.queue_ns;
	piece.device_ns = nearest(left->device_ns, ns, x->left_ns);
	left->device_ns -= piece.device_ns;
	x->left_ns -= ns;
	agg_io(x->to->agg, owner, &piece);
}

void split_io(const struct split *s, const struct rec_io *rec, struct owner rest)
{
	uint64_t ns = rec->queue_ns + rec->device_ns;
	struct io_split x = { .to = s, .left = *rec, .left_ns = ns };

	if (bill_io(s->bill, &rec->owner, ns, io_piece, &x) || !ns)
		agg_io(s->agg, rest, &x.left);
}
