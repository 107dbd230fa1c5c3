/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of the network stack's time. In: drained records with their owner. Out: counters of
 * agg_stack.h, and rows for exporters. What finds no room under the limit is added to one overflow series.
 */
#include "user/agg_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/agg_series.h"
#include "user/agg_view.h"

void agg_stack_init(struct agg_stacks *s)
{
	*s = (struct agg_stacks){ .other.key = { INTERN_OTHER, INTERN_OTHER, 0 } };
	hist_init(&s->other.egress, SCHED_SCHEMA);
}

static void stack_free(struct agg *a, struct agg_stack *s)
{
	HASH_DEL(a->stack.stacks, s);
	a->nseries--;
	hist_clear(&s->egress);
	free(s);
}

void agg_stack_clear(struct agg *a)
{
	struct agg_stack *s, *next;

	HASH_ITER(hh, a->stack.stacks, s, next)
		stack_free(a, s);
	hist_clear(&a->stack.other.egress);
	agg_stack_init(&a->stack);
}

static struct agg_stack *stack_new(struct agg *a, const struct agg_stack_key *key)
{
	struct agg_stack *s;

	if (a->nseries >= a->series_max)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s) {
		s->key = *key;
		hist_init(&s->egress, SCHED_SCHEMA);
		HASH_ADD(hh, a->stack.stacks, key, sizeof(s->key), s);
	}
	if (!s || !s->hh.tbl) {
		free(s);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return s;
}

static struct agg_stack *stack_of(struct agg *a, const struct agg_stack_key *key)
{
	struct agg_stack *s;

	HASH_FIND(hh, a->stack.stacks, key, sizeof(*key), s);
	return s ?: stack_new(a, key) ?: &a->stack.other;
}

void agg_softirq(struct agg *a, struct owner owner, const struct rec_softirq *rec)
{
	const struct agg_stack_key key = { owner.tenant, rec->cgroup ? owner.container : 0,
					   !rec->cgroup };
	struct agg_stack *s = stack_of(a, &key);

	s->softirq_ns += rec->softirq_ns;
	s->softirqs += rec->softirqs;
}

int agg_egress(struct agg *a, struct owner owner, const struct rec_egress *rec)
{
	const struct agg_stack_key key = { owner.tenant, owner.container, 0 };
	struct agg_stack *s = stack_of(a, &key);
	int err = 0;

	s->packets += rec->packets;
	s->egress_ns += rec->wait_ns;
	s->egress.sum_ns += rec->wait_ns;
	for (int i = 0; i < SCHED_BUCKETS; i++)
		err = hist_add_bucket(&s->egress, SCHED_OFFSET + i, rec->buckets[i]) ?: err;
	if (err)
		a->errors++;
	return err;
}

uint64_t agg_stack_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_stack *s = a->stack.stacks; s; s = s->hh.next)
		if (s->key.container == container)
			sum += s->softirqs + s->softirq_ns + s->packets;
	return sum;
}

void agg_stack_drop(struct agg *a, uint32_t container)
{
	struct agg_stack *s, *next;

	HASH_ITER(hh, a->stack.stacks, s, next)
		if (s->key.container == container && !s->key.is_kernel)
			stack_free(a, s);
}

size_t agg_stack_memory(const struct agg *a)
{
	size_t bytes = agg_hist_memory(&a->stack.other.egress);

	for (const struct agg_stack *s = a->stack.stacks; s; s = s->hh.next)
		bytes += sizeof(*s) + agg_hist_memory(&s->egress);
	return bytes;
}

static const char *name_of(const struct intern *owners, uint32_t id)
{
	const char *name = intern_cstr(owners, id);

	return *name ? name : "unattributed";
}

static int row_cmp(const void *a, const void *b)
{
	const struct agg_stack_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?: strcmp(x->container, y->container);
}

static int row_add(struct agg_view *v, const struct agg_stack *s, const struct intern *owners)
{
	struct agg_stack_row *row = &v->stacks[v->nstacks++];

	*row = (struct agg_stack_row){ .tenant = name_of(owners, s->key.tenant),
				       .container = s->key.is_kernel
							    ? "kernel"
							    : name_of(owners, s->key.container),
				       .softirq_ns = s->softirq_ns,
				       .softirqs = s->softirqs,
				       .packets = s->packets,
				       .egress_ns = s->egress_ns };
	hist_init(&row->egress, SCHED_SCHEMA);
	return hist_merge(&row->egress, &s->egress);
}

static int rows_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->stacks, v->nstacks, sizeof(*v->stacks), row_cmp);
	for (size_t i = 0; i < v->nstacks; i++) {
		struct agg_stack_row *row = &v->stacks[i], *last = n ? &v->stacks[n - 1] : NULL;

		if (!last || row_cmp(last, row)) {
			v->stacks[n++] = *row;
			continue;
		}
		last->softirq_ns += row->softirq_ns;
		last->softirqs += row->softirqs;
		last->packets += row->packets;
		last->egress_ns += row->egress_ns;
		err = hist_merge(&last->egress, &row->egress) ?: err;
		hist_clear(&row->egress);
	}
	v->nstacks = n;
	return err;
}

int agg_stack_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	const struct agg_stack *other = &a->stack.other;
	int err = 0;

	v->stacks = calloc(HASH_COUNT(a->stack.stacks) + 1, sizeof(*v->stacks));
	if (!v->stacks)
		return -ENOMEM;
	for (const struct agg_stack *s = a->stack.stacks; s; s = s->hh.next)
		err = row_add(v, s, owners) ?: err;
	if (other->softirqs || other->packets)
		err = row_add(v, other, owners) ?: err;
	return rows_join(v) ?: err;
}

void agg_stack_view_free(struct agg_view *v)
{
	for (size_t i = 0; i < v->nstacks; i++)
		hist_clear(&v->stacks[i].egress);
	free(v->stacks);
}
