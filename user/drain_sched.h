/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scheduler hooks count, as records of differences. In: mapped arrays of counters and ledger cells,
 * and the maps of owners' numbers. Out: REC_SCHED, an owner each; REC_WAIT, a pair of owners each.
 */
#ifndef TALLYMAN_DRAIN_SCHED_H
#define TALLYMAN_DRAIN_SCHED_H

#include <stdint.h>

#include "bpf/wire.h"
#include "user/lanes.h"

struct cells;
struct sched_stats;

/* The arrays are written by the kernel; drain_sched writes only what the kernel does not use any more. */
struct drain_sched_config {
	int numbers_fd;		   /* struct rec_owner -> number */
	int owners_fd;		   /* number -> struct owner */
	int free_fd;		   /* numbers not in use */
	struct sched_stats *stats; /* [cpu * owners + number] */
	struct cells *cells;	   /* [cpu], of waits for a CPU */
	struct cells *stolen;	   /* [cpu], of CPU time that packets took: see probes/stack */
	uint32_t owners;
};

struct drain_sched;

struct drain_sched *drain_sched_new(const struct drain_sched_config *cfg, int cpus);
void drain_sched_free(struct drain_sched *d);

/* 0 or -ENOMEM. */
int drain_sched_run(struct drain_sched *d, uint64_t now_ns, record_fn fn, void *ctx);

/* Adds what the hooks saw, all CPUs together, since the start. */
void drain_sched_count(const struct drain_sched *d, struct rec_counts *r);

/* Owners with that cgroup, or that work for it, give up their numbers once no thread has them. */
void drain_sched_forget(struct drain_sched *d, uint64_t cgroup);

#endif
