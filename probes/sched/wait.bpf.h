/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A wait for a CPU, charged: in line while it is short and nobody but the present occupant was there, else
 * by a function of its own, which the verifier sees once whatever calls it.
 */
#ifndef TALLYMAN_SCHED_WAIT_BPF_H
#define TALLYMAN_SCHED_WAIT_BPF_H

#include "probes/sched/quota.bpf.h"

/* Shorter waits are not asked for their quota. */
#define QUOTA_MIN_NS 20000

/* A piece of the wait, to where both the ledger and the thread's request count it. */
__attribute__((noinline)) int sched_piece(struct charge *c, __u32 occupant, __u64 ns)
{
	struct sched_stats *st;
	struct cells *cells;
	struct thread *t;
	__u32 cpu;

	if (!c || !ns)
		return 0;
	cpu = c->line;
	st = stats_of(cpu, c->waiter);
	cells = bpf_map_lookup_elem(&sched_cells, &cpu);
	if (!st || !cells)
		return 0;
	cell_add(cells, &st->rest, c, occupant, ns);
	t = c->pid ? thread_entry(c->pid) : NULL;
	if (t)
		thread_run_add(t, occupant, ns);
	return 0;
}

/* Charges the wait to the quota as far as it was that, and the rest to occupants. */
__attribute__((noinline)) int sched_charge(struct charge *c, __u64 throttled)
{
	struct sched_cpu *cpu;
	__u32 key;

	if (!c)
		return 0;
	key = c->line;
	cpu = bpf_map_lookup_elem(&sched_cpus, &key);
	if (!cpu)
		return 0;
	if (throttled) {
		c->hole_from_ns = c->from_ns;
		c->hole_to_ns = c->to_ns;
		quota_find(cpu, cpu->cfs_rq, throttled, &c->hole_from_ns, &c->hole_to_ns);
		if (c->hole_from_ns < c->hole_to_ns)
			sched_piece(c, OWNER_QUOTA, c->hole_to_ns - c->hole_from_ns);
	}
	line_charge(&cpu->line, c);
	return 0;
}

static __always_inline void wait_charge_slow(struct charge *c, struct sched_cpu *cpu,
					     struct task_struct *task)
{
	cpu->cfs_rq = (__u64)task->se.cfs_rq;
	sched_charge(c, throttled_ns(task->se.cfs_rq, c->to_ns));
}

static __always_inline void wait_charge(struct charge *c, struct sched_cpu *cpu,
					struct task_struct *task)
{
	if (c->to_ns - c->from_ns < QUOTA_MIN_NS && line_is_present(&cpu->line, c))
		sched_piece(c, line_slice(&cpu->line, 0)->occupant, c->to_ns - c->from_ns);
	else
		wait_charge_slow(c, cpu, task);
}

#endif
