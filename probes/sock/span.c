/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of bytes with their times in, the time of a byte out. Walked once, from the oldest on, as
 * requests are: linear. Knows no event.
 */
#include "probes/sock/span.h"

#include <stdlib.h>

void spans_free(struct spans *s, uint64_t *room)
{
	fifo_free(&s->fifo, room);
}

void spans_add(struct spans *s, const struct span *span, uint32_t max, uint64_t *room)
{
	struct span *slot = fifo_push(&s->fifo, sizeof(*slot), max, room);

	if (!slot && s->fifo.count) {
		fifo_pop(&s->fifo);
		slot = fifo_push(&s->fifo, sizeof(*slot), max, room);
	}
	if (slot)
		*slot = *span;
}

/* The oldest span that ends at `end` or behind it; those before it are forgotten. */
static const struct span *reaching(struct fifo *f, uint64_t end)
{
	while (f->count) {
		const struct span *span = fifo_front(f);

		if (span->end >= end)
			return span;
		fifo_pop(f);
	}
	return NULL;
}

const struct span *spans_of(struct spans *s, uint64_t pos)
{
	const struct span *span = pos < UINT64_MAX ? reaching(&s->fifo, pos + 1) : NULL;

	return span && span->pos <= pos ? span : NULL;
}

uint64_t spans_time(struct spans *s, uint64_t pos)
{
	const struct span *span = spans_of(s, pos);

	return span ? span->time_ns : 0;
}

uint64_t spans_reached(struct spans *s, uint64_t end)
{
	const struct span *span = reaching(&s->fifo, end);

	return span ? span->time_ns : 0;
}
