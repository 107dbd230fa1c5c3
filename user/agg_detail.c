/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of what is told by name. In: requests and connections with their owner. Out: counters of
 * agg_detail.h. A request that is nothing besides costs one test.
 */
#include "user/agg_detail.h"

#include <errno.h>
#include <stdlib.h>

#include "user/agg_series.h"

#define NAMES_MAX 4096
#define SHARE_OF_SERIES 2 /* the limit: a part of the limit of series */
#define SERIES_MIN 64

static const char *const transaction_names[MULTI_MAX] = {
	[MULTI_NONE] = "none",	     [MULTI_EXECUTED] = "executed",   [MULTI_CONFLICT] = "conflict",
	[MULTI_ABORTED] = "aborted", [MULTI_DISCARDED] = "discarded",
};

static const char *const coarse_causes[COARSE_CAUSE_MAX] = {
	[COARSE_UNREAD] = "unread",
	[COARSE_RING_FULL] = "ring_full",
	[COARSE_QUOTA] = "quota",
};

int agg_detail_init(struct agg *a)
{
	size_t max = a->series_max / SHARE_OF_SERIES;

	a->details.max = max > SERIES_MIN ? max : SERIES_MIN;
	a->details.names = intern_new(NAMES_MAX);
	return a->details.names ? 0 : -ENOMEM;
}

static void series_free(struct agg *a, struct agg_detail_series *s)
{
	HASH_DEL(a->details.series, s);
	free(s);
}

void agg_detail_clear(struct agg *a)
{
	struct agg_detail_series *s, *next;

	HASH_ITER(hh, a->details.series, s, next)
		series_free(a, s);
	memset(a->details.other, 0, sizeof(a->details.other));
}

void agg_detail_free(struct agg *a)
{
	agg_detail_clear(a);
	intern_free(a->details.names);
}

static struct agg_detail_series *series_new(struct agg *a, const struct agg_detail_key *key)
{
	struct agg_detail_series *s;

	if (HASH_COUNT(a->details.series) >= a->details.max)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s) {
		s->key = *key;
		HASH_ADD(hh, a->details.series, key, sizeof(s->key), s);
	}
	if (!s || !s->hh.tbl) {
		free(s);
		a->errors++;
		return NULL;
	}
	return s;
}

/* Names do not change while the agg lives: most are found by their address. */
static uint32_t name_id(struct agg_details *d, const char *s)
{
	uint64_t hash = (uintptr_t)s * 0x9e3779b97f4a7c15ULL;
	struct agg_detail_name *cached = &d->cache[hash >> 56 & (DETAIL_NAME_CACHE - 1)];

	if (cached->s != s)
		*cached = (struct agg_detail_name){ s, intern_id(d->names, str_of(s)) };
	return cached->id;
}

static uint64_t *numbers(struct agg *a, struct owner owner, enum detail_kind kind,
			 unsigned int role, const char *name)
{
	const struct agg_detail_key key = { owner, name_id(&a->details, name), kind,
					    role < ROLE_MAX ? role : ROLE_UNKNOWN, 0 };
	struct agg_detail_series *s;

	HASH_FIND(hh, a->details.series, &key, sizeof(key), s);
	s = s ?: series_new(a, &key) ?: &a->details.other[kind];
	return s->n;
}

void agg_detail_request(struct agg *a, struct owner owner, const struct event_request *r)
{
	const struct event_redis *d = &r->redis;
	uint64_t *n;

	if (d->hits | d->misses | d->pushed | d->popped) {
		n = numbers(a, owner, DETAIL_KEYS, r->role, r->statement->key_pattern);
		n[KEYS_HITS] += d->hits;
		n[KEYS_MISSES] += d->misses;
		n[KEYS_PUSHED] += d->pushed;
		n[KEYS_POPPED] += d->popped;
	}
	if (d->blocks) {
		n = numbers(a, owner, DETAIL_BLOCKED, r->role, r->statement->operation);
		n[BLOCKED_COUNT]++;
		n[BLOCKED_NS] += d->blocked_ns;
	}
	if (d->transaction) {
		n = numbers(a, owner, DETAIL_TRANSACTIONS, r->role,
			    transaction_names[d->transaction % MULTI_MAX]);
		n[TRANSACTIONS_COUNT]++;
		n[TRANSACTIONS_COMMANDS] += d->commands;
		n[TRANSACTIONS_NS] += d->transaction_ns;
	}
}

void agg_detail_coarse(struct agg *a, struct owner owner, const struct rec_coarse *rec)
{
	numbers(a, owner, DETAIL_COARSE, rec->role,
		coarse_causes[rec->cause % COARSE_CAUSE_MAX])[0] += rec->requests;
}

void agg_undecoded(struct agg *a, struct owner owner, const struct event_undecoded *u)
{
	numbers(a, owner, DETAIL_UNDECODED, u->role, event_protocol_name(u->protocol))[0]++;
}

uint64_t agg_detail_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_detail_series *s = a->details.series; s; s = s->hh.next)
		for (int i = 0; s->key.owner.container == container && i < DETAIL_NUMBERS; i++)
			sum += s->n[i];
	return sum;
}

void agg_detail_drop(struct agg *a, uint32_t container)
{
	struct agg_detail_series *s, *next;

	HASH_ITER(hh, a->details.series, s, next)
		if (s->key.owner.container == container)
			series_free(a, s);
}

size_t agg_detail_memory(const struct agg *a)
{
	return HASH_COUNT(a->details.series) * sizeof(struct agg_detail_series);
}
