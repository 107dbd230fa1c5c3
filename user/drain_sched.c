/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling and its ledger from mapped memory. Cells hold numbers of owners; here they get their names
 * and the cause of the wait. A number is used again only when its container is gone, no thread works
 * for it, and two drains later: by then no line's ring has it within a wait.
 */
#include "user/drain_sched.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "probes/sched/sched_stats.h"

#define GONE_DRAINS 2

/* An owner, and the sums over CPUs that were handed on last. */
struct seen_owner {
	struct rec_owner key;
	uint32_t number;
	int gone; /* drains since it was; 0: it is there */
	struct sched_stats last;
	UT_hash_handle hh;
};

struct pair {
	uint32_t waiter;
	uint32_t occupant;
	uint32_t resource; /* RESOURCE_CPU or RESOURCE_SOFTIRQ */
};

/* A pair of owners: what its cells got since the last drain, on all CPUs. */
struct seen_pair {
	struct pair key;
	uint64_t ns;
	uint64_t waits;
	UT_hash_handle hh;
};

/* What a cell held at the last drain. */
struct seen_cell {
	uint64_t ns;
	uint64_t waits;
};

struct drain_sched {
	struct drain_sched_config cfg;
	int cpus;
	struct seen_owner *owners;
	struct seen_owner **by_number;
	struct seen_pair *pairs;
	struct seen_cell *cells;   /* [cpu * CELLS + cell] */
	struct seen_cell *stolen;  /* the same */
	struct seen_cell *packets; /* [owner's number]: what its packets took since the last drain */
	uint64_t now_ns;
};

struct drain_sched *drain_sched_new(const struct drain_sched_config *cfg, int cpus)
{
	struct drain_sched *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->cfg = *cfg;
	d->cpus = cpus;
	d->by_number = calloc(cfg->owners, sizeof(struct seen_owner *));
	d->cells = calloc((size_t)cpus * CELLS, sizeof(*d->cells));
	d->stolen = calloc((size_t)cpus * CELLS, sizeof(*d->stolen));
	d->packets = calloc(cfg->owners, sizeof(*d->packets));
	if (d->by_number && d->cells && d->stolen && d->packets)
		return d;
	drain_sched_free(d);
	return NULL;
}

void drain_sched_free(struct drain_sched *d)
{
	struct seen_owner *owner, *onext;
	struct seen_pair *pair, *pnext;

	if (!d)
		return;
	HASH_ITER(hh, d->owners, owner, onext) {
		HASH_DEL(d->owners, owner);
		free(owner);
	}
	HASH_ITER(hh, d->pairs, pair, pnext) {
		HASH_DEL(d->pairs, pair);
		free(pair);
	}
	free(d->by_number);
	free(d->cells);
	free(d->stolen);
	free(d->packets);
	free(d);
}

static struct sched_stats *stats_of(const struct drain_sched *d, int cpu, uint32_t number)
{
	return &d->cfg.stats[(size_t)cpu * d->cfg.owners + number];
}

static void sched_sum(const struct drain_sched *d, uint32_t number, struct sched_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; cpu < d->cpus; cpu++) {
		const struct sched_stats *st = stats_of(d, cpu, number);

		if (!st->switches && !st->on_cpu_ns && !st->rest.waits)
			continue;
		sum->on_cpu_ns += st->on_cpu_ns;
		sum->switches += st->switches;
		sum->preemptions += st->preemptions;
		sum->run_queue_ns += st->run_queue_ns;
		sum->rest.ns += st->rest.ns;
		sum->rest.waits += st->rest.waits;
		for (int i = 0; i < SCHED_BUCKETS; i++)
			sum->buckets[i] += st->buckets[i];
	}
}

static uint64_t account(const struct rec_owner *o)
{
	return o->payer ? o->payer : o->cgroup;
}

/* `occupant` is NULL for a code. */
static void wait_emit(const struct drain_sched *d, const struct rec_owner *waiter,
		      const struct pair *key, const struct rec_owner *occupant,
		      const struct seen_cell *sum, record_fn fn, void *ctx)
{
	struct rec_wait r = {
		.hdr = { .kind = REC_WAIT, .len = sizeof(r), .time_ns = d->now_ns },
		.waiter = *waiter,
		.wait_ns = sum->ns,
		.waits = sum->waits,
		.resource = key->resource,
		.cause = key->occupant < OWNER_FIRST ? WAIT_UNKNOWN - key->occupant
						     : WAIT_NEIGHBOUR,
	};

	if (occupant) {
		r.occupant = *occupant;
		if (account(occupant) == account(waiter))
			r.cause = WAIT_SELF;
	}
	fn(ctx, &r, sizeof(r));
}

