/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded map from u64 to pointers, open addressing. When it is full, a new key takes the place of
 * one that was not looked up for a while (second chance). Values are the caller's; NULL is no value.
 */
#ifndef TALLYMAN_U64MAP_H
#define TALLYMAN_U64MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct u64map_slot {
	uint64_t key;
	void *value; /* NULL: the slot is free */
	bool used;   /* since the hand last passed */
};

struct u64map {
	struct u64map_slot *slots;
	uint32_t size; /* of slots[], a power of two; 0 until the first put */
	uint32_t count;
	uint32_t max;
	uint32_t hand;
};

/* Allocates nothing yet; at most `max` keys. */
void u64map_init(struct u64map *m, uint32_t max);
/* Frees the slots, not the values. The map is empty and usable afterwards. */
void u64map_clear(struct u64map *m);

void *u64map_get(struct u64map *m, uint64_t key);
/*
 * Sets key to value. *old is the value that is no longer in the map, NULL if none: the key's earlier
 * one (0 is returned) or an evicted key's (1). -ENOMEM: nothing changed.
 */
int u64map_put(struct u64map *m, uint64_t key, void *value, void **old);
/* The removed value, or NULL. */
void *u64map_remove(struct u64map *m, uint64_t key);

#endif
