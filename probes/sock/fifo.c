/* SPDX-License-Identifier: Apache-2.0 */
/* Slots in, in order out. Knows nothing of what is in them. */
#include "probes/sock/fifo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 8

static bool grow(struct fifo *f, uint32_t width, uint32_t max, uint64_t *room)
{
	uint32_t size = f->size ? f->size * 2 : SIZE_MIN, first;
	uint64_t more = (uint64_t)(size - f->size) * width;
	char *slots;

	if (size > max || more > *room)
		return false;
	slots = malloc((size_t)size * width);
	if (!slots)
		return false;
	if (f->size) {
		/* It is full: all of it from the head on, then what is before the head. */
		first = f->size - (f->head & (f->size - 1));
		memcpy(slots, fifo_front(f), (size_t)first * width);
		memcpy(slots + (size_t)first * width, f->slots, (size_t)(f->size - first) * width);
	}
	free(f->slots);
	*room -= more;
	f->slots = slots;
	f->width = width;
	f->size = size;
	f->head = 0;
	return true;
}

void *fifo_push(struct fifo *f, uint32_t width, uint32_t max, uint64_t *room)
{
	if (f->count >= max || (f->count == f->size && !grow(f, width, max, room)))
		return NULL;
	return f->slots + (size_t)((f->head + f->count++) & (f->size - 1)) * width;
}

void fifo_free(struct fifo *f, uint64_t *room)
{
	free(f->slots);
	*room += (uint64_t)f->size * f->width;
	*f = (struct fifo){ 0 };
}
