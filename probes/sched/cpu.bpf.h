/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the scheduler hooks keep for each CPU, written under that CPU's run-queue lock, and the scheduler's
 * own clock and numbers that they read in place of helper calls. probes/stack adds to the present
 * slice without that lock: on its own CPU, where a softirq does not interrupt them.
 */
#ifndef TALLYMAN_SCHED_CPU_BPF_H
#define TALLYMAN_SCHED_CPU_BPF_H

#define LEDGER_PIECE sched_piece
#include "bpf/ledger.h"
#include "probes/sched/sched_stats.h"

#define NUMBER_SETS 128 /* a power of two */
#define QUOTAS 256	/* a power of two */

const volatile __u32 cfg_sched_slots __weak = 1024;

/* A cgroup's number, kept near. Cgroup ids are not used again, so an entry never gets wrong. */
struct number_entry {
	__u64 cgroup;
	__u32 number;
	__u32 pad;
};

/* A group's run queue on this CPU that was throttled at some time: see quota.bpf.h. */
struct quota {
	__u64 cfs_rq;
	__u64 total_ns; /* throttled time that was seen */
	__u64 left_ns;	/* when a task of it lost the CPU last */
	__u64 from_ns;	/* the last time that it was throttled, as far as can be told */
	__u64 to_ns;
};

struct sched_cpu {
	__u64 since_ns; /* 0: nothing was seen of it yet */
	__u64 irq_ns;
	__u64 cfs_rq; /* of the wait that is being charged: a pointer is no function's argument */
	__u64 stack_ns; /* since the last switch, in softirqs that probes/stack has put into the line */
	__u32 number; /* of who runs */
	__u32 pad;
	struct line line;
	struct number_entry numbers[2 * NUMBER_SETS];
	struct quota quotas[QUOTAS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sched_cpu);
} sched_cpus SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cells);
} sched_cells SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sched_stats);
} sched_array SEC(".maps") __weak;

static __noinline __u32 number_miss(struct number_entry *set, __u64 cgroup)
{
	__u32 number = owner_number(cgroup, 0);

	if (number == OWNER_UNKNOWN)
		return number;
	set[1] = set[0];
	set[0].cgroup = cgroup;
	set[0].number = number;
	return number;
}

static __always_inline __u32 number_of(struct sched_cpu *c, __u64 cgroup)
{
	__u32 at = ((__u32)cgroup ^ (__u32)(cgroup >> 8)) & (NUMBER_SETS - 1);
	struct number_entry *set = &c->numbers[2 * at];

	if (set[0].cgroup == cgroup)
		return set[0].number;
	if (set[1].cgroup == cgroup)
		return set[1].number;
	return number_miss(set, cgroup);
}

static __always_inline struct sched_stats *stats_of(__u32 cpu, __u32 number)
{
	__u32 key = cpu * cfg_sched_slots + number;

	return number < cfg_sched_slots ? bpf_map_lookup_elem(&sched_array, &key) : NULL;
}

/*
 * The task's run queue, by way of its group's, which tasks of other classes have, too: not every kernel
 * lists `runqueues` among its symbols.
 */
static __always_inline const struct rq *rq_of(struct task_struct *task)
{
	return task->se.cfs_rq->rq;
}

/* Interrupts since the last switch: known only where the kernel itself counts them apart. */
static __always_inline void cpu_interrupts(struct sched_cpu *c, const struct rq *rq)
{
	__u64 irq_ns, new_ns;

	if (!bpf_core_field_exists(rq->prev_irq_time))
		return;
	irq_ns = rq->prev_irq_time;
	new_ns = c->irq_ns && irq_ns > c->irq_ns ? irq_ns - c->irq_ns : 0;
	if (new_ns > c->stack_ns)
		line_kernel_add(&c->line, new_ns - c->stack_ns);
	c->stack_ns = 0;
	c->irq_ns = irq_ns;
}

#endif
