/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of what is counted by name, for exporters. In: an agg's series and the tables of names. Out: sorted
 * rows, those with equal labels added up, each kind in one piece.
 */
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

static int row_cmp(const void *a, const void *b)
{
	const struct agg_detail_row *x = a, *y = b;

	return (int)x->kind - (int)y->kind ?:
	       strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container) ?:
	       strcmp(x->name, y->name) ?:
	       strcmp(x->role, y->role) ?:
	       strcmp(x->workflow, y->workflow);
}

static void row_add(struct agg_view *v, const struct agg *a, const struct agg_detail_series *s,
		    const struct intern *owners)
{
	struct agg_detail_row *row = &v->details[v->ndetails++];

	*row = (struct agg_detail_row){
		.kind = s->key.kind,
		.tenant = name_of(owners, s->key.owner.tenant),
		.workflow = name_of(owners, s->key.owner.workflow),
		.container = name_of(owners, s->key.owner.container),
		.role = agg_role_name(s->key.role),
		.name = intern_cstr(a->details.names, s->key.name),
	};
	memcpy(row->n, s->n, sizeof(row->n));
}

static void other_add(struct agg_view *v, const struct agg_detail_series *s, enum detail_kind kind)
{
	static const uint64_t none[DETAIL_NUMBERS];
	struct agg_detail_row *row = &v->details[v->ndetails];

	if (!memcmp(s->n, none, sizeof(none)))
		return;
	v->ndetails++;
	*row = (struct agg_detail_row){ kind, "other", "other", "other", "other", "other", { 0 } };
	memcpy(row->n, s->n, sizeof(row->n));
}

static void rows_join(struct agg_view *v)
{
	size_t n = 0;

	qsort(v->details, v->ndetails, sizeof(*v->details), row_cmp);
	for (size_t i = 0; i < v->ndetails; i++) {
		struct agg_detail_row *row = &v->details[i], *last = n ? &v->details[n - 1] : NULL;

		if (!last || row_cmp(last, row)) {
			v->details[n++] = *row;
			continue;
		}
		for (int k = 0; k < DETAIL_NUMBERS; k++)
			last->n[k] += row->n[k];
	}
	v->ndetails = n;
}

int agg_detail_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	v->details = calloc(HASH_COUNT(a->details.series) + DETAIL_MAX, sizeof(*v->details));
	if (!v->details)
		return -ENOMEM;
	for (const struct agg_detail_series *s = a->details.series; s; s = s->hh.next)
		row_add(v, a, s, owners);
	for (int kind = 0; kind < DETAIL_MAX; kind++)
		other_add(v, &a->details.other[kind], kind);
	rows_join(v);
	return 0;
}

/* The rows of a kind that only differ in their workflow follow each other, the servers' as one. */
size_t agg_view_backlog(const struct agg_view *v, size_t from, int64_t *backlog, bool *is_queue)
{
	const struct agg_detail_row *first = &v->details[from];
	uint64_t pushed = 0, popped = 0;
	size_t n = 0;

	for (; from + n < v->ndetails && first[n].kind == DETAIL_KEYS; n++) {
		if (strcmp(first[n].tenant, first->tenant) ||
		    strcmp(first[n].container, first->container) ||
		    strcmp(first[n].name, first->name) || strcmp(first[n].role, first->role))
			break;
		pushed += first[n].n[KEYS_PUSHED];
		popped += first[n].n[KEYS_POPPED];
	}
	*backlog = (int64_t)(pushed - popped);
	*is_queue = pushed | popped && strcmp(first->role, "client");
	return n;
}
