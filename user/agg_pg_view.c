/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of transactions and refused connections for exporters. In: an agg's series and the table that names owners. Out:
 * sorted rows, those with equal labels added up. Each transactions' row owns its histogram.
 */
#include "user/agg_pg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/agg_series.h"
#include "user/agg_view.h"

static const char *name_of(const struct intern *owners, uint32_t id)
{
	const char *name = intern_cstr(owners, id);

	return *name ? name : "unattributed";
}

static int tx_cmp(const void *a, const void *b)
{
	const struct agg_tx_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->workflow, y->workflow) ?:
	       strcmp(x->container, y->container);
}

static int refused_cmp(const void *a, const void *b)
{
	const struct agg_refused_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container) ?:
	       strcmp(x->outcome, y->outcome) ?:
	       strcmp(x->user, y->user) ?:
	       strcmp(x->source, y->source);
}

static int tx_row(struct agg_view *v, const struct agg_tx *t, const struct intern *owners)
{
	struct agg_tx_row *row = &v->txs[v->ntxs++];

	*row = (struct agg_tx_row){ .tenant = name_of(owners, t->owner.tenant),
				    .workflow = name_of(owners, t->owner.workflow),
				    .container = name_of(owners, t->owner.container),
				    .statements = t->statements,
				    .idle_ns = t->idle_ns };
	memcpy(row->ends, t->ends, sizeof(row->ends));
	hist_init(&row->time, AGG_TIME_SCHEMA);
	return hist_merge(&row->time, &t->time);
}

static int txs_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->txs, v->ntxs, sizeof(*v->txs), tx_cmp);
	for (size_t i = 0; i < v->ntxs; i++) {
		struct agg_tx_row *row = &v->txs[i], *last = n ? &v->txs[n - 1] : NULL;

		if (!last || tx_cmp(last, row)) {
			v->txs[n++] = *row;
			continue;
		}
		for (int end = 0; end < TRANSACTION_END_MAX; end++)
			last->ends[end] += row->ends[end];
		last->statements += row->statements;
		last->idle_ns += row->idle_ns;
		err = hist_merge(&last->time, &row->time) ?: err;
		hist_clear(&row->time);
	}
	v->ntxs = n;
	return err;
}

static int txs_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	int err = 0;

	v->txs = calloc(HASH_COUNT(a->pg.txs) + 1, sizeof(*v->txs));
	if (!v->txs)
		return -ENOMEM;
	for (const struct agg_tx *t = a->pg.txs; t; t = t->hh.next)
		err = tx_row(v, t, owners) ?: err;
	for (int end = 0; end < TRANSACTION_END_MAX; end++) {
		if (!a->pg.other_tx.ends[end])
			continue;
		err = tx_row(v, &a->pg.other_tx, owners) ?: err;
		break;
	}
	return txs_join(v) ?: err;
}

static void refused_row(struct agg_view *v, const struct agg *a, const struct agg_refused *r,
			const struct intern *owners)
{
	v->refused[v->nrefused++] = (struct agg_refused_row){
		.tenant = name_of(owners, r->key.tenant),
		.container = name_of(owners, r->key.container),
		.outcome = intern_cstr(a->pg.names, r->key.outcome),
		.user = intern_cstr(a->pg.names, r->key.user),
		.source = intern_cstr(a->pg.names, r->key.source),
		.count = r->count,
	};
}

static int refused_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	size_t n = 0;

	v->refused = calloc(HASH_COUNT(a->pg.refused) + 1, sizeof(*v->refused));
	if (!v->refused)
		return -ENOMEM;
	for (const struct agg_refused *r = a->pg.refused; r; r = r->hh.next)
		refused_row(v, a, r, owners);
	if (a->pg.other_refused.count)
		refused_row(v, a, &a->pg.other_refused, owners);
	qsort(v->refused, v->nrefused, sizeof(*v->refused), refused_cmp);
	for (size_t i = 0; i < v->nrefused; i++) {
		if (n && !refused_cmp(&v->refused[n - 1], &v->refused[i]))
			v->refused[n - 1].count += v->refused[i].count;
		else
			v->refused[n++] = v->refused[i];
	}
	v->nrefused = n;
	return 0;
}

int agg_pg_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	int err = txs_read(v, a, owners);

	return err ?: refused_read(v, a, owners);
}

void agg_pg_view_free(struct agg_view *v)
{
	for (size_t i = 0; i < v->ntxs; i++)
		hist_clear(&v->txs[i].time);
	free(v->txs);
	free(v->refused);
}

const char *agg_transaction_end_name(unsigned int end)
{
	static const char *const names[TRANSACTION_END_MAX] = {
		[TRANSACTION_COMMITTED] = "committed", [TRANSACTION_ROLLED_BACK] = "rolled_back",
		[TRANSACTION_FAILED] = "failed",       [TRANSACTION_ABANDONED] = "abandoned",
		[TRANSACTION_UNKNOWN] = "unknown",
	};

	return end < TRANSACTION_END_MAX ? names[end] : NULL;
}
