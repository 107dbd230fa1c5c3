/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block tables' differences as records. In: rows that grew. Out: one REC_IO or REC_WAIT each. Knows
 * the tables' shape and nothing of what becomes of the records.
 */
#include "user/drain_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/block/block_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

#define WORDS(type) (sizeof(type) / sizeof(uint64_t))

struct drain_block {
	struct drain_table *table;
	struct drain_table *cells;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

int drain_block_new(struct drain_block **out, int table_fd, int cells_fd)
{
	struct drain_block *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;

	err = err
		      ?: drain_table_new(&d->table, &(struct drain_table_config){
							    table_fd, WORDS(struct block_key), 2,
							    WORDS(struct block_stats) });
	err = err
		      ?: drain_table_new(&d->cells, &(struct drain_table_config){
							    cells_fd, WORDS(struct block_cell), 4,
							    WORDS(struct block_wait) });
	if (err)
		drain_block_free(d);
	else
		*out = d;
	return err;
}

void drain_block_free(struct drain_block *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	drain_table_free(d->cells);
	free(d);
}

static void io_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct block_stats *st = (const void *)growth;
	const struct block_key *of = (const void *)key;
	struct drain_block *d = ctx;
	struct rec_io r = { .hdr = { .kind = REC_IO, .len = sizeof(r), .time_ns = d->now_ns },
			    .owner = of->owner,
			    .device = of->device,
			    .queue_ns = st->queue_ns,
			    .device_ns = st->device_ns,
			    .errors = st->errors };

	memcpy(r.requests, st->requests, sizeof(r.requests));
	memcpy(r.bytes, st->bytes, sizeof(r.bytes));
	for (int i = 0; i < SCHED_BUCKETS; i++)
		r.buckets[i] = st->buckets[i];
	d->fn(d->ctx, &r, sizeof(r));
}

static void wait_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct block_wait *wait = (const void *)growth;
	const struct block_cell *of = (const void *)key;
	struct drain_block *d = ctx;
	struct rec_wait r = { .hdr = { .kind = REC_WAIT, .len = sizeof(r), .time_ns = d->now_ns },
			      .waiter = of->waiter,
			      .occupant = of->occupant,
			      .wait_ns = wait->wait_ns,
			      .waits = wait->waits,
			      .resource = RESOURCE_DISK,
			      .cause = of->cause };

	d->fn(d->ctx, &r, sizeof(r));
}

static int rows_run(struct drain_block *d, struct drain_table *t, drain_row_fn row, record_fn fn,
		    void *ctx)
{
	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	return drain_table_run(t, row, d);
}

int drain_block_io(struct drain_block *d, record_fn fn, void *ctx)
{
	return rows_run(d, d->table, io_row, fn, ctx);
}

int drain_block_waits(struct drain_block *d, record_fn fn, void *ctx)
{
	return rows_run(d, d->cells, wait_row, fn, ctx);
}

void drain_block_forget(struct drain_block *d, uint64_t cgroup)
{
	drain_table_forget(d->table, cgroup);
	drain_table_forget(d->cells, cgroup);
}
