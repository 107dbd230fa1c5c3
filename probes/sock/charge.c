/* SPDX-License-Identifier: Apache-2.0 */
/* A cache of sums: a cell that another one needs is told first. Knows no line and no connection. */
#include "probes/sock/charge.h"

#include <stdlib.h>

#include "user/lib/hash.h"

struct charges *charges_new(void)
{
	return calloc(1, sizeof(struct charges));
}

void charges_free(struct charges *c)
{
	if (!c)
		return;
	free(c->cells);
	free(c);
}

static void tell(struct charges *c, struct charge *cell, const struct probe_sink *sink)
{
	const struct event ev = {
		.kind = EVENT_WAIT,
		.time_ns = c->time_ns,
		.wait = { .resource = RESOURCE_REDIS,
			  .cause = cell->cause,
			  .waiter = occupant_party(&cell->waiter),
			  .occupant = occupant_party(&cell->occupant),
			  .wait_ns = cell->wait_ns,
			  .waits = cell->waits },
	};

	sink->emit(sink->ctx, &ev);
	cell->waits = 0;
	c->used--;
}

/* By ids, not addresses: a replay must give what the live run gave. */
static uint32_t home(struct occupant waiter, const struct line_piece *p)
{
	uint64_t a = (uint64_t)waiter.subject->id << 32 | waiter.statement->id;
	uint64_t b = p->who.subject ? (uint64_t)p->who.subject->id << 32 | p->who.statement->id : 0;

	b += (uint64_t)(waiter.context ? waiter.context->id : 0) << 8;
	return hash_mix(a, b + p->cause) & (CHARGE_CELLS - 1);
}

static bool is_of(const struct charge *cell, struct occupant waiter, const struct line_piece *p)
{
	return occupant_same(cell->waiter, waiter) && cell->cause == p->cause &&
	       occupant_same(cell->occupant, p->who);
}

/* Where the piece is added up; without memory it is told at once, from `alone`. */
static struct charge *cell_of(struct charges *c, struct charge *alone, struct occupant waiter,
			      const struct line_piece *piece)
{
	if (!c->cells)
		c->cells = calloc(CHARGE_CELLS, sizeof(*c->cells));
	return c->cells ? &c->cells[home(waiter, piece)] : alone;
}

void charges_add(struct charges *c, struct occupant waiter, const struct line_piece *piece,
		 uint64_t requests, uint64_t time_ns, const struct probe_sink *sink)
{
	struct charge alone = { .waits = 0 };
	struct charge *cell = cell_of(c, &alone, waiter, piece);
	uint64_t ns;

	c->time_ns = time_ns;
	if (__builtin_mul_overflow(piece->ns, requests, &ns))
		ns = UINT64_MAX;
	if (cell->waits && (!is_of(cell, waiter, piece) || ns > UINT64_MAX - cell->wait_ns))
		tell(c, cell, sink);
	if (!cell->waits) {
		*cell = (struct charge){ .waiter = waiter,
					 .occupant = piece->who,
					 .cause = piece->cause };
		c->used++;
	}
	cell->wait_ns += ns;
	cell->waits += requests;
	if (cell == &alone && cell->waits)
		tell(c, cell, sink);
}

void charges_flush(struct charges *c, const struct probe_sink *sink)
{
	for (uint32_t i = 0; c->used && i < CHARGE_CELLS; i++)
		if (c->cells[i].waits)
			tell(c, &c->cells[i], sink);
}
