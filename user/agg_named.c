/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of the network's facts that have a name: packets dropped, by the kernel's reason. In:
 * drained records with their owner, and that of the peer. Out: counters of agg_named.h, and sorted rows of
 * them for exporters, those with equal labels added up.
 */
#include "user/agg_named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/agg_series.h"

#define NAMES_MAX 1024
#define SHARE_OF_SERIES 4 /* the limit: a part of the limit of series */
#define SERIES_MIN 64

static void others_init(struct agg_nameds *named)
{
	for (int what = 0; what < NET_NAMED_MAX; what++)
		named->other[what] = (struct agg_named){ .key = { .tenant = INTERN_OTHER,
								  .container = INTERN_OTHER,
								  .name = INTERN_OTHER,
								  .what = what,
								  .peer_kind = NET_PEER_MAX } };
}

int agg_named_init(struct agg *a)
{
	size_t max = a->series_max / SHARE_OF_SERIES;

	a->named.max = max > SERIES_MIN ? max : SERIES_MIN;
	others_init(&a->named);
	for (int what = 0; what < NET_NAMED_MAX; what++) {
		a->named.names[what] = intern_new(NAMES_MAX);
		if (!a->named.names[what])
			return -ENOMEM;
	}
	return 0;
}

static void row_free(struct agg *a, struct agg_named *r)
{
	HASH_DEL(a->named.rows, r);
	free(r);
}

void agg_named_clear(struct agg *a)
{
	struct agg_named *r, *next;

	HASH_ITER(hh, a->named.rows, r, next)
		row_free(a, r);
	others_init(&a->named);
}

void agg_named_free(struct agg *a)
{
	agg_named_clear(a);
	for (int what = 0; what < NET_NAMED_MAX; what++)
		intern_free(a->named.names[what]);
}

static struct agg_named *row_new(struct agg *a, const struct agg_named_key *key)
{
	struct agg_named *r;

	if (HASH_COUNT(a->named.rows) >= a->named.max)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r) {
		r->key = *key;
		HASH_ADD(hh, a->named.rows, key, sizeof(r->key), r);
	}
	if (!r || !r->hh.tbl) {
		free(r);
		a->errors++;
		return NULL;
	}
	return r;
}

void agg_named(struct agg *a, struct owner owner, struct owner peer, const struct rec_named *rec)
{
	struct agg_named_key key = { .tenant = owner.tenant,
				     .container = owner.container,
				     .name = intern_id(a->named.names[rec->what],
						       str_of(rec->name)),
				     .what = rec->what,
				     .peer_kind = rec->peer_kind };
	struct agg_named *r;

	if (rec->peer_kind == NET_PEER_NODE) {
		key.peer_tenant = peer.tenant;
		key.peer_container = peer.container;
	}
	HASH_FIND(hh, a->named.rows, &key, sizeof(key), r);
	r = r ?: row_new(a, &key) ?: &a->named.other[rec->what];
	for (int i = 0; i < NET_NAMED_NUMBERS; i++)
		r->n[i] += rec->n[i];
}

static bool concerns(const struct agg_named_key *key, uint32_t container)
{
	return key->container == container || key->peer_container == container;
}

uint64_t agg_named_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_named *r = a->named.rows; r; r = r->hh.next)
		for (int i = 0; concerns(&r->key, container) && i < NET_NAMED_NUMBERS; i++)
			sum += r->n[i];
	return sum;
}

void agg_named_drop(struct agg *a, uint32_t container)
{
	struct agg_named *r, *next;

	HASH_ITER(hh, a->named.rows, r, next)
		if (concerns(&r->key, container))
			row_free(a, r);
}

size_t agg_named_memory(const struct agg *a)
{
	return HASH_COUNT(a->named.rows) * sizeof(struct agg_named);
}

static const char *name_of(const struct intern *owners, uint32_t id)
{
	const char *name = intern_cstr(owners, id);

	return *name ? name : "unattributed";
}

static int row_cmp(const void *a, const void *b)
{
	const struct agg_named_row *x = a, *y = b;

	return (int)x->what - (int)y->what ?:
	       strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container) ?:
	       strcmp(x->peer_tenant, y->peer_tenant) ?:
	       strcmp(x->peer, y->peer) ?:
	       strcmp(x->name, y->name);
}

static void row_add(struct agg_view *v, const struct agg *a, const struct agg_named *r,
		    const struct intern *owners)
{
	static const uint64_t none[NET_NAMED_NUMBERS];
	struct agg_named_row *row = &v->named[v->nnamed];
	bool node = r->key.peer_kind == NET_PEER_NODE;

	if (!memcmp(r->n, none, sizeof(none)))
		return;
	v->nnamed++;
	*row = (struct agg_named_row){
		.what = r->key.what,
		.tenant = name_of(owners, r->key.tenant),
		.container = name_of(owners, r->key.container),
		.peer_tenant = node ? name_of(owners, r->key.peer_tenant) : "",
		.peer = node ? name_of(owners, r->key.peer_container)
			     : agg_peer_name(r->key.peer_kind),
		.name = intern_cstr(a->named.names[r->key.what], r->key.name),
	};
	memcpy(row->n, r->n, sizeof(row->n));
}

static void rows_join(struct agg_view *v)
{
	size_t n = 0;

	qsort(v->named, v->nnamed, sizeof(*v->named), row_cmp);
	for (size_t i = 0; i < v->nnamed; i++) {
		struct agg_named_row *row = &v->named[i], *last = n ? &v->named[n - 1] : NULL;

		if (!last || row_cmp(last, row)) {
			v->named[n++] = *row;
			continue;
		}
		for (int k = 0; k < NET_NAMED_NUMBERS; k++)
			last->n[k] += row->n[k];
	}
	v->nnamed = n;
}

int agg_named_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	v->named = calloc(HASH_COUNT(a->named.rows) + NET_NAMED_MAX, sizeof(*v->named));
	if (!v->named)
		return -ENOMEM;
	for (const struct agg_named *r = a->named.rows; r; r = r->hh.next)
		row_add(v, a, r, owners);
	for (int what = 0; what < NET_NAMED_MAX; what++)
		row_add(v, a, &a->named.other[what], owners);
	rows_join(v);
	return 0;
}
