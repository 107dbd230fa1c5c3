/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Threads by pid, in a table without locks: an entry is where its pid says, and the last one to leave a CPU
 * has it. A thread that serves a connection is registered: it keeps its entry until it exits or is
 * unregistered, its time is billed to whom it works for, and what happens to it off the CPU is added
 * up in parts[]. Times here are the scheduler's clock, which differs from CLOCK_MONOTONIC: compare
 * them with each other only. Knows nothing of lanes and records.
 */
#ifndef TALLYMAN_THREAD_H
#define TALLYMAN_THREAD_H

#include "bpf/identity.h"
#include "bpf/owner.h"

#define THREADS_DEFAULT 16384
#define THREAD_SHARED 1 /* thread.conn: it serves several connections at once */

/* Entries of `threads` less one; their number is a power of two. */
const volatile __u32 cfg_thread_mask __weak = THREADS_DEFAULT - 1;

struct thread {
	__u32 pid;	  /* 0: free */
	__u32 number;	  /* registered: of its owner */
	__u64 run_delay;  /* the kernel's sum of its waits when it left the CPU last */
	__u64 waited_ns;  /* of the wait that it is in: on CPUs that it was moved away from */
	__u64 conn;	  /* that it serves; 0: not registered */
	__u64 off_ns;	  /* when it left the CPU; 0: not since it was registered */
	__u32 sleep;	  /* enum part of its sleep; 0: it left the CPU while it could run */
	__u32 added;	  /* times that something was added to parts[] */
	__u64 cgroup;	  /* number is that of {cgroup, payer} */
	__u32 off_cpu_ns; /* of all its parts; wraps */
	__u32 pad4;

	__u64 payer;
	__u64 pg_wait_addr; /* of PostgreSQL's wait_event_info; 0: not a backend, or not known */
	__u32 sleep_event;  /* what was there when it left the CPU */
	__u32 pad3;
	__u32 pg_event; /* of its longest sleep */
	__u32 culprit; /* owner's number, by majority vote: right whenever one has more than half */
	__u64 longest_ns;
	__u64 culprit_ns; /* charged to it while it was the candidate */
	__u64 culprit_votes_ns;
	__u64 parts[PART_WIRE_MAX]; /* as in rec_parts; they only grow */
	__u32 conn_slot;	    /* the sock probe's: of conn */
	__u32 place_tries;	    /* to find pg_wait_addr */
	__u64 lock_ns;		    /* CLOCK_MONOTONIC: when it went to sleep for a lock */
	__u64 wake_ns;		    /* of parts[], the wait for the CPU that ended its last sleep */
	__u32 serving;		    /* a request is being served */
	__u32 pad;
	__u64 wake_parts[WAIT_CAUSE_MAX]; /* the same by cause */
	__u64 pad2[2];
};
_Static_assert(sizeof(struct thread) == 320, "lines of their own");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, THREADS_DEFAULT);
	__type(key, __u32);
	__type(value, struct thread);
} threads SEC(".maps") __weak;

/* The entry where the pid belongs, whoever has it. */
static __always_inline struct thread *thread_entry(__u32 pid)
{
	__u32 key = pid & cfg_thread_mask;

	return bpf_map_lookup_elem(&threads, &key);
}

static __always_inline bool thread_is(const struct thread *t, const struct task_struct *task)
{
	return t->pid == (__u32)task->pid;
}

/* NULL: not registered. */
static __always_inline struct thread *thread_of(struct task_struct *task)
{
	struct thread *t = thread_entry(task->pid);

	return t && t->conn && thread_is(t, task) ? t : NULL;
}

/* Whose work the task does, by its own cgroup: 0 is its own. */
static __always_inline __u64 thread_payer(struct task_struct *task, __u64 cgroup)
{
	struct thread *t = thread_of(task);

	return t && t->payer != cgroup ? t->payer : 0;
}

static __always_inline void thread_unregister(struct task_struct *task)
{
	struct thread *t = thread_of(task);

	if (!t)
		return;
	t->conn = 0;
	barrier();
	owner_threads_add(t->number, -1);
}

