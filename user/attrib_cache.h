/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded cache of owners by a 64-bit key; for attrib*.c only. */
#ifndef TALLYMAN_ATTRIB_CACHE_H
#define TALLYMAN_ATTRIB_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/owner.h"

struct attrib_slot {
	uint64_t key;
	uint32_t generation; /* not the cache's: the slot is free */
	struct owner owner;
};

struct attrib_cache {
	struct attrib_slot *slots;
	uint32_t mask; /* slots - 1 */
	uint32_t used;
	uint32_t max; /* slots at most; a power of two */
	uint32_t generation;
};

/* 0 or -ENOMEM. max: a power of two, at least 64. */
int attrib_cache_init(struct attrib_cache *c, uint32_t max);
void attrib_cache_release(struct attrib_cache *c);
void attrib_cache_flush(struct attrib_cache *c);

/* Keys are made of dense ids, or of numbers that the kernel gives: nobody can choose collisions. */
static inline uint32_t attrib_cache_home(const struct attrib_cache *c, uint64_t key)
{
	key *= 0x9e3779b97f4a7c15ULL;
	return (uint32_t)(key >> 32) & c->mask;
}

/* NULL: not there. The slot is good until the next put. */
static inline const struct owner *attrib_cache_get(const struct attrib_cache *c, uint64_t key)
{
	for (uint32_t i = attrib_cache_home(c, key);; i = (i + 1) & c->mask) {
		const struct attrib_slot *s = &c->slots[i];

		if (s->generation != c->generation)
			return NULL;
		if (s->key == key)
			return &s->owner;
	}
}

/* Whether `keys` more (few) fit without a flush. */
bool attrib_cache_has_room(struct attrib_cache *c, uint32_t keys);

/* The key must not be there, and there must be room. */
void attrib_cache_put(struct attrib_cache *c, uint64_t key, struct owner owner);

#endif
