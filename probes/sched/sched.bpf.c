// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The scheduler hooks: how long tasks had a CPU, how long they waited for one, and whose work they waited
 * for. In: switches, and moves of waiting tasks. Out: counters, histograms and ledger cells in arrays that
 * user space maps, and the parts of registered threads' requests. The scheduler itself notes when a task
 * was queued (sched_info) and has read the clock already, so wake-ups are not traced and a switch
 * makes no call. On-CPU time includes interrupts and what a hypervisor stole.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/maps.h"
#include "bpf/thread.h"
#include "bpf/bucket.h"
#include "probes/sched/cpu.bpf.h"
#include "probes/sched/sleep.bpf.h"
#include "probes/sched/wait.bpf.h"

#define TASK_DEAD 0x80

/* The task that leaves the CPU: its time there, and what to know when it comes back. */
static __always_inline void switch_out(struct sched_cpu *c, struct sched_stats *st,
				       struct task_struct *prev, bool runnable, __u64 now_ns)
{
	struct thread *t = thread_entry(prev->pid);

	if (st && c->since_ns)
		st->on_cpu_ns += now_ns - c->since_ns;
	if (runnable) {
		if (st)
			st->preemptions++;
		quota_left(c, prev, now_ns);
	}
	if (!t)
		return;
	if (!t->conn) {
		t->pid = prev->pid;
		t->run_delay = prev->sched_info.run_delay;
		t->waited_ns = 0;
	} else if (thread_is(t, prev)) {
		if (prev->__state & TASK_DEAD)
			thread_unregister(prev);
		sleep_begin(t, prev, runnable, now_ns);
	}
}

static __always_inline __u32 task_number(struct sched_cpu *c, struct task_struct *task,
					 struct thread *registered)
{
	__u64 cgroup = cgroup_of(task);

	if (!registered)
		return number_of(c, cgroup);
	if (registered->cgroup != cgroup)
		thread_bill(registered, cgroup, registered->payer);
	return registered->number;
}

/*
 * Of the kernel's sum of the task's waits, what no hook saw: it was taken from a run queue and put back. On
 * which CPU is not known. The present wait is not in that sum yet.
 */
static __always_inline __u64 wait_unseen(struct charge *ch, struct task_struct *next,
					 struct thread *entry)
{
	__u64 ns = next->sched_info.run_delay - entry->run_delay;

	if ((__s64)ns <= 0)
		return 0;
	entry->run_delay += ns;
	sched_piece(ch, OWNER_UNKNOWN, ns);
	return ns;
}

/* The wait that ends now; nothing is counted where the kernel does not know since when it was queued. */
static __always_inline void wait_end(struct sched_cpu *c, struct sched_stats *st, struct charge *ch,
				     struct task_struct *next, struct thread *entry)
{
	__u64 queued_ns = next->sched_info.last_queued, now_ns = ch->turn_ns, wait_ns = 0;

	if (ch->pid && entry)
		queued_ns = sleep_end(entry, next, queued_ns, now_ns);
	if (entry && thread_is(entry, next)) {
		wait_ns = entry->waited_ns + wait_unseen(ch, next, entry);
		entry->waited_ns = 0;
	}
	if (!queued_ns && !wait_ns)
		return;
	if (queued_ns && queued_ns < now_ns) {
		wait_ns += now_ns - queued_ns;
		ch->from_ns = queued_ns;
		ch->to_ns = now_ns;
		wait_charge(ch, c, next);
	}
	st->run_queue_ns += wait_ns;
	st->buckets[bucket_index(wait_ns) & (SCHED_BUCKETS - 1)]++;
}

/* The task that gets the CPU: its owner's number. */
static __always_inline __u32 switch_in(struct sched_cpu *c, struct cells *cells, __u32 cpu,
				       struct task_struct *next, __u64 now_ns)
{
	struct charge ch = { .line = cpu, .turn_ns = now_ns };
	struct thread *entry;
	struct sched_stats *st;

	if (!next->pid)
		return OWNER_IDLE;
	if (next->flags & PF_KTHREAD)
		return OWNER_KERNEL;
	entry = thread_entry(next->pid);
	if (entry && entry->conn && thread_is(entry, next))
		ch.pid = next->pid;
	ch.waiter = task_number(c, next, ch.pid ? entry : NULL);
	cells->seen++;
	st = ch.waiter == OWNER_UNKNOWN ? NULL : stats_of(cpu, ch.waiter);
	if (!st) {
		cells->lost++;
		return OWNER_UNKNOWN;
	}
	st->switches++;
	wait_end(c, st, &ch, next, entry);
	return ch.waiter;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	const struct rq *rq = rq_of(prev);
	__u32 cpu = bpf_get_smp_processor_id();
	struct sched_cpu *c = bpf_map_lookup_elem(&sched_cpus, &cpu);
	struct cells *cells = bpf_map_lookup_elem(&sched_cells, &cpu);
	__u64 now_ns = rq->clock;

	if (!c || !cells)
		return 0;
	cpu_interrupts(c, rq);
	if (!(prev->flags & PF_KTHREAD))
		switch_out(c, stats_of(cpu, c->number), prev, preempt || !prev->__state, now_ns);
	c->number = switch_in(c, cells, cpu, next, now_ns);
	c->since_ns = now_ns;
	line_turn(&c->line, now_ns, c->number);
	return 0;
}

/* The part of its wait that the task leaves behind; its old CPU's run queue is locked. */
static __always_inline void moved(struct task_struct *task, struct thread *t, __u64 wait_ns)
{
	struct charge ch = { .line = task->thread_info.cpu };
	struct sched_cpu *c = bpf_map_lookup_elem(&sched_cpus, &ch.line);

	if (!c)
		return;
	ch.waiter = task_number(c, task, t->conn ? t : NULL);
	ch.pid = t->conn ? t->pid : 0;
	ch.turn_ns = rq_of(task)->clock;
	ch.to_ns = ch.turn_ns;
	ch.from_ns = ch.to_ns - wait_ns;
	wait_charge_slow(&ch, c, task);
	t->waited_ns += wait_ns;
}

/*
 * Only a task that is queued has waited since it left a CPU; a wake-up that is placed elsewhere has not.
 * A task that never ran has no entry, and had waited for nothing before.
 */
SEC("tp_btf/sched_migrate_task")
int BPF_PROG(sched_migrate, struct task_struct *task)
{
	__u64 run_delay = task->sched_info.run_delay;
	struct thread *t = thread_entry(task->pid);

	if (!t || (task->flags & PF_KTHREAD))
		return 0;
	if (!thread_is(t, task)) {
		if (t->conn || task->sched_info.pcount)
			return 0;
		t->pid = task->pid;
		t->run_delay = 0;
		t->waited_ns = 0;
	}
	if (run_delay > t->run_delay) {
		moved(task, t, run_delay - t->run_delay);
		t->run_delay = run_delay;
	}
	return 0;
}