static void sched_emit(struct drain_sched *d, struct seen_owner *seen, record_fn fn, void *ctx)
{
	struct rec_sched r = { .hdr = { .kind = REC_SCHED, .len = sizeof(r), .time_ns = d->now_ns },
			       .cgroup = seen->key.cgroup,
			       .payer = seen->key.payer };
	struct sched_stats sum;
	struct seen_cell rest;

	sched_sum(d, seen->number, &sum);
	r.on_cpu_ns = sum.on_cpu_ns - seen->last.on_cpu_ns;
	r.switches = sum.switches - seen->last.switches;
	r.preemptions = sum.preemptions - seen->last.preemptions;
	r.run_queue_ns = sum.run_queue_ns - seen->last.run_queue_ns;
	for (int i = 0; i < SCHED_BUCKETS; i++)
		r.buckets[i] = sum.buckets[i] - seen->last.buckets[i];
	rest = (struct seen_cell){ sum.rest.ns - seen->last.rest.ns,
				   sum.rest.waits - seen->last.rest.waits };
	seen->last = sum;
	if (r.on_cpu_ns || r.switches || r.preemptions)
		fn(ctx, &r, sizeof(r));
	if (rest.ns)
		wait_emit(d, &seen->key, &(struct pair){ 0, OWNER_UNKNOWN, RESOURCE_CPU }, NULL,
			  &rest, fn, ctx);
}

