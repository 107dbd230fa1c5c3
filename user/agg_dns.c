/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of DNS. In: drained records with their owner. Out: counters and a histogram of agg_dns.h, and
 * sorted rows of them for exporters, those with equal labels added up.
 */
#include "user/agg_dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/agg_series.h"

void agg_dns_init(struct agg_dnses *dns)
{
	*dns = (struct agg_dnses){ .other.key = { INTERN_OTHER, INTERN_OTHER } };
	hist_init(&dns->other.waits, SCHED_SCHEMA);
}

static void row_free(struct agg *a, struct agg_dns *r)
{
	HASH_DEL(a->dns.rows, r);
	a->nseries--;
	hist_clear(&r->waits);
	free(r);
}

void agg_dns_clear(struct agg *a)
{
	struct agg_dns *r, *next;

	HASH_ITER(hh, a->dns.rows, r, next)
		row_free(a, r);
	hist_clear(&a->dns.other.waits);
	agg_dns_init(&a->dns);
}

static struct agg_dns *row_new(struct agg *a, const struct agg_dns_key *key)
{
	struct agg_dns *r;

	if (a->nseries >= a->series_max)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r) {
		r->key = *key;
		hist_init(&r->waits, SCHED_SCHEMA);
		HASH_ADD(hh, a->dns.rows, key, sizeof(r->key), r);
	}
	if (!r || !r->hh.tbl) {
		free(r);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return r;
}

static void counts_add(struct dns_counts *dst, const struct dns_counts *src)
{
	dst->queries += src->queries;
	dst->retried += src->retried;
	dst->timeouts += src->timeouts;
	for (int i = 0; i < DNS_ANSWER_MAX; i++)
		dst->answers[i] += src->answers[i];
}

int agg_dns(struct agg *a, struct owner owner, const struct rec_dns *rec)
{
	const struct agg_dns_key key = { owner.tenant, owner.container };
	struct agg_dns *r;
	int err = 0;

	HASH_FIND(hh, a->dns.rows, &key, sizeof(key), r);
	r = r ?: row_new(a, &key) ?: &a->dns.other;
	counts_add(&r->n, &rec->n);
	r->waits.sum_ns += rec->wait_ns;
	for (int i = 0; i < SCHED_BUCKETS; i++)
		err = hist_add_bucket(&r->waits, SCHED_OFFSET + i, rec->waits[i]) ?: err;
	if (err)
		a->errors++;
	return err;
}

uint64_t agg_dns_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_dns *r = a->dns.rows; r; r = r->hh.next)
		if (r->key.container == container)
			sum += r->n.queries + r->n.retried + r->n.timeouts + r->waits.count;
	return sum;
}

void agg_dns_drop(struct agg *a, uint32_t container)
{
	struct agg_dns *r, *next;

	HASH_ITER(hh, a->dns.rows, r, next)
		if (r->key.container == container)
			row_free(a, r);
}

size_t agg_dns_memory(const struct agg *a)
{
	size_t bytes = agg_hist_memory(&a->dns.other.waits);

	for (const struct agg_dns *r = a->dns.rows; r; r = r->hh.next)
		bytes += sizeof(*r) + agg_hist_memory(&r->waits);
	return bytes;
}

static const char *name_of(const struct intern *owners, uint32_t id)
{
	const char *name = intern_cstr(owners, id);

	return *name ? name : "unattributed";
}

static int row_cmp(const void *a, const void *b)
{
	const struct agg_dns_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?: strcmp(x->container, y->container);
}

static int row_add(struct agg_view *v, const struct agg_dns *r, const struct intern *owners)
{
	struct agg_dns_row *row = &v->dns[v->ndns++];

	*row = (struct agg_dns_row){ .tenant = name_of(owners, r->key.tenant),
				     .container = name_of(owners, r->key.container),
				     .n = r->n };
	hist_init(&row->waits, SCHED_SCHEMA);
	return hist_merge(&row->waits, &r->waits);
}

static int rows_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->dns, v->ndns, sizeof(*v->dns), row_cmp);
	for (size_t i = 0; i < v->ndns; i++) {
		struct agg_dns_row *row = &v->dns[i], *last = n ? &v->dns[n - 1] : NULL;

		if (!last || row_cmp(last, row)) {
			v->dns[n++] = *row;
			continue;
		}
		counts_add(&last->n, &row->n);
		err = hist_merge(&last->waits, &row->waits) ?: err;
		hist_clear(&row->waits);
	}
	v->ndns = n;
	return err;
}

int agg_dns_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	const struct dns_counts none = { 0 };
	int err = 0;

	v->dns = calloc(HASH_COUNT(a->dns.rows) + 1, sizeof(*v->dns));
	if (!v->dns)
		return -ENOMEM;
	for (const struct agg_dns *r = a->dns.rows; r; r = r->hh.next)
		err = row_add(v, r, owners) ?: err;
	if (memcmp(&a->dns.other.n, &none, sizeof(none)))
		err = row_add(v, &a->dns.other, owners) ?: err;
	return rows_join(v) ?: err;
}

void agg_dns_view_free(struct agg_view *v)
{
	for (size_t i = 0; i < v->ndns; i++)
		hist_clear(&v->dns[i].waits);
	free(v->dns);
}
