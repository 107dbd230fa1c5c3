/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences of the kernel's counters as records. Scheduling has a file of its own (drain_sched.c); the
 * rest is read by system calls, a few per tick.
 */
#include "user/drain.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "probes/sock/coarse_stats.h"
#include "user/drain_sched.h"
#include "user/lib/clock.h"

/* The sums over CPUs that were handed on last. */
struct seen_coarse {
	struct coarse_key key;
	struct coarse_value last;
	UT_hash_handle hh;
};

struct seen_program {
	uint64_t runs;
	uint64_t run_ns;
	uint64_t misses;
};

struct drain {
	struct drain_config cfg;
	struct drain_sched *sched;
	struct seen_coarse *coarse;
	struct rec_counts counts[PROBE_MAX]; /* absolute */
	struct seen_program *programs;
	void *percpu; /* room for one per-CPU value */
	uint64_t now_ns;
};

static struct rec_hdr hdr(const struct drain *d, enum rec_kind kind, size_t len)
{
	return (struct rec_hdr){ .kind = kind, .len = len, .time_ns = d->now_ns };
}

int drain_new(struct drain **out, const struct drain_config *cfg)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->cfg = *cfg;
	d->programs = calloc(cfg->nprograms + 1, sizeof(*d->programs));
	d->percpu = calloc(cfg->cpus, sizeof(struct coarse_value));
	d->sched = drain_sched_new(&cfg->sched, cfg->cpus);
	if (!d->programs || !d->percpu || !d->sched) {
		drain_free(d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void drain_free(struct drain *d)
{
	struct seen_coarse *c, *cnext;

	if (!d)
		return;
	drain_sched_free(d->sched);
	HASH_ITER(hh, d->coarse, c, cnext) {
		HASH_DEL(d->coarse, c);
		free(c);
	}
	free(d->programs);
	free(d->percpu);
	free(d);
}

static int coarse_emit(struct drain *d, const struct coarse_key *key, record_fn fn, void *ctx)
{
	const struct coarse_value *cpu = d->percpu;
	struct rec_coarse r = { .hdr = hdr(d, REC_COARSE, sizeof(r)),
				.cgroup = key->cgroup,
				.cause = key->cause,
				.role = key->role,
				.protocol = key->protocol };
	struct coarse_value sum = { 0 };
	struct seen_coarse *seen;

	if (bpf_map_lookup_elem(d->cfg.coarse_fd, key, d->percpu))
		return 0;
	for (int i = 0; i < d->cfg.cpus; i++) {
		sum.requests += cpu[i].requests;
		sum.service_ns += cpu[i].service_ns;
	}
	HASH_FIND(hh, d->coarse, key, sizeof(*key), seen);
	if (!seen) {
		seen = calloc(1, sizeof(*seen));
		if (!seen)
			return -ENOMEM;
		seen->key = *key;
		HASH_ADD(hh, d->coarse, key, sizeof(seen->key), seen);
	}
	r.requests = sum.requests - seen->last.requests;
	r.service_ns = sum.service_ns - seen->last.service_ns;
	seen->last = sum;
	if (r.requests)
		fn(ctx, &r, sizeof(r));
	return 0;
}

static int drain_coarse(struct drain *d, record_fn fn, void *ctx)
{
	struct coarse_key key, *prev = NULL;
	int err = 0;

	while (!err && !bpf_map_get_next_key(d->cfg.coarse_fd, prev, &key)) {
		prev = &key;
		err = coarse_emit(d, &key, fn, ctx);
	}
	return err;
}

static void counts_difference(struct rec_counts *r, struct rec_counts *last)
{
	struct rec_counts now = *r;

	r->seen -= last->seen;
	r->detailed -= last->detailed;
	r->coarse -= last->coarse;
	for (int i = 0; i < LOST_CAUSE_MAX; i++)
		r->lost[i] -= last->lost[i];
	*last = now;
}

static bool counts_any(const struct rec_counts *r)
{
	uint64_t any = r->seen | r->detailed | r->coarse;

	for (int i = 0; i < LOST_CAUSE_MAX; i++)
		any |= r->lost[i];
	return any;
}

/* Runs that the kernel skipped because the program was running already are events nobody saw. */
static uint64_t missed(const struct drain *d, enum probe_id probe)
{
	uint64_t n = 0;

	for (int i = 0; i < d->cfg.nprograms; i++)
		if (d->cfg.programs[i].probe == probe)
			n += d->programs[i].misses;
	return n;
}

static void drain_counts(struct drain *d, record_fn fn, void *ctx)
{
	for (uint32_t probe = 0; probe < PROBE_MAX; probe++) {
		struct rec_counts r = { .hdr = hdr(d, REC_COUNTS, sizeof(r)), .probe = probe };
		uint64_t skipped = missed(d, probe);

		struct probe_counts sum = lanes_counts(d->cfg.lanes, probe);

		r.seen = sum.seen + skipped;
		r.detailed = sum.detailed;
		r.coarse = sum.coarse;
		memcpy(r.lost, sum.lost, sizeof(r.lost));
		r.lost[LOST_RECURSION] += skipped;
		if (probe == PROBE_SCHED)
			drain_sched_count(d->sched, &r);
		counts_difference(&r, &d->counts[probe]);
		if (counts_any(&r))
			fn(ctx, &r, sizeof(r));
	}
}

static void drain_programs(struct drain *d, record_fn fn, void *ctx)
{
	for (int i = 0; i < d->cfg.nprograms; i++) {
		struct rec_program r = { .hdr = hdr(d, REC_PROGRAM, sizeof(r)) };
		struct seen_program *seen = &d->programs[i];
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(d->cfg.programs[i].fd, &info, &len))
			continue;
		strncpy(r.name, d->cfg.programs[i].name, sizeof(r.name) - 1);
		r.runs = info.run_cnt - seen->runs;
		r.run_ns = info.run_time_ns - seen->run_ns;
		*seen = (struct seen_program){ info.run_cnt, info.run_time_ns,
					       info.recursion_misses };
		if (r.runs)
			fn(ctx, &r, sizeof(r));
	}
}

void drain_programs_sum(const struct drain *d, uint64_t *run_ns, uint64_t *events)
{
	*run_ns = 0;
	*events = 0;
	for (int i = 0; i < d->cfg.nprograms; i++)
		*run_ns += d->programs[i].run_ns;
	for (int probe = 0; probe < PROBE_MAX; probe++)
		*events += d->counts[probe].seen;
}

int drain_run(struct drain *d, record_fn fn, void *ctx)
{
	int err;

	d->now_ns = clock_mono_ns();
	drain_programs(d, fn, ctx);
	err = drain_sched_run(d->sched, d->now_ns, fn, ctx);
	err = err ?: drain_coarse(d, fn, ctx);
	drain_counts(d, fn, ctx);
	return err;
}

void drain_forget(struct drain *d, uint64_t cgroup)
{
	drain_sched_forget(d->sched, cgroup);
}
