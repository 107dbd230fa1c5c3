/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series of containers that are gone. In: a container's id when its cgroup is removed, and the
 * time. Out: its series freed once nothing was added to them for the grace period. Records of a
 * container may come after its end (they wait in the ring), so what changes is given the grace
 * again.
 */
#include "user/agg.h"

#include <stdlib.h>

#include "user/agg_series.h"

/* Anything that changes when something is added to one of a container's series. */
static uint64_t container_activity(struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < a->nkeys; k++) {
		struct agg_series *s = a->series[k];

		for (uint32_t i = 0; s->key.owner.container == container && i < s->ncounters; i++)
			sum += agg_counter_at(s, i)->count;
	}
	for (struct agg_container *c = a->containers; c; c = c->hh.next)
		if (c->owner.container == container)
			sum += c->switches + c->on_cpu_ns;
	return sum + agg_io_activity(a, container) + agg_sleep_activity(a, container) +
	       agg_net_activity(a, container) + agg_pg_activity(a, container) +
	       agg_detail_activity(a, container) + agg_named_activity(a, container) +
	       agg_stack_activity(a, container) + agg_dns_activity(a, container);
}

void agg_forget_container(struct agg *a, uint32_t container, uint64_t now_ns)
{
	size_t i = 0;

	/* Names that many containers share. */
	if (container == INTERN_EMPTY || container == INTERN_OTHER)
		return;
	while (i < a->ngone && a->gone[i].container != container)
		i++;
	if (i == a->gone_room) {
		size_t room = a->gone_room ? 2 * a->gone_room : 16;
		struct agg_gone *gone = realloc(a->gone, room * sizeof(*gone));

		if (!gone) {
			a->errors++;
			return;
		}
		a->gone = gone;
		a->gone_room = room;
	}
	if (i == a->ngone)
		a->ngone++;
	a->gone[i] = (struct agg_gone){ container, now_ns + a->grace_ns,
					container_activity(a, container) };
}

static bool is_of(const struct agg_series *s, uint32_t container)
{
	return s->key.owner.container == container;
}

static size_t container_drop(struct agg *a, uint32_t container)
{
	struct agg_container *c, *c_next;
	size_t before = a->nseries;

	agg_index_drop(a, is_of, container);
	HASH_ITER(hh, a->containers, c, c_next)
		if (c->owner.container == container)
			agg_container_free(a, c);
	agg_io_drop(a, container);
	agg_net_drop(a, container);
	agg_stack_drop(a, container);
	agg_sleep_drop(a, container);
	agg_pg_drop(a, container);
	agg_detail_drop(a, container);
	agg_named_drop(a, container);
	agg_dns_drop(a, container);
	return before - a->nseries;
}

/* Each one due costs a walk over all series: this many a call, the rest at the next. */
#define EXPIRE_AT_ONCE 16

size_t agg_expire(struct agg *a, uint64_t now_ns)
{
	size_t dropped = 0, looked_at = 0;

	for (size_t i = 0; i < a->ngone && looked_at < EXPIRE_AT_ONCE;) {
		struct agg_gone *g = &a->gone[i];
		uint64_t activity;

		if (g->due_ns > now_ns) {
			i++;
			continue;
		}
		looked_at++;
		activity = container_activity(a, g->container);
		if (activity != g->activity) {
			g->activity = activity;
			g->due_ns = now_ns + a->grace_ns;
			i++;
			continue;
		}
		dropped += container_drop(a, g->container);
		*g = a->gone[--a->ngone];
	}
	return dropped;
}
