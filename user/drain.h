/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel only counts, read on a tick and handed on as records of differences. In: descriptors
 * of the maps. Out: REC_SCHED, REC_WAIT, REC_COARSE, REC_COUNTS, REC_PROGRAM. The kernel only ever adds; the last
 * values read are kept here, so nothing is lost to a race between reading and zeroing.
 */
#ifndef TALLYMAN_DRAIN_H
#define TALLYMAN_DRAIN_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "user/drain_sched.h"
#include "user/lanes.h"

struct drain_program {
	int fd;
	const char *name;
	enum probe_id probe;
};

struct drain_config {
	const struct lanes *lanes;
	int coarse_fd;
	struct drain_sched_config sched;
	int cpus;			      /* possible ones */
	const struct drain_program *programs; /* nprograms of them; must outlive the drain */
	int nprograms;
};

struct drain;

int drain_new(struct drain **out, const struct drain_config *cfg);
void drain_free(struct drain *d);

/* 0 or a negative errno of the first map that could not be read. */
int drain_run(struct drain *d, record_fn fn, void *ctx);

/* The cgroup is gone: after its last counts are drained, its owners' numbers go back to the kernel. */
/* Of all programs, as of the last run: their time while it was measured, and the events that they saw. */
void drain_programs_sum(const struct drain *d, uint64_t *run_ns, uint64_t *events);

void drain_forget(struct drain *d, uint64_t cgroup);

#endif