/* The thread's owner: looked up again when it moved to another cgroup. */
__weak __noinline int thread_bill(struct thread *t, __u64 cgroup, __u64 payer)
{
	__u32 number;

	if (!t)
		return 0;
	number = owner_number(cgroup, payer == cgroup ? 0 : payer);
	owner_threads_add(number, 1);
	if (t->conn)
		owner_threads_add(t->number, -1);
	t->number = number;
	t->cgroup = cgroup;
	t->payer = payer;
	return 0;
}

/* What is waited for from now on is a new request's. */
static __always_inline void thread_culprit_reset(struct thread *t)
{
	t->pg_event = 0;
	t->longest_ns = 0;
	t->culprit = 0;
	t->culprit_ns = 0;
	t->culprit_votes_ns = 0;
}

/*
 * The thread works on connection `conn` (not 0) for the container `payer` (0, or its own: for itself).
 * It may be registered already. NULL: another thread has its entry; nothing is known of this one.
 * Rare: it looks things up in hashes.
 */
static __always_inline struct thread *thread_register(struct task_struct *task, __u64 conn,
						      __u64 payer)
{
	struct thread *t = thread_entry(task->pid);
	__u64 cgroup = cgroup_of(task);

	if (!t || (t->conn && !thread_is(t, task)))
		return NULL;
	if (!t->conn || t->cgroup != cgroup || t->payer != payer)
		thread_bill(t, cgroup, payer);
	if (t->conn != conn) {
		t->pid = task->pid;
		t->run_delay = task->sched_info.run_delay;
		t->waited_ns = 0;
		t->off_ns = 0;
		t->pg_wait_addr = 0;
		t->place_tries = 0;
		t->added++;
		thread_culprit_reset(t);
		__builtin_memset(t->parts, 0, sizeof(t->parts));
		barrier();
		t->conn = conn;
	}
	return t;
}

static __always_inline void thread_part_add(struct thread *t, __u32 part, __u64 ns)
{
	if (part >= PART_WIRE_MAX)
		return;
	t->parts[part] += ns;
	t->off_cpu_ns += ns;
	t->added++;
}

/* It is on the CPU, which handles packets for a while; runs in an interrupt of the thread. */
static __always_inline void thread_softirq_add(struct thread *t, __u64 ns)
{
	t->parts[PART_CPU] += ns;
	t->added++;
}

static __always_inline void thread_vote(struct thread *t, __u32 occupant, __u64 ns)
{
	if (t->culprit == occupant) {
		t->culprit_ns += ns;
		t->culprit_votes_ns += ns;
	} else if (t->culprit_votes_ns >= ns) {
		t->culprit_votes_ns -= ns;
	} else {
		t->culprit = occupant;
		t->culprit_ns = ns;
		t->culprit_votes_ns = ns - t->culprit_votes_ns;
	}
}

/* A piece of a wait for the CPU. */
static __always_inline void thread_run_add(struct thread *t, __u32 occupant, __u64 ns)
{
	enum wait_cause cause = owner_cause(t->number, occupant);

	thread_part_add(t, PART_RUN_NEIGHBOUR + cause, ns);
	t->wake_ns += ns;
	t->wake_parts[cause] += ns;
	if (cause == WAIT_NEIGHBOUR)
		thread_vote(t, occupant, ns);
}

static __always_inline void thread_sleep_add(struct thread *t, __u32 part, __u64 ns)
{
	thread_part_add(t, part, ns);
	if (ns > t->longest_ns) {
		t->longest_ns = ns;
		t->pg_event = t->sleep_event;
	}
}

/* It wakes up: what follows is how long it waits for a CPU. */
static __always_inline void thread_woke(struct thread *t)
{
	if (!t->serving)
		thread_culprit_reset(t);
	t->wake_ns = 0;
	__builtin_memset(t->wake_parts, 0, sizeof(t->wake_parts));
}

#endif
