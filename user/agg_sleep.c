/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of wait events. In: drained records with their owner. Out: counters of agg_sleep.h. What
 * finds no room under the limit is added to one overflow series. Events are numbers here.
 */
#include "user/agg_sleep.h"

#include <stdlib.h>

#include "user/agg_series.h"

static void series_free(struct agg *a, struct agg_sleep_series *s)
{
	HASH_DEL(a->sleeps.series, s);
	a->nseries--;
	free(s);
}

void agg_sleep_clear(struct agg *a)
{
	struct agg_sleep_series *s, *next;

	HASH_ITER(hh, a->sleeps.series, s, next)
		series_free(a, s);
	a->sleeps = (struct agg_sleeps){ 0 };
}

static struct agg_sleep_series *series_new(struct agg *a, const struct agg_sleep_key *key)
{
	struct agg_sleep_series *s;

	if (a->nseries >= a->series_max)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s) {
		s->key = *key;
		HASH_ADD(hh, a->sleeps.series, key, sizeof(s->key), s);
	}
	if (!s || !s->hh.tbl) {
		free(s);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return s;
}

void agg_sleep(struct agg *a, struct owner owner, const struct rec_event *rec)
{
	const struct agg_sleep_key key = { owner.tenant, owner.container, rec->pg_event };
	struct agg_sleep_series *s;

	HASH_FIND(hh, a->sleeps.series, &key, sizeof(key), s);
	s = s ?: series_new(a, &key) ?: &a->sleeps.other;
	s->wait_ns += rec->sleep_ns + rec->run_queue_ns;
	s->run_queue_ns += rec->run_queue_ns;
	s->sleeps += rec->sleeps;
}

uint64_t agg_sleep_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_sleep_series *s = a->sleeps.series; s; s = s->hh.next)
		if (s->key.container == container)
			sum += s->sleeps;
	return sum;
}

void agg_sleep_drop(struct agg *a, uint32_t container)
{
	struct agg_sleep_series *s, *next;

	HASH_ITER(hh, a->sleeps.series, s, next)
		if (s->key.container == container)
			series_free(a, s);
}

size_t agg_sleep_memory(const struct agg *a)
{
	return HASH_COUNT(a->sleeps.series) * sizeof(struct agg_sleep_series);
}
