/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which part of a wait was its own group's CPU quota. The kernel keeps, for each group and CPU, how long it
 * was throttled in all, its parents' quotas included. The first task to run after that sees the
 * sum grown; where it began is told by when a task of the group lost the CPU, so that the others of the
 * group, which run later, are told, too. Before Linux 6.6 the sum is in the clock of the load tracking,
 * which runs slower on a CPU that is slower than others.
 */
#ifndef TALLYMAN_SCHED_QUOTA_BPF_H
#define TALLYMAN_SCHED_QUOTA_BPF_H

#include "probes/sched/cpu.bpf.h"

static __always_inline __u64 throttled_ns(const struct cfs_rq *q, __u64 now_ns)
{
	__u64 since_ns;

	if (bpf_core_field_exists(q->throttled_clock_self_time)) {
		since_ns = q->throttled_clock_self;
		return q->throttled_clock_self_time +
		       (since_ns && since_ns < now_ns ? now_ns - since_ns : 0);
	}
	if (bpf_core_field_exists(q->throttled_clock_pelt_time))
		return q->throttled_clock_pelt_time;
	return 0;
}

static __always_inline struct quota *quota_entry(struct sched_cpu *c, __u64 cfs_rq)
{
	return &c->quotas[(cfs_rq >> 6 ^ cfs_rq >> 14) & (QUOTAS - 1)];
}

/* A task lost the CPU while it could run: that may be the throttling. */
static __always_inline void quota_left(struct sched_cpu *c, struct task_struct *task, __u64 now_ns)
{
	struct quota *q = quota_entry(c, (__u64)task->se.cfs_rq);

	if (q->cfs_rq == (__u64)task->se.cfs_rq)
		q->left_ns = now_ns;
}

/* A wait of the group's that ended now: from when to when it was the quota, in *from_ns and *to_ns. */
static __always_inline void quota_find(struct sched_cpu *c, __u64 cfs_rq, __u64 total_ns,
				       __u64 *from_ns, __u64 *to_ns)
{
	struct quota *q = quota_entry(c, cfs_rq);

	if (q->cfs_rq != cfs_rq || total_ns < q->total_ns) {
		/* An entry that another group had tells nothing about when this one was throttled. */
		q->total_ns = q->cfs_rq ? total_ns : 0;
		q->cfs_rq = cfs_rq;
		q->left_ns = q->from_ns = q->to_ns = 0;
	}
	if (total_ns > q->total_ns) {
		q->from_ns = q->left_ns > *from_ns ? q->left_ns : *from_ns;
		q->to_ns = q->from_ns + (total_ns - q->total_ns);
		q->total_ns = total_ns;
	}
	if (q->from_ns > *from_ns)
		*from_ns = q->from_ns;
	if (q->to_ns < *to_ns)
		*to_ns = q->to_ns;
}

#endif
