/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uthash over items of one size. Keys without an item share counters by their hash, in which the weight
 * that they lost is added up: two keys in one counter are let in early, which costs nothing but a turn.
 */
#include "user/lib/top.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/lib/hash.h"

#define CANDIDATES 1024 /* a power of two */

struct item {
	struct top_key key;
	uint64_t weight; /* what it counts as when the smallest is looked for */
	UT_hash_handle hh;
	uint64_t values[];
};

struct top {
	struct item *items;
	struct item *last; /* that was looked up */
	uint32_t max;
	uint32_t classes;
	uint32_t width;
	uint64_t least; /* no item has less weight */
	uint64_t seed;
	uint64_t candidates[CANDIDATES];
	uint64_t others[]; /* class by class */
};

struct top *top_new(uint32_t max, uint32_t classes, uint32_t width)
{
	struct top *t = calloc(1, sizeof(*t) + (size_t)classes * width * sizeof(uint64_t));

	if (!t)
		return NULL;
	t->max = max;
	t->classes = classes;
	t->width = width;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = (uintptr_t)t;
	return t;
}

void top_clear(struct top *t)
{
	struct item *item, *next;

	HASH_ITER(hh, t->items, item, next) {
		HASH_DEL(t->items, item);
		free(item);
	}
	t->last = NULL;
	t->least = 0;
	memset(t->candidates, 0, sizeof(t->candidates));
	memset(t->others, 0, (size_t)t->classes * t->width * sizeof(uint64_t));
}

void top_free(struct top *t)
{
	if (!t)
		return;
	top_clear(t);
	free(t);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t *other_of(struct top *t, uint32_t class)
{
	return &t->others[(size_t) class * t->width];
}

static void item_drop(struct top *t, struct item *item)
{
	uint64_t *other = other_of(t, item->key.class);

	for (uint32_t i = 0; i < t->width; i++)
		other[i] += item->values[i];
	if (t->last == item)
		t->last = NULL;
	HASH_DEL(t->items, item);
	free(item);
}

/* Makes room for somebody of that weight, if he is worth it. */
static int item_give_way(struct top *t, uint64_t weight)
{
	struct item *smallest = NULL;

	if (weight / 2 <= t->least)
		return -1;
	for (struct item *i = t->items; i; i = i->hh.next)
		if (!smallest || i->weight < smallest->weight)
			smallest = i;
	if (!smallest)
		return -1;
	t->least = smallest->weight;
	if (weight / 2 <= t->least)
		return -1;
	item_drop(t, smallest);
	return 0;
}

static struct item *item_new(struct top *t, const struct top_key *key, uint64_t weight)
{
	uint64_t *candidate =
		&t->candidates[hash_bytes(key, sizeof(*key), t->seed) & (CANDIDATES - 1)];
	struct item *item;

	if (HASH_COUNT(t->items) >= t->max) {
		weight = *candidate = sum(*candidate, weight);
		if (item_give_way(t, weight))
			return NULL;
		*candidate = 0;
	}
	item = calloc(1, sizeof(*item) + t->width * sizeof(uint64_t));
	if (!item)
		return NULL;
	item->key = *key;
	item->weight = weight;
	HASH_ADD(hh, t->items, key, sizeof(item->key), item);
	if (item->hh.tbl)
		return item;
	free(item);
	return NULL;
}

uint64_t *top_at(struct top *t, const struct top_key *key, uint64_t weight)
{
	struct item *item = t->last;

	if (!item || memcmp(&item->key, key, sizeof(*key)))
		HASH_FIND(hh, t->items, key, sizeof(*key), item);
	if (item)
		item->weight = sum(item->weight, weight);
	else
		item = item_new(t, key, weight);
	if (!item)
		return other_of(t, key->class);
	t->last = item;
	return item->values;
}

uint32_t top_count(const struct top *t)
{
	return HASH_COUNT(t->items);
}

size_t top_memory(const struct top *t)
{
	return sizeof(*t) + (size_t)t->classes * t->width * sizeof(uint64_t) +
	       HASH_COUNT(t->items) * (sizeof(struct item) + t->width * sizeof(uint64_t));
}

void top_each(const struct top *t,
	      void (*fn)(void *ctx, uint32_t class, const struct top_key *key,
			 const uint64_t *values),
	      void *ctx)
{
	for (const struct item *i = t->items; i; i = i->hh.next)
		fn(ctx, i->key.class, &i->key, i->values);
	for (uint32_t class = 0; class < t->classes; class ++)
		fn(ctx, class, NULL, &t->others[(size_t) class * t->width]);
}
