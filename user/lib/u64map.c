/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear probing at a load of one half, removal by moving later slots back, so a miss is as cheap as
 * a hit. Grows by doubling up to its bound; knows nothing of what it holds.
 */
#include "user/lib/u64map.h"

#include <errno.h>
#include <stdlib.h>

#include "user/lib/hash.h"

#define SIZE_MIN 16

void u64map_init(struct u64map *m, uint32_t max)
{
	*m = (struct u64map){ .max = max ? max : 1 };
}

void u64map_clear(struct u64map *m)
{
	free(m->slots);
	u64map_init(m, m->max);
}

/* The slot that holds key, or the free one where it belongs. */
static uint32_t slot_of(const struct u64map *m, uint64_t key)
{
	uint32_t mask = m->size - 1, i = hash_u64(key) & mask;

	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & mask;
	return i;
}

void *u64map_get(struct u64map *m, uint64_t key)
{
	struct u64map_slot *s;

	if (!m->count)
		return NULL;
	s = &m->slots[slot_of(m, key)];
	s->used = true;
	return s->value;
}

static int grow(struct u64map *m)
{
	struct u64map bigger = *m;

	bigger.size = m->size ? m->size * 2 : SIZE_MIN;
	bigger.hand = 0;
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->size; i++)
		if (m->slots[i].value)
			bigger.slots[slot_of(&bigger, m->slots[i].key)] = m->slots[i];
	free(m->slots);
	*m = bigger;
	return 0;
}

static void *remove_at(struct u64map *m, uint32_t hole)
{
	uint32_t mask = m->size - 1;
	void *value = m->slots[hole].value;

	for (uint32_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		uint32_t home = hash_u64(m->slots[i].key) & mask;

		/* A slot may move back only as far as its home. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole] = (struct u64map_slot){ 0 };
	m->count--;
	return value;
}

static void *evict(struct u64map *m)
{
	for (;;) {
		struct u64map_slot *s = &m->slots[m->hand];

		if (s->value && !s->used)
			return remove_at(m, m->hand);
		s->used = false;
		m->hand = (m->hand + 1) & (m->size - 1);
	}
}

int u64map_put(struct u64map *m, uint64_t key, void *value, void **old)
{
	struct u64map_slot *s;
	int err;

	*old = m->count ? u64map_get(m, key) : NULL;
	if (*old) {
		m->slots[slot_of(m, key)].value = value;
		return 0;
	}
	if (m->count < m->max && m->count * 2 >= m->size) {
		err = grow(m);
		if (err)
			return err;
	}
	if (m->count >= m->max)
		*old = evict(m);
	s = &m->slots[slot_of(m, key)];
	*s = (struct u64map_slot){ .key = key, .value = value, .used = true };
	m->count++;
	return *old != NULL;
}

void *u64map_remove(struct u64map *m, uint64_t key)
{
	uint32_t i;

	if (!m->count)
		return NULL;
	i = slot_of(m, key);
	return m->slots[i].value ? remove_at(m, i) : NULL;
}
