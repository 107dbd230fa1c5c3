/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: what containers' packets took of CPUs in softirqs, and how long they waited to be sent. Only
 * for agg*.c. A container counts as one series under the agg's limit.
 */
#ifndef TALLYMAN_AGG_STACK_H
#define TALLYMAN_AGG_STACK_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/lib/hist.h"

struct agg_stack_key {
	uint32_t tenant;
	uint32_t container;
	uint32_t is_kernel; /* softirqs that are no container's */
};

struct agg_stack {
	struct agg_stack_key key;
	uint64_t softirq_ns;
	uint64_t softirqs;
	uint64_t packets;
	uint64_t egress_ns;
	struct hist egress; /* of packets */
	UT_hash_handle hh;
};

/* Part of struct agg. Zero bytes are an empty one, but for agg_stack_init(). */
struct agg_stacks {
	struct agg_stack *stacks;
	struct agg_stack other;
};

struct agg_view;
struct intern;

void agg_stack_init(struct agg_stacks *s);
void agg_stack_clear(struct agg *a);

/* Anything that changes when something is added to one of the container's series. */
uint64_t agg_stack_activity(const struct agg *a, uint32_t container);
void agg_stack_drop(struct agg *a, uint32_t container);
size_t agg_stack_memory(const struct agg *a);

/* Fills the view's rows. 0 or -ENOMEM; agg_stack_view_free() after both. */
int agg_stack_view(struct agg_view *v, const struct agg *a, const struct intern *owners);
void agg_stack_view_free(struct agg_view *v);

#endif
