/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded table of sums by key, in which the largest stay. In: keys and what is added to their
 * values. Out: values by key; what found no room is in the values of its class' other, so that sums over
 * a class are exact. A new key first has to prove itself: only when what was lost to `other` is more
 * than twice the smallest item, that item goes into other and makes room.
 */
#ifndef TALLYMAN_TOP_H
#define TALLYMAN_TOP_H

#include <stddef.h>
#include <stdint.h>

#define TOP_KEY 4

struct top_key {
	uint32_t part[TOP_KEY];
	uint32_t class; /* below the table's `classes` */
};

struct top;

/* At most `max` keys, each with `width` values. NULL: no memory. */
struct top *top_new(uint32_t max, uint32_t classes, uint32_t width);
void top_free(struct top *t);
/* Forgets all. */
void top_clear(struct top *t);

/*
 * The key's values, for the caller to add to at once, or those of its class' other. `weight`: what will
 * be added of that by which items are the largest. Never NULL.
 */
uint64_t *top_at(struct top *t, const struct top_key *key, uint64_t weight);

uint32_t top_count(const struct top *t);
/* Memory in use, in bytes, allocator overhead not counted. */
size_t top_memory(const struct top *t);

/* Every key, in no order, then every class' other (key NULL), even if it is all zero. */
void top_each(const struct top *t,
	      void (*fn)(void *ctx, uint32_t class, const struct top_key *key,
			 const uint64_t *values),
	      void *ctx);

#endif
