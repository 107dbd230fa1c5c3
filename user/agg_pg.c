/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of PostgreSQL's transactions and refused connections. In: events with their owner. Out: the series of
 * agg_pg.h. What finds no room under the limit is added to one overflow series of each.
 */
#include "user/agg_pg.h"

#include <errno.h>
#include <stdlib.h>

#include "user/agg_series.h"

#define TX_SERIES 2

void agg_pg_init(struct agg_pg *pg)
{
	*pg = (struct agg_pg){ 0 };
	pg->other_tx.owner = (struct owner){ INTERN_OTHER, INTERN_OTHER, INTERN_OTHER };
	hist_init(&pg->other_tx.time, AGG_TIME_SCHEMA);
	pg->other_refused.key = (struct agg_refused_key){ INTERN_OTHER, INTERN_OTHER, INTERN_OTHER,
							  INTERN_OTHER, INTERN_OTHER };
}

static void tx_free(struct agg *a, struct agg_tx *t)
{
	HASH_DEL(a->pg.txs, t);
	hist_clear(&t->time);
	a->nseries -= TX_SERIES;
	free(t);
}

static void refused_free(struct agg *a, struct agg_refused *r)
{
	HASH_DEL(a->pg.refused, r);
	a->nseries--;
	free(r);
}

void agg_pg_clear(struct agg *a)
{
	struct agg_refused *r, *r_next;
	struct agg_tx *t, *t_next;

	HASH_ITER(hh, a->pg.txs, t, t_next)
		tx_free(a, t);
	HASH_ITER(hh, a->pg.refused, r, r_next)
		refused_free(a, r);
	hist_clear(&a->pg.other_tx.time);
	intern_free(a->pg.names);
	agg_pg_init(&a->pg);
}

static struct agg_tx *tx_new(struct agg *a, struct owner owner)
{
	struct agg_tx *t;

	if (a->nseries + TX_SERIES > a->series_max)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t) {
		t->owner = owner;
		hist_init(&t->time, AGG_TIME_SCHEMA);
		HASH_ADD(hh, a->pg.txs, owner, sizeof(t->owner), t);
	}
	if (!t || !t->hh.tbl) {
		free(t);
		a->errors++;
		return NULL;
	}
	a->nseries += TX_SERIES;
	return t;
}

int agg_transaction(struct agg *a, struct owner owner, const struct event_transaction *e)
{
	struct agg_tx *t;
	int err = 0;

	HASH_FIND(hh, a->pg.txs, &owner, sizeof(owner), t);
	t = t ?: tx_new(a, owner) ?: &a->pg.other_tx;
	t->ends[e->end < TRANSACTION_END_MAX ? e->end : TRANSACTION_UNKNOWN]++;
	t->statements += e->statements;
	t->idle_ns += e->idle_ns;
	if (e->timed)
		err = hist_add(&t->time, e->duration_ns);
	if (err)
		a->errors++;
	return err;
}

static struct agg_refused *refused_new(struct agg *a, const struct agg_refused_key *key)
{
	struct agg_refused *r;

	if (a->nseries >= a->series_max)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r) {
		r->key = *key;
		HASH_ADD(hh, a->pg.refused, key, sizeof(r->key), r);
	}
	if (!r || !r->hh.tbl) {
		free(r);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return r;
}

int agg_refused(struct agg *a, struct owner owner, const struct event_refused *e)
{
	struct agg_refused_key key = { .tenant = owner.tenant, .container = owner.container };
	struct agg_refused *r;

	if (!a->pg.names)
		a->pg.names = intern_new(AGG_PG_NAMES_MAX);
	if (!a->pg.names) {
		a->errors++;
		return -ENOMEM;
	}
	key.outcome = intern_id(a->pg.names, str_of(e->outcome));
	key.user = intern_id(a->pg.names, str_of(e->of.subject->user));
	key.source = intern_id(a->pg.names, str_of(e->source));
	HASH_FIND(hh, a->pg.refused, &key, sizeof(key), r);
	r = r ?: refused_new(a, &key) ?: &a->pg.other_refused;
	r->count++;
	return 0;
}

uint64_t agg_pg_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_tx *t = a->pg.txs; t; t = t->hh.next)
		for (int end = 0; t->owner.container == container && end < TRANSACTION_END_MAX;
		     end++)
			sum += t->ends[end];
	for (const struct agg_refused *r = a->pg.refused; r; r = r->hh.next)
		if (r->key.container == container)
			sum += r->count;
	return sum;
}

void agg_pg_drop(struct agg *a, uint32_t container)
{
	struct agg_refused *r, *r_next;
	struct agg_tx *t, *t_next;

	HASH_ITER(hh, a->pg.txs, t, t_next)
		if (t->owner.container == container)
			tx_free(a, t);
	HASH_ITER(hh, a->pg.refused, r, r_next)
		if (r->key.container == container)
			refused_free(a, r);
}

size_t agg_pg_memory(const struct agg *a)
{
	size_t bytes = HASH_COUNT(a->pg.refused) * sizeof(struct agg_refused);

	for (const struct agg_tx *t = a->pg.txs; t; t = t->hh.next)
		bytes += sizeof(*t) + agg_hist_memory(&t->time);
	return bytes + agg_hist_memory(&a->pg.other_tx.time);
}
