/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the scheduler hooks count for one owner on one CPU. User space maps the array and takes
 * differences; the kernel only ever adds. Entry [cpu * cfg_sched_slots + the owner's number].
 */
#ifndef TALLYMAN_SCHED_STATS_H
#define TALLYMAN_SCHED_STATS_H

#include "bpf/cell.h"

struct sched_stats {
	__u64 on_cpu_ns;
	__u64 switches;
	__u64 preemptions;
	__u64 run_queue_ns;
	struct cell rest; /* of its waits, what found no cell */
	__u32 buckets[SCHED_BUCKETS];
};

#endif
