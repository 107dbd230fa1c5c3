/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: what PostgreSQL's backends slept for, by tenant, container and wait event. Only for
 * agg*.c. The workflow of an owner is not kept: the kernel adds up by payer, and knows no workflow. Each
 * counts as a series under the agg's limit.
 */
#ifndef TALLYMAN_AGG_SLEEP_H
#define TALLYMAN_AGG_SLEEP_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"

struct agg_sleep_key {
	uint32_t tenant;
	uint32_t container;
	uint32_t pg_event; /* 0: the overflow series */
};

struct agg_sleep_series {
	struct agg_sleep_key key;
	uint64_t wait_ns; /* asleep, and until it ran again */
	uint64_t run_queue_ns;
	uint64_t sleeps;
	UT_hash_handle hh;
};

/* Part of struct agg. Zero bytes are an empty one. */
struct agg_sleeps {
	struct agg_sleep_series *series;
	struct agg_sleep_series other;
};

struct agg_view;
struct intern;

void agg_sleep_clear(struct agg *a);

/* Anything that changes when something is added to one of the container's series. */
uint64_t agg_sleep_activity(const struct agg *a, uint32_t container);
void agg_sleep_drop(struct agg *a, uint32_t container);
size_t agg_sleep_memory(const struct agg *a);

/* Fills the view's rows; whoever frees the view frees them. 0 or -ENOMEM. */
int agg_sleep_view(struct agg_view *v, const struct agg *a, const struct intern *owners);

#endif
