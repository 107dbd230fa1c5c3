/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that want a CPU, each in a cgroup, on one and the same CPU; what the kernel says of them and what was
 * charged to them over the same time.
 */
#ifndef TALLYMAN_LIVE_LOOPS_H
#define TALLYMAN_LIVE_LOOPS_H

#include <stdint.h>
#include <sys/types.h>

#include "user/session.h"

#define LOOP_PAIRS_MAX 512
#define LOOP_QUOTA_US 20000 /* of each 100 ms */

struct loop {
	char *cgroup;
	uint64_t id;
	pid_t pid;
	double now_on_cpu_ns, now_run_delay_ns; /* as of the latest look */
	double on_cpu_ns, run_delay_ns;		/* over the measurement */
};

/* All that was charged, as the session tells it. */
struct tally {
	struct session *session;
	struct rec_wait pairs[LOOP_PAIRS_MAX];
	int npairs;
};

/* Skips the running test without the version 1 cpu controller. */
void need_cpu_group(void);

/*
 * A group of that controller that has the CPU to itself, next to whatever else runs on this machine; with
 * a quota of so many us in each 100 ms, 0: none.
 */
const char *cpu_group(int quota_us);

void tally_start(struct tally *l);

/* From here on counts what was charged, until tally_read(). */
void tally_mark(struct tally *l);
void tally_read(struct tally *l);

/* `occupant` 0: any. `cause` WAIT_CAUSE_MAX: any. */
double charged(const struct tally *l, uint64_t waiter, enum wait_cause cause, uint64_t occupant);

void loop_start(struct loop *p, const char *name, int nice);

/* CPU time and run_delay of a process so far, as the kernel tells them. */
void schedstat(pid_t pid, double *on_cpu_ns, double *run_delay_ns);

/* Loops and ledger over the same time. Returns for how long `group` (NULL: none) was throttled in it. */
double measure(struct tally *l, struct loop *loops, int n, long ms, const char *group);

/* Ends the session and the loops. */
void tally_end(struct tally *l, struct loop *loops, int n);

#endif
