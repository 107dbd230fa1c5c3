/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merges the per-CPU rings. The ends of all rings are read first, then only records up to the time
 * before that: so if a thread wrote one record, moved to another CPU and wrote a second, the first is
 * always seen with or before the second.
 */
#define _GNU_SOURCE
#include "user/lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/lib/clock.h"

#define NOTHING UINT64_MAX

/* One ring during a poll. */
struct reader {
	struct lane *lane;
	uint64_t tail;
	uint64_t head;
	uint64_t time_ns; /* of the record at tail; NOTHING: none to hand on in this poll */
};

struct lanes {
	char *base;
	size_t bytes;
	size_t stride;
	uint32_t ring_bytes;
	int cpus;
	struct reader readers[];
};

int lanes_new(struct lanes **out, int map_fd, int cpus, uint32_t ring_bytes)
{
	struct lanes *l = calloc(1, sizeof(*l) + cpus * sizeof(l->readers[0]));
	size_t page = sysconf(_SC_PAGESIZE);

	if (!l)
		return -ENOMEM;
	l->cpus = cpus;
	l->ring_bytes = ring_bytes;
	l->stride = (LANE_VALUE_SIZE(ring_bytes) + 7) & ~7UL;
	l->bytes = (l->stride * cpus + page - 1) / page * page;
	l->base = mmap(NULL, l->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (l->base == MAP_FAILED) {
		int err = -errno;

		free(l);
		return err;
	}
	for (int i = 0; i < cpus; i++)
		l->readers[i].lane = (struct lane *)(l->base + i * l->stride);
	*out = l;
	return 0;
}

void lanes_free(struct lanes *l)
{
	if (!l)
		return;
	munmap(l->base, l->bytes);
	free(l);
}

static const struct rec_hdr *reader_record(const struct lanes *l, const struct reader *r)
{
	const char *ring = r->lane->data + LANE_SLACK;

	return (const struct rec_hdr *)(ring + (r->tail & (l->ring_bytes - 1)));
}

static void reader_peek(const struct lanes *l, struct reader *r, uint64_t until_ns)
{
	r->time_ns = NOTHING;
	if (r->tail == r->head)
		return;
	r->time_ns = reader_record(l, r)->time_ns;
	if (r->time_ns > until_ns)
		r->time_ns = NOTHING;
}

/* The reader with the oldest record; *bound: up to when its next ones are the oldest, too. */
static struct reader *oldest(struct lanes *l, uint64_t *bound)
{
	struct reader *best = &l->readers[0];

	*bound = NOTHING;
	for (int i = 1; i < l->cpus; i++) {
		struct reader *r = &l->readers[i];

		if (r->time_ns < best->time_ns) {
			*bound = best->time_ns;
			best = r;
		} else if (r->time_ns < *bound) {
			*bound = r->time_ns;
		}
	}
	return best->time_ns == NOTHING ? NULL : best;
}

static int reader_run(struct lanes *l, struct reader *r, uint64_t bound, uint64_t until_ns,
		      record_fn fn, void *ctx)
{
	int n = 0;

	while (r->time_ns != NOTHING && r->time_ns <= bound) {
		const struct rec_hdr *rec = reader_record(l, r);

		fn(ctx, rec, rec->len);
		r->tail += (rec->len + 7) & ~7UL;
		n++;
		reader_peek(l, r, until_ns);
	}
	__atomic_store_n(&r->lane->tail, r->tail, __ATOMIC_RELEASE);
	return n;
}

int lanes_poll(struct lanes *l, record_fn fn, void *ctx)
{
	uint64_t until_ns = clock_mono_ns(), bound;
	struct reader *r;
	int n = 0;

	for (int i = 0; i < l->cpus; i++) {
		r = &l->readers[i];
		r->head = __atomic_load_n(&r->lane->head, __ATOMIC_ACQUIRE);
		reader_peek(l, r, until_ns);
	}
	while ((r = oldest(l, &bound)))
		n += reader_run(l, r, bound, until_ns, fn, ctx);
	return n;
}

unsigned int lanes_fill(const struct lanes *l)
{
	unsigned int most = 0;

	for (int i = 0; i < l->cpus; i++) {
		const struct lane *lane = l->readers[i].lane;
		unsigned int percent = (lane->head - lane->tail) * 100 / l->ring_bytes;

		most = percent > most ? percent : most;
	}
	return most;
}

struct probe_counts lanes_counts(const struct lanes *l, enum probe_id probe)
{
	struct probe_counts sum = { 0 };

	for (int i = 0; i < l->cpus; i++) {
		const struct probe_counts *c = &l->readers[i].lane->counts[probe];

		sum.seen += c->seen;
		sum.detailed += c->detailed;
		sum.coarse += c->coarse;
		for (int k = 0; k < LOST_CAUSE_MAX; k++)
			sum.lost[k] += c->lost[k];
	}
	return sum;
}

uint32_t lanes_ring_bytes(uint64_t budget_bytes, int cpus, uint32_t max_bytes)
{
	uint32_t bytes = LANE_MIN_BYTES;

	while (bytes < max_bytes && (uint64_t)bytes * 2 * cpus <= budget_bytes)
		bytes *= 2;
	return bytes;
}
