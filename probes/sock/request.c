/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring that doubles up to its bound. Numbers only grow (modulo 2^32), so the oldest is always at the
 * head and taking one out never searches.
 */
#include "probes/sock/request.h"

#include <stdlib.h>

#define SIZE_MIN 8
#define SIZE_KEPT 256

void requests_free(struct requests *q)
{
	free(q->ring);
	if (q->room)
		*q->room += q->size;
	*q = (struct requests){ .room = q->room, .pushed = q->pushed };
}

static struct request *at(struct requests *q, uint32_t i)
{
	return &q->ring[(q->head + i) & (q->size - 1)];
}

static bool grow(struct requests *q)
{
	uint32_t size = q->size ? q->size * 2 : SIZE_MIN;
	struct request *ring;

	if (size > REQUESTS_MAX || (q->room && *q->room < size - q->size))
		return false;
	ring = malloc(size * sizeof(*ring));
	if (!ring)
		return false;
	for (uint32_t i = 0; i < q->count; i++)
		ring[i] = *at(q, i);
	free(q->ring);
	if (q->room)
		*q->room -= size - q->size;
	q->ring = ring;
	q->size = size;
	q->head = 0;
	return true;
}

bool requests_push(struct requests *q, const struct request *r)
{
	bool all = true;

	if (q->count == q->size && !grow(q)) {
		if (!q->size)
			return false;
		q->head++;
		q->count--;
		all = false;
	}
	*at(q, q->count++) = *r;
	q->pushed++;
	return all;
}

bool requests_take(struct requests *q, uint32_t number, struct request *out)
{
	while (q->count && (int32_t)(at(q, 0)->number - number) < 0) {
		q->head++;
		q->count--;
	}
	if (!q->count || at(q, 0)->number != number)
		return false;
	*out = *at(q, 0);
	q->head++;
	q->count--;
	if (!q->count && q->size > SIZE_KEPT)
		requests_free(q); /* deep pipelines are rare */
	return true;
}

struct request *requests_at(const struct requests *q, uint32_t back)
{
	return &q->ring[(q->head + q->count - 1 - back) & (q->size - 1)];
}

struct request *requests_newest(struct requests *q)
{
	return q->count ? at(q, q->count - 1) : NULL;
}

void requests_renumber(struct requests *q, uint32_t n)
{
	for (uint32_t i = q->count - (n < q->count ? n : q->count); i < q->count; i++)
		at(q, i)->number++;
}
