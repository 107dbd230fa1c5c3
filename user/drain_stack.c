/* SPDX-License-Identifier: Apache-2.0 */
/* The egress table's differences. */
#include "user/drain_stack.h"

#include <errno.h>
#include <stdlib.h>

#include "probes/stack/stack_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

struct drain_stack {
	struct drain_table *egress;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

int drain_stack_new(struct drain_stack **out, int egress_fd)
{
	const struct drain_table_config egress = { egress_fd, 1, 1,
						   sizeof(struct stack_egress) / sizeof(uint64_t) };
	struct drain_stack *d = calloc(1, sizeof(*d));
	int err = d ? drain_table_new(&d->egress, &egress) : -ENOMEM;

	if (err) {
		drain_stack_free(d);
		return err;
	}
	*out = d;
	return 0;
}

void drain_stack_free(struct drain_stack *d)
{
	if (!d)
		return;
	drain_table_free(d->egress);
	free(d);
}

static void egress_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct stack_egress *st = (const void *)growth;
	struct drain_stack *d = ctx;
	struct rec_egress r = {
		.hdr = { .kind = REC_EGRESS, .len = sizeof(r), .time_ns = d->now_ns },
		.cgroup = key[0],
		.packets = st->packets,
		.wait_ns = st->wait_ns,
	};

	for (int i = 0; i < SCHED_BUCKETS; i++)
		r.buckets[i] = st->buckets[i];
	d->fn(d->ctx, &r, sizeof(r));
}

int drain_stack_run(struct drain_stack *d, record_fn fn, void *ctx)
{
	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	return drain_table_run(d->egress, egress_row, d);
}

void drain_stack_forget(struct drain_stack *d, uint64_t cgroup)
{
	drain_table_forget(d->egress, cgroup);
}