static int owner_see(struct drain_sched *d, const struct rec_owner *key, uint32_t number)
{
	struct seen_owner *seen;

	HASH_FIND(hh, d->owners, key, sizeof(*key), seen);
	if (seen)
		return 0;
	seen = calloc(1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	seen->key = *key;
	seen->number = number;
	d->by_number[number] = seen;
	HASH_ADD(hh, d->owners, key, sizeof(seen->key), seen);
	return 0;
}

static int owners_look(struct drain_sched *d)
{
	struct rec_owner key, *prev = NULL;
	uint32_t number;
	int err = 0;

	while (!err && !bpf_map_get_next_key(d->cfg.numbers_fd, prev, &key)) {
		prev = &key;
		if (!bpf_map_lookup_elem(d->cfg.numbers_fd, &key, &number) &&
		    number < d->cfg.owners)
			err = owner_see(d, &key, number);
	}
	return err;
}

static struct seen_owner *owner_of(const struct drain_sched *d, uint32_t number)
{
	return number < d->cfg.owners ? d->by_number[number] : NULL;
}

/* A code, or a number that owners_look() has seen. */
static bool is_known(const struct drain_sched *d, uint32_t number)
{
	return number < OWNER_FIRST || owner_of(d, number);
}

/* Numbers that were given after owners_look() wait for the next drain: nothing is taken from them. */
static int cell_take(struct drain_sched *d, const struct cell *cell, struct seen_cell *last,
		     enum wait_resource resource)
{
	struct pair key = { cell->waiter & ~CELL_USED, cell->occupant, resource };
	struct seen_cell now = { cell->ns, cell->waits };
	struct seen_pair *pair;

	if (!cell->waiter || now.ns == last->ns || !is_known(d, key.waiter) ||
	    !is_known(d, key.occupant))
		return 0;
	HASH_FIND(hh, d->pairs, &key, sizeof(key), pair);
	if (!pair) {
		pair = calloc(1, sizeof(*pair));
		if (!pair)
			return -ENOMEM;
		pair->key = key;
		HASH_ADD(hh, d->pairs, key, sizeof(pair->key), pair);
	}
	pair->ns += now.ns - last->ns;
	pair->waits += now.waits - last->waits;
	*last = now;
	return 0;
}

/* Whatever is no container's is the kernel's. */
static void packets_add(struct drain_sched *d, const struct seen_pair *pair)
{
	struct seen_cell *sum =
		&d->packets[pair->key.occupant < OWNER_FIRST ? OWNER_KERNEL : pair->key.occupant];

	sum->ns += pair->ns;
	sum->waits += pair->waits;
}

static void packets_emit(struct drain_sched *d, record_fn fn, void *ctx)
{
	for (uint32_t number = 0; number < d->cfg.owners; number++) {
		struct seen_owner *of = owner_of(d, number);
		struct seen_cell *sum = &d->packets[number];
		struct rec_softirq r = {
			.hdr = { .kind = REC_SOFTIRQ, .len = sizeof(r), .time_ns = d->now_ns },
			.cgroup = of ? of->key.cgroup : 0,
			.softirq_ns = sum->ns,
			.softirqs = sum->waits,
		};

		if (sum->ns)
			fn(ctx, &r, sizeof(r));
		*sum = (struct seen_cell){ 0 };
	}
}

static int pairs_emit(struct drain_sched *d, record_fn fn, void *ctx)
{
	struct seen_pair *pair, *next;
	int err = 0;

	for (int cpu = 0; cpu < d->cpus; cpu++)
		for (int i = 0; i < CELLS; i++) {
			size_t at = (size_t)cpu * CELLS + i;

			err = err
				      ?: cell_take(d, &d->cfg.cells[cpu].cell[i], &d->cells[at],
						   RESOURCE_CPU);
			err = err
				      ?: cell_take(d, &d->cfg.stolen[cpu].cell[i], &d->stolen[at],
						   RESOURCE_SOFTIRQ);
		}
	HASH_ITER(hh, d->pairs, pair, next) {
		struct seen_owner *waiter = owner_of(d, pair->key.waiter);
		struct seen_owner *occupant = owner_of(d, pair->key.occupant);
		struct seen_cell sum = { pair->ns, pair->waits };

		if (pair->key.resource == RESOURCE_SOFTIRQ)
			packets_add(d, pair);
		/* What an idle CPU or a thread of the kernel did for packets was taken from nobody. */
		if (sum.ns && waiter)
			wait_emit(d, &waiter->key, &pair->key, occupant ? &occupant->key : NULL,
				  &sum, fn, ctx);
		HASH_DEL(d->pairs, pair);
		free(pair);
	}
	return err;
}

/* The key last: from then on the kernel may use the cell for others. */
static void cell_clear(struct cell *cell, struct seen_cell *last)
{
	*last = (struct seen_cell){ 0 };
	cell->ns = 0;
	cell->waits = 0;
	cell->turn_ns = 0;
	__atomic_store_n(&cell->waiter, 0, __ATOMIC_RELEASE);
}

static void cells_clear(struct cells *cells, struct seen_cell *last, int cpus, uint32_t number)
{
	for (int cpu = 0; cpu < cpus; cpu++)
		for (int i = 0; i < CELLS; i++) {
			struct cell *cell = &cells[cpu].cell[i];

			if (cell->waiter == (number | CELL_USED) ||
			    (cell->waiter && cell->occupant == number))
				cell_clear(cell, &last[(size_t)cpu * CELLS + i]);
		}
}

static void owner_release(struct drain_sched *d, struct seen_owner *seen)
{
	struct owner o;

	if (bpf_map_lookup_elem(d->cfg.owners_fd, &seen->number, &o) || o.threads)
		return;
	if (bpf_map_delete_elem(d->cfg.numbers_fd, &seen->key))
		return;
	cells_clear(d->cfg.cells, d->cells, d->cpus, seen->number);
	cells_clear(d->cfg.stolen, d->stolen, d->cpus, seen->number);
	for (int cpu = 0; cpu < d->cpus; cpu++)
		memset(stats_of(d, cpu, seen->number), 0, sizeof(struct sched_stats));
	bpf_map_update_elem(d->cfg.free_fd, NULL, &seen->number, 0);
	d->by_number[seen->number] = NULL;
	HASH_DEL(d->owners, seen);
	free(seen);
}

int drain_sched_run(struct drain_sched *d, uint64_t now_ns, record_fn fn, void *ctx)
{
	struct seen_owner *seen, *next;
	int err;

	d->now_ns = now_ns;
	err = owners_look(d);
	/* What each owner did, and only then who waited for whom: the reader splits the second by the first. */
	HASH_ITER(hh, d->owners, seen, next)
		sched_emit(d, seen, fn, ctx);
	err = err ?: pairs_emit(d, fn, ctx);
	packets_emit(d, fn, ctx);
	HASH_ITER(hh, d->owners, seen, next)
		if (seen->gone && seen->gone++ >= GONE_DRAINS)
			owner_release(d, seen);
	return err;
}

void drain_sched_count(const struct drain_sched *d, struct rec_counts *r)
{
	for (int cpu = 0; cpu < d->cpus; cpu++) {
		uint64_t seen = d->cfg.cells[cpu].seen, lost = d->cfg.cells[cpu].lost;

		r->seen += seen;
		r->coarse += seen - lost;
		r->lost[LOST_TABLE_FULL] += lost;
	}
}

void drain_sched_forget(struct drain_sched *d, uint64_t cgroup)
{
	struct seen_owner *seen, *next;

	HASH_ITER(hh, d->owners, seen, next)
		if ((seen->key.cgroup == cgroup || seen->key.payer == cgroup) && !seen->gone)
			seen->gone = 1;
}
