/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of block I/O and memory stalls. In: drained records with their owner. Out: counters of
 * agg_io.h. What finds no room under the limit is added to one overflow series of each.
 */
#include "user/agg_io.h"

#include <errno.h>
#include <stdlib.h>

#include "user/agg_series.h"

void agg_io_init(struct agg_io *io)
{
	const struct agg_place other = { INTERN_OTHER, INTERN_OTHER, 0 };

	*io = (struct agg_io){ .other_disk.place = other, .other_memory.place = other };
	hist_init(&io->other_disk.time, SCHED_SCHEMA);
}

static void disk_free(struct agg *a, struct agg_disk *d)
{
	HASH_DEL(a->io.disks, d);
	a->nseries--;
	hist_clear(&d->time);
	free(d);
}

static void memory_free(struct agg *a, struct agg_memory *m)
{
	HASH_DEL(a->io.memories, m);
	a->nseries--;
	free(m);
}

void agg_io_clear(struct agg *a)
{
	struct agg_memory *m, *m_next;
	struct agg_disk *d, *d_next;

	HASH_ITER(hh, a->io.disks, d, d_next)
		disk_free(a, d);
	HASH_ITER(hh, a->io.memories, m, m_next)
		memory_free(a, m);
	hist_clear(&a->io.other_disk.time);
	agg_io_init(&a->io);
}

static struct agg_disk *disk_new(struct agg *a, const struct agg_place *place)
{
	struct agg_disk *d;

	if (a->nseries >= a->series_max)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (d) {
		d->place = *place;
		hist_init(&d->time, SCHED_SCHEMA);
		HASH_ADD(hh, a->io.disks, place, sizeof(d->place), d);
	}
	if (!d || !d->hh.tbl) {
		free(d);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return d;
}

static struct agg_memory *memory_new(struct agg *a, const struct agg_place *place)
{
	struct agg_memory *m;

	if (a->nseries >= a->series_max)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (m) {
		m->place = *place;
		HASH_ADD(hh, a->io.memories, place, sizeof(m->place), m);
	}
	if (!m || !m->hh.tbl) {
		free(m);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return m;
}

int agg_io(struct agg *a, struct owner owner, const struct rec_io *rec)
{
	const struct agg_place place = { owner.tenant, owner.container, rec->device };
	struct agg_disk *d;
	int err = 0;

	HASH_FIND(hh, a->io.disks, &place, sizeof(place), d);
	d = d ?: disk_new(a, &place) ?: &a->io.other_disk;
	for (int op = 0; op < IO_OP_MAX; op++) {
		d->requests[op] += rec->requests[op];
		d->bytes[op] += rec->bytes[op];
	}
	d->queue_ns += rec->queue_ns;
	d->device_ns += rec->device_ns;
	d->errors += rec->errors;
	d->time.sum_ns += (unsigned __int128)rec->queue_ns + rec->device_ns;
	for (int i = 0; i < SCHED_BUCKETS; i++)
		err = hist_add_bucket(&d->time, SCHED_OFFSET + i, rec->buckets[i]) ?: err;
	if (err)
		a->errors++;
	return err;
}

int agg_mem(struct agg *a, struct owner owner, const struct rec_memory *rec)
{
	const struct agg_place place = { owner.tenant, owner.container, 0 };
	struct agg_memory *m;

	HASH_FIND(hh, a->io.memories, &place, sizeof(place), m);
	m = m ?: memory_new(a, &place) ?: &a->io.other_memory;
	m->direct_ns += rec->direct_ns;
	m->directs += rec->directs;
	m->limit_ns += rec->limit_ns;
	m->limits += rec->limits;
	m->oom_kills += rec->oom_kills;
	m->pages += rec->pages;
	return 0;
}

uint64_t agg_io_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_disk *d = a->io.disks; d; d = d->hh.next)
		for (int op = 0; d->place.container == container && op < IO_OP_MAX; op++)
			sum += d->requests[op] + d->bytes[op];
	for (const struct agg_memory *m = a->io.memories; m; m = m->hh.next)
		if (m->place.container == container)
			sum += m->directs + m->limits + m->oom_kills;
	return sum;
}

void agg_io_drop(struct agg *a, uint32_t container)
{
	struct agg_memory *m, *m_next;
	struct agg_disk *d, *d_next;

	HASH_ITER(hh, a->io.disks, d, d_next)
		if (d->place.container == container)
			disk_free(a, d);
	HASH_ITER(hh, a->io.memories, m, m_next)
		if (m->place.container == container)
			memory_free(a, m);
}

size_t agg_io_memory(const struct agg *a)
{
	size_t bytes = HASH_COUNT(a->io.memories) * sizeof(struct agg_memory);

	for (const struct agg_disk *d = a->io.disks; d; d = d->hh.next)
		bytes += sizeof(*d) + agg_hist_memory(&d->time);
	return bytes + agg_hist_memory(&a->io.other_disk.time);
}
