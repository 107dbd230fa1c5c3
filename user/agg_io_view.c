/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of block I/O and memory stalls for exporters. In: an agg's series and the table that names owners.
 * Out: sorted rows, those with equal labels added up. Each disk row owns its histogram.
 */
#include "user/agg_io.h"

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

static int disk_cmp(const void *a, const void *b)
{
	const struct agg_disk_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container) ?:
	       strcmp(x->device, y->device);
}

static int memory_cmp(const void *a, const void *b)
{
	const struct agg_memory_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?: strcmp(x->container, y->container);
}

static int disk_row(struct agg_view *v, const struct agg_disk *d, const struct intern *owners)
{
	struct agg_disk_row *row = &v->disks[v->ndisks++];

	*row = (struct agg_disk_row){ .tenant = name_of(owners, d->place.tenant),
				      .container = name_of(owners, d->place.container),
				      .queue_ns = d->queue_ns,
				      .device_ns = d->device_ns,
				      .errors = d->errors };
	if (d->place.device)
		snprintf(row->device, sizeof(row->device), "%u:%u", d->place.device >> 20,
			 d->place.device & 0xfffff);
	else
		snprintf(row->device, sizeof(row->device), "other");
	memcpy(row->requests, d->requests, sizeof(row->requests));
	memcpy(row->bytes, d->bytes, sizeof(row->bytes));
	hist_init(&row->time, SCHED_SCHEMA);
	return hist_merge(&row->time, &d->time);
}

static int disks_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->disks, v->ndisks, sizeof(*v->disks), disk_cmp);
	for (size_t i = 0; i < v->ndisks; i++) {
		struct agg_disk_row *row = &v->disks[i], *last = n ? &v->disks[n - 1] : NULL;

		if (!last || disk_cmp(last, row)) {
			v->disks[n++] = *row;
			continue;
		}
		for (int op = 0; op < IO_OP_MAX; op++) {
			last->requests[op] += row->requests[op];
			last->bytes[op] += row->bytes[op];
		}
		last->queue_ns += row->queue_ns;
		last->device_ns += row->device_ns;
		last->errors += row->errors;
		err = hist_merge(&last->time, &row->time) ?: err;
		hist_clear(&row->time);
	}
	v->ndisks = n;
	return err;
}

static int disks_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	const struct agg_disk *other = &a->io.other_disk;
	int err = 0;

	v->disks = calloc(HASH_COUNT(a->io.disks) + 1, sizeof(*v->disks));
	if (!v->disks)
		return -ENOMEM;
	for (const struct agg_disk *d = a->io.disks; d; d = d->hh.next)
		err = disk_row(v, d, owners) ?: err;
	if (other->time.count || other->bytes[IO_READ] || other->bytes[IO_WRITE])
		err = disk_row(v, other, owners) ?: err;
	return disks_join(v) ?: err;
}

static void memory_row(struct agg_view *v, const struct agg_memory *m, const struct intern *owners)
{
	v->memories[v->nmemories++] = (struct agg_memory_row){
		.tenant = name_of(owners, m->place.tenant),
		.container = name_of(owners, m->place.container),
		.node_ns = m->direct_ns,
		.node_stalls = m->directs,
		.limit_ns = m->limit_ns,
		.limit_stalls = m->limits,
		.oom_kills = m->oom_kills,
		.pages = m->pages,
	};
}

static int memories_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	const struct agg_memory *other = &a->io.other_memory;
	size_t n = 0;

	v->memories = calloc(HASH_COUNT(a->io.memories) + 1, sizeof(*v->memories));
	if (!v->memories)
		return -ENOMEM;
	for (const struct agg_memory *m = a->io.memories; m; m = m->hh.next)
		memory_row(v, m, owners);
	if (other->directs || other->limits || other->oom_kills)
		memory_row(v, other, owners);
	qsort(v->memories, v->nmemories, sizeof(*v->memories), memory_cmp);
	for (size_t i = 0; i < v->nmemories; i++) {
		struct agg_memory_row *row = &v->memories[i],
				      *last = n ? &v->memories[n - 1] : NULL;

		if (!last || memory_cmp(last, row)) {
			v->memories[n++] = *row;
			continue;
		}
		last->node_ns += row->node_ns;
		last->node_stalls += row->node_stalls;
		last->limit_ns += row->limit_ns;
		last->limit_stalls += row->limit_stalls;
		last->oom_kills += row->oom_kills;
		last->pages += row->pages;
	}
	v->nmemories = n;
	return 0;
}

int agg_io_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	int err = disks_read(v, a, owners);

	return err ?: memories_read(v, a, owners);
}

void agg_io_view_free(struct agg_view *v)
{
	for (size_t i = 0; i < v->ndisks; i++)
		hist_clear(&v->disks[i].time);
	free(v->disks);
	free(v->memories);
}
