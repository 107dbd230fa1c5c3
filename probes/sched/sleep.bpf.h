/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What registered threads sleep for. In: a thread that leaves the CPU, and comes back. Out: the sleep as one
 * of its parts; the wait after it is the ledger's.
 */
#ifndef TALLYMAN_SCHED_SLEEP_BPF_H
#define TALLYMAN_SCHED_SLEEP_BPF_H

#include "bpf/emit.h"
#include "bpf/thread.h"
#include "probes/postgres/wait_event.bpf.h"

static __always_inline __u32 sleep_part(struct thread *t, struct task_struct *task)
{
	if (BPF_CORE_READ_BITFIELD(task, in_iowait))
		return PART_BLOCK;
	return pg_event_part(t->sleep_event);
}

/* The process as its server knows it: its number in its own namespace. */
static __always_inline __u32 server_pid(struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	struct upid own = {};

	bpf_probe_read_kernel(&own, sizeof(own), &pid->numbers[pid->level]);
	return own.nr;
}

/* A backend went to sleep for a heavyweight lock, or is back from it: user space asks who holds it. */
static __noinline int sleep_lock(struct thread *t, struct task_struct *task, __u32 change)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct lane *l = lane_take();
	struct rec_lock *r;

	if (!l || !t || !task)
		return 0;
	if (change == LOCK_WAIT)
		t->lock_ns = now_ns;
	r = lane_at(l);
	r->hdr = emit_hdr(REC_LOCK, sizeof(*r), now_ns);
	r->owner.cgroup = t->cgroup;
	r->owner.payer = t->payer;
	r->conn = t->conn;
	r->since_ns = t->lock_ns;
	r->pid = task->tgid;
	r->server_pid = server_pid(task);
	r->pg_event = t->sleep_event;
	r->change = change;
	if (!lane_commit(l, sizeof(*r)))
		count_lost(l, PROBE_SCHED, LOST_RING_FULL, 1);
	lane_give(l);
	return 0;
}

static __always_inline void sleep_begin(struct thread *t, struct task_struct *prev, bool runnable,
					__u64 now_ns)
{
	t->run_delay = prev->sched_info.run_delay;
	t->waited_ns = 0;
	t->off_ns = now_ns;
	t->sleep = 0;
	t->sleep_event = 0;
	if (runnable)
		return;
	if (t->pg_wait_addr)
		t->sleep_event = pg_wait_event(t->pg_wait_addr);
	t->sleep = sleep_part(t, prev);
	if (pg_event_is_lock(t->sleep_event))
		sleep_lock(t, prev, LOCK_WAIT);
}

/*
 * Adds the time that the thread neither ran nor waited for a CPU. Returns since when it waited: a task that
 * was preempted on its way to sleep is queued, though the kernel does not note it.
 */
static __always_inline __u64 sleep_end(struct thread *t, struct task_struct *task, __u64 queued_ns,
				       __u64 now_ns)
{
	__u64 slept_ns;

	if (pg_event_is_lock(t->sleep_event))
		sleep_lock(t, task, LOCK_GOT);
	if (!t->off_ns || t->off_ns > now_ns)
		return queued_ns;
	if (t->sleep)
		thread_woke(t);
	if (!t->sleep)
		return queued_ns ? queued_ns : t->off_ns + t->waited_ns;
	if (!queued_ns || queued_ns > now_ns)
		queued_ns = now_ns;
	slept_ns = queued_ns - t->off_ns;
	if (queued_ns < t->off_ns || slept_ns < t->waited_ns)
		return queued_ns;
	thread_sleep_add(t, t->sleep, slept_ns - t->waited_ns);
	if (t->sleep_event)
		pg_sleep_add(t->cgroup, t->payer, t->sleep_event, slept_ns - t->waited_ns,
			     now_ns - queued_ns + t->waited_ns);
	return queued_ns;
}

#endif
