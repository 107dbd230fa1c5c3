/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram for each workflow. Its percentile is looked up again when an eighth more requests came:
 * looking at every request would cost more than the request.
 */
#include "user/slow.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/lib/clock.h"
#include "user/lib/hist.h"

#define SCHEMA 4

struct workflow {
	uint64_t key; /* tenant and workflow */
	struct hist wall;
	uint64_t threshold_ns;
	uint64_t due; /* the count at which the threshold is looked up again */
	UT_hash_handle hh;
};

struct slow {
	uint64_t slower_ns;
	struct workflow *workflows;
	struct workflow rest;
	uint64_t second_ns; /* when this second began */
	uint32_t told;	    /* in it */
	uint64_t left_out;
};

static void workflow_init(struct workflow *w)
{
	hist_init(&w->wall, SCHEMA);
	w->threshold_ns = UINT64_MAX;
	w->due = SLOW_COUNT_MIN;
}

struct slow *slow_new(uint64_t slower_ns)
{
	struct slow *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->slower_ns = slower_ns;
	workflow_init(&s->rest);
	return s;
}

void slow_free(struct slow *s)
{
	struct workflow *w, *next;

	if (!s)
		return;
	HASH_ITER(hh, s->workflows, w, next) {
		HASH_DEL(s->workflows, w);
		hist_clear(&w->wall);
		free(w);
	}
	hist_clear(&s->rest.wall);
	free(s);
}

static struct workflow *workflow_of(struct slow *s, struct owner owner)
{
	uint64_t key = (uint64_t)owner.tenant << 32 | owner.workflow;
	struct workflow *w;

	HASH_FIND(hh, s->workflows, &key, sizeof(key), w);
	if (w)
		return w;
	if (HASH_COUNT(s->workflows) >= SLOW_WORKFLOWS_MAX)
		return &s->rest;
	w = calloc(1, sizeof(*w));
	if (!w)
		return &s->rest;
	workflow_init(w);
	w->key = key;
	HASH_ADD(hh, s->workflows, key, sizeof(w->key), w);
	if (w->hh.tbl)
		return w;
	free(w);
	return &s->rest;
}

/* Its threshold before this request, which is then counted. */
static uint64_t threshold(struct workflow *w, uint64_t wall_ns)
{
	uint64_t now = w->threshold_ns;

	hist_add(&w->wall, wall_ns);
	if (w->wall.count >= w->due) {
		w->threshold_ns = (uint64_t)hist_quantile(&w->wall, 0.99);
		w->due = w->wall.count + w->wall.count / 8;
	}
	return now;
}

bool slow_take(struct slow *s, struct owner owner, uint64_t wall_ns, uint64_t time_ns,
	       uint64_t *left_out)
{
	uint64_t limit = s->slower_ns ? s->slower_ns : threshold(workflow_of(s, owner), wall_ns);

	if (wall_ns <= limit)
		return false;
	if (!s->told || time_ns - s->second_ns >= NS_PER_SEC) {
		s->second_ns = time_ns;
		s->told = 0;
	}
	if (s->told == SLOW_PER_SECOND) {
		s->left_out++;
		return false;
	}
	s->told++;
	*left_out = s->left_out;
	s->left_out = 0;
	return true;
}

uint64_t slow_left_out(const struct slow *s)
{
	return s->left_out;
}
