/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue of slots of one size that doubles as it needs. Bounded twice: by the caller's count, and by
 * the bytes that all queues with the same `room` may take together.
 */
#ifndef TALLYMAN_FIFO_H
#define TALLYMAN_FIFO_H

#include <stddef.h>
#include <stdint.h>

/* Zero: empty, and nothing allocated. */
struct fifo {
	char *slots;
	uint32_t width; /* bytes of a slot; the same in every push */
	uint32_t size;	/* slots, a power of two */
	uint32_t head;
	uint32_t count;
};

static inline void *fifo_front(const struct fifo *f)
{
	return f->slots + (size_t)(f->head & (f->size - 1)) * f->width;
}

static inline void fifo_pop(struct fifo *f)
{
	f->head++;
	f->count--;
}

/*
 * A new slot at the end, to be filled by the caller. NULL: it holds `max` (a power of two), or there
 * is no memory or no *room (bytes) for more.
 */
void *fifo_push(struct fifo *f, uint32_t width, uint32_t max, uint64_t *room);
/* Usable afterwards. */
void fifo_free(struct fifo *f, uint64_t *room);

#endif
