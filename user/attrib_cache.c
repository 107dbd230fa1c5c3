/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: keys and owners. Out: the owner again. Open addressing, a quarter of the slots always free so
 * that a search ends soon; grows to a limit, never shrinks. A flush only counts the generation up.
 */
#include "user/attrib_cache.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_MIN 64

int attrib_cache_init(struct attrib_cache *c, uint32_t max)
{
	*c = (struct attrib_cache){ .mask = SLOTS_MIN - 1, .max = max, .generation = 1 };
	c->slots = calloc(SLOTS_MIN, sizeof(*c->slots));
	return c->slots ? 0 : -ENOMEM;
}

void attrib_cache_release(struct attrib_cache *c)
{
	free(c->slots);
	c->slots = NULL;
}

void attrib_cache_flush(struct attrib_cache *c)
{
	c->used = 0;
	if (++c->generation)
		return;
	/* Once in 2^32 flushes old slots would seem new again. */
	for (uint32_t i = 0; i <= c->mask; i++)
		c->slots[i].generation = 0;
	c->generation = 1;
}

static void slot_fill(struct attrib_cache *c, uint64_t key, struct owner owner)
{
	uint32_t i = attrib_cache_home(c, key);

	while (c->slots[i].generation == c->generation)
		i = (i + 1) & c->mask;
	c->slots[i] = (struct attrib_slot){ key, c->generation, owner };
	c->used++;
}

static bool cache_grow(struct attrib_cache *c)
{
	struct attrib_cache bigger = *c;

	if (c->mask + 1 >= c->max)
		return false;
	bigger.mask = c->mask * 2 + 1;
	bigger.used = 0;
	bigger.slots = calloc((size_t)bigger.mask + 1, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (uint32_t i = 0; i <= c->mask; i++)
		if (c->slots[i].generation == c->generation)
			slot_fill(&bigger, c->slots[i].key, c->slots[i].owner);
	free(c->slots);
	*c = bigger;
	return true;
}

bool attrib_cache_has_room(struct attrib_cache *c, uint32_t keys)
{
	return c->used + keys <= (c->mask + 1) / 4 * 3 || cache_grow(c);
}

void attrib_cache_put(struct attrib_cache *c, uint64_t key, struct owner owner)
{
	slot_fill(c, key, owner);
}
