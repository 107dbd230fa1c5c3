/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the hooks of the network stack share with user space. */
#ifndef TALLYMAN_STACK_STATS_H
#define TALLYMAN_STACK_STATS_H

#include "bpf/cell.h"

#define STACK_NUMBERS 16 /* a power of two */

struct stack_number {
	__u64 cgroup;
	__u32 number;
	__u32 pad;
};

/* Written on its own CPU only, where no softirq interrupts another. */
struct stack_cpu {
	__u64 since_ns; /* when the present piece began; 0: in no softirq that is looked at */
	__u64 entry_ns;
	__u64 left_ns; /* when the last one that was looked at ended */
	__u64 key;     /* of the latest packet: its socket, or its device; 0: none came yet */
	__u32 owner;
	__u32 lost;  /* a piece found no cell */
	__u32 epoch; /* since_ns is of this one */
	__u32 pad;
	__u64 softirqs;		/* all that took the CPU */
	__u64 preempt_count_at; /* address; 0: not known yet */
	struct stack_number numbers[STACK_NUMBERS];
	struct cell rest;
};

/* What the iterator over tasks tells: this one is in that network namespace. */
struct stack_task {
	__u64 cgroup;
	__u32 netns; /* inode number */
	__u32 pad;
};

/* Of one container, by cgroup; 0: not known. Words of 64 bits that only grow. */
struct stack_egress {
	__u64 packets;
	__u64 wait_ns;
	__u64 buckets[SCHED_BUCKETS];
};

/* Whose packets a namespace's are, found by user space: no entry if several containers share it. */
struct stack_netns {
	__u64 cgroup;
};

#endif
