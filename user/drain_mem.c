/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory table's differences as records. In: rows that grew. Out: a REC_MEMORY each, and what of it
 * is waiting: for one's own limit it is `self`; who made the node short of memory is not known.
 */
#include "user/drain_mem.h"

#include <errno.h>
#include <stdlib.h>

#include "probes/mem/mem_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

struct drain_mem {
	struct drain_table *table;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

int drain_mem_new(struct drain_mem **out, int table_fd)
{
	struct drain_mem *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;

	err = err
		      ?: drain_table_new(&d->table,
					 &(struct drain_table_config){ table_fd, 1, 1,
								       sizeof(struct mem_stats) /
									       sizeof(uint64_t) });
	if (err)
		drain_mem_free(d);
	else
		*out = d;
	return err;
}

void drain_mem_free(struct drain_mem *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	free(d);
}

static void wait_emit(struct drain_mem *d, uint64_t cgroup, const struct mem_stats *st,
		      enum mem_reason reason)
{
	struct rec_wait r = { .hdr = { .kind = REC_WAIT, .len = sizeof(r), .time_ns = d->now_ns },
			      .waiter = { .cgroup = cgroup },
			      .wait_ns = st->stall_ns[reason],
			      .waits = st->stalls[reason],
			      .resource = RESOURCE_MEMORY,
			      .cause = WAIT_UNKNOWN };

	if (!r.wait_ns && !r.waits)
		return;
	if (reason == MEM_LIMIT) {
		r.cause = WAIT_SELF;
		r.occupant = r.waiter;
	}
	d->fn(d->ctx, &r, sizeof(r));
}

static void mem_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct mem_stats *st = (const void *)growth;
	struct drain_mem *d = ctx;
	struct rec_memory r = {
		.hdr = { .kind = REC_MEMORY, .len = sizeof(r), .time_ns = d->now_ns },
		.cgroup = key[0],
		.direct_ns = st->stall_ns[MEM_NODE],
		.directs = st->stalls[MEM_NODE],
		.limit_ns = st->stall_ns[MEM_LIMIT],
		.limits = st->stalls[MEM_LIMIT],
		.oom_kills = st->oom_kills,
		.pages = st->pages,
	};

	d->fn(d->ctx, &r, sizeof(r));
	wait_emit(d, key[0], st, MEM_NODE);
	wait_emit(d, key[0], st, MEM_LIMIT);
}

int drain_mem_run(struct drain_mem *d, record_fn fn, void *ctx)
{
	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	return drain_table_run(d->table, mem_row, d);
}

void drain_mem_forget(struct drain_mem *d, uint64_t cgroup)
{
	drain_table_forget(d->table, cgroup);
}
