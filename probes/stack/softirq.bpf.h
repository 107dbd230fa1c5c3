/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Softirqs that take a CPU from whoever has it: they interrupt a task, or run in ksoftirqd or on an idle CPU.
 * In: where they begin and end, and the packets in between. Out: cells of who had the CPU and whose
 * packets took it, and the same in the CPU's line, for those who wait for it. A softirq that a task runs itself,
 * as it does for what it sends over loopback or veth, is that task's own CPU time: it is left with a few loads.
 * The others are counted; only while there are many are the hooks attached that time them.
 */
#ifndef TALLYMAN_STACK_SOFTIRQ_BPF_H
#define TALLYMAN_STACK_SOFTIRQ_BPF_H

#include "probes/stack/whose.bpf.h"

enum { NET_TX_SOFTIRQ = 2, NET_RX_SOFTIRQ = 3 };

#define PREEMPT_MASK 0xff

__u32 kernel_word(__u64 at); /* bpf/kernel_word.h */

/*
 * Where this CPU's preempt_count is, from its run queue on: both are per-CPU variables, and their places are in
 * the kernel's BTF. 0: not known.
 */
const volatile __s64 cfg_preempt_count_at;

/*
 * The least that was seen of it: what the tracepoint itself adds, which differs from kernel to kernel. A
 * tick in user space shows it, so it is right within milliseconds.
 */
__u32 preempt_floor = PREEMPT_MASK;

/* Set by user space: softirqs are counted now, which is a part of the time, or all of it while they are timed. */
__u32 stack_looking;

/* Set by user space while the hooks are attached: another number each time; 0: they are not. */
__u32 stack_epoch;

/*
 * What an interrupt takes from a task before the first hook and behind the last one, by a measurement that user
 * space made. In a virtual machine most of it is the hypervisor's, so that no clock in here shows it.
 */
__u32 stack_interrupt_ns;

/* Where it is on this CPU. */
static __always_inline __u64 preempt_count_at(struct stack_cpu *s)
{
	if (!s->preempt_count_at && cfg_preempt_count_at)
		s->preempt_count_at =
			(__u64)rq_of(bpf_get_current_task_btf()) + cfg_preempt_count_at;
	return *(volatile __u64 *)&s->preempt_count_at; /* read back: a number, no pointer */
}

/*
 * local_bh_enable() runs softirqs with preemption disabled once more than the task had it. An interrupt
 * of what may be preempted has none of it; one of what may not is taken for the task's own.
 */
static __always_inline bool is_preemptible(struct stack_cpu *s)
{
	__u64 at = preempt_count_at(s);
	__u32 count;

	if (!at)
		return false;
	count = kernel_word(at);
	count &= PREEMPT_MASK;
	if (count < preempt_floor)
		preempt_floor = count;
	return count == preempt_floor;
}

/* Of who has the CPU: nobody, or a thread of the kernel, as ksoftirqd. */
static __always_inline bool is_nobodys(__u32 cpu)
{
	struct sched_cpu *c = bpf_map_lookup_elem(&sched_cpus, &cpu);

	return c && (c->number == OWNER_IDLE || c->number == OWNER_KERNEL);
}

/* In a softirq that is looked at. What was left of an earlier time of looking is not. */
static __always_inline bool is_looked_at(const struct stack_cpu *s)
{
	return s && s->since_ns && s->epoch == stack_epoch;
}

/* Of the request that the interrupted thread serves, if it serves any. */
static __always_inline void softirq_part(__u64 ns)
{
	struct thread *t = thread_of(bpf_get_current_task_btf());

	if (t)
		thread_softirq_add(t, ns);
}

/* The piece of the softirq that ends now. */
static __noinline int softirq_piece(struct stack_cpu *s, __u32 cpu, __u64 now_ns)
{
	struct sched_cpu *c = bpf_map_lookup_elem(&sched_cpus, &cpu);
	struct cells *cells = bpf_map_lookup_elem(&stack_cells, &cpu);
	struct charge ch = { .line = cpu };
	__u64 ns, lost;

	if (!s || !c || !cells || now_ns <= s->since_ns)
		return 0;
	ns = now_ns - s->since_ns;
	lost = s->rest.ns;
	ch.waiter = c->number;
	ch.turn_ns = s->entry_ns;
	cell_add(cells, &s->rest, &ch, s->owner, ns);
	s->lost |= lost != s->rest.ns;
	line_thief_add(&c->line, s->owner, ns);
	if (c->number >= OWNER_FIRST)
		softirq_part(ns);
	if (c->number != OWNER_KERNEL) /* what a thread does is no interrupt */
		c->stack_ns += ns;
	s->since_ns = now_ns;
	return 0;
}

/* The interrupt that this softirq is of, unless it is that of the one before: it then had no room in between. */
static __always_inline __u64 interrupt_ns(const struct stack_cpu *s, __u64 now_ns)
{
	__u64 room_ns = now_ns - s->left_ns;

	return room_ns < stack_interrupt_ns ? room_ns : stack_interrupt_ns;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(stack_enter, unsigned int vec)
{
	struct stack_cpu *s;
	bool nobodys;
	__u64 now_ns;
	__u32 cpu;

	if (!stack_looking)
		return 0;
	cpu = bpf_get_smp_processor_id();
	s = bpf_map_lookup_elem(&stack_cpus, &cpu);
	nobodys = is_nobodys(cpu);
	if (!s || (!is_preemptible(s) && !nobodys))
		return 0;
	if (vec != NET_RX_SOFTIRQ && vec != NET_TX_SOFTIRQ)
		return 0;
	s->softirqs++;
	if (!stack_epoch)
		return 0;
	now_ns = bpf_ktime_get_ns();
	s->epoch = stack_epoch;
	s->owner = OWNER_KERNEL;
	s->key = 0;
	s->lost = 0;
	s->entry_ns = s->since_ns = nobodys ? now_ns : now_ns - interrupt_ns(s, now_ns);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(stack_exit, unsigned int vec)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct stack_cpu *s = bpf_map_lookup_elem(&stack_cpus, &cpu);
	struct lane *l;

	if (!is_looked_at(s))
		return 0;
	s->left_ns = bpf_ktime_get_ns();
	softirq_piece(s, cpu, s->left_ns);
	s->since_ns = 0;
	l = lane_get();
	if (l && s->lost)
		count_lost(l, PROBE_STACK, LOST_TABLE_FULL, 1);
	else if (l)
		count_coarse(l);
	return 0;
}

/* From here on the time is this packet's owner's; the first one's is also what came before it. */
static __always_inline void softirq_packet(struct sk_buff *skb)
{
	__u32 cpu = bpf_get_smp_processor_id(), owner;
	struct stack_cpu *s = bpf_map_lookup_elem(&stack_cpus, &cpu);
	bool first;
	__u64 key;

	if (!is_looked_at(s))
		return;
	key = skb->sk ? (__u64)skb->sk : (__u64)skb->dev;
	if (key == s->key)
		return;
	first = !s->key;
	s->key = key;
	owner = stack_owner(s, skb);
	if (owner == s->owner)
		return;
	if (!first)
		softirq_piece(s, cpu, bpf_ktime_get_ns());
	s->owner = owner;
}

/* A packet, by whatever way it came to this CPU. */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(stack_packet, struct sk_buff *skb)
{
	softirq_packet(skb);
	return 0;
}

#endif
