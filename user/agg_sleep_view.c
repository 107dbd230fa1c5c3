/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of wait events for exporters. In: an agg's series, and the tables that name owners and events. Out:
 * sorted rows, those with equal labels (as of two versions of the server) added up.
 */
#include <errno.h>
#include <stdio.h>
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
	const struct agg_sleep_row *x = a, *y = b;

	return strcmp(x->wait_event_type, y->wait_event_type) ?:
	       strcmp(x->wait_event.s, y->wait_event.s) ?:
	       strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container);
}

static void row_add(struct agg_view *v, const struct agg_sleep_series *s, bool other,
		    const struct intern *owners)
{
	struct agg_sleep_row *row = &v->sleeps[v->nsleeps++];

	*row = (struct agg_sleep_row){
		.wait_event_type = other ? "other" : wait_event_class(s->key.pg_event),
		.wait_event = { "other" },
		.tenant = other ? "other" : name_of(owners, s->key.tenant),
		.container = other ? "other" : name_of(owners, s->key.container),
		.wait_ns = s->wait_ns,
		.run_queue_ns = s->run_queue_ns,
		.sleeps = s->sleeps,
	};
	if (!other)
		row->wait_event = wait_event_name(s->key.pg_event);
}

int agg_sleep_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	size_t n = 0;

	v->sleeps = calloc(HASH_COUNT(a->sleeps.series) + 1, sizeof(*v->sleeps));
	if (!v->sleeps)
		return -ENOMEM;
	for (const struct agg_sleep_series *s = a->sleeps.series; s; s = s->hh.next)
		row_add(v, s, false, owners);
	if (a->sleeps.other.sleeps)
		row_add(v, &a->sleeps.other, true, owners);
	qsort(v->sleeps, v->nsleeps, sizeof(*v->sleeps), row_cmp);
	for (size_t i = 0; i < v->nsleeps; i++) {
		struct agg_sleep_row *row = &v->sleeps[i], *last = n ? &v->sleeps[n - 1] : NULL;

		if (!last || row_cmp(last, row)) {
			v->sleeps[n++] = *row;
			continue;
		}
		last->wait_ns += row->wait_ns;
		last->run_queue_ns += row->run_queue_ns;
		last->sleeps += row->sleeps;
	}
	v->nsleeps = n;
	return 0;
}
