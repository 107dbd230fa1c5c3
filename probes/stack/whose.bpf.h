/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose a packet is: of who made the socket that it was sent from, as long as it has that, which it has over
 * veth, not over loopback or after it was routed; else of the container that has the
 * network namespace which the packet is in. A namespace that several share, as the host's, is nobody's.
 */
#ifndef TALLYMAN_STACK_WHOSE_BPF_H
#define TALLYMAN_STACK_WHOSE_BPF_H

#define CSS_ONLINE 2
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stack_cpu);
} stack_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cells);
} stack_cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct stack_netns);
} stack_netns_of SEC(".maps");

/* A namespace without an entry was seen: user space looks again. */
__u32 stack_strangers;

static __always_inline void count_coarse(struct lane *l)
{
	l->counts[PROBE_STACK].seen++;
	l->counts[PROBE_STACK].coarse++;
}

/* As number_of() of the scheduler, whose memory is not ours to write. */
static __always_inline __u32 stack_number(struct stack_cpu *s, __u64 cgroup)
{
	struct stack_number *n =
		&s->numbers[((__u32)cgroup ^ (__u32)(cgroup >> 8)) & (STACK_NUMBERS - 1)];
	__u32 number;

	if (n->cgroup == cgroup)
		return n->number;
	number = owner_number(cgroup, 0);
	if (number != OWNER_UNKNOWN) {
		n->cgroup = cgroup;
		n->number = number;
	}
	return number;
}

/* 0: of several, or not known. */
static __always_inline __u64 netns_cgroup(const struct net *net)
{
	__u32 inum = net->ns.inum;
	struct stack_netns *n = bpf_map_lookup_elem(&stack_netns_of, &inum);

	if (n)
		return n->cgroup;
	stack_strangers = 1;
	return 0;
}

/* Of who made the socket; 0: not known. A cgroup that is gone has no number any more. */
static __always_inline __u64 sock_cgroup(const struct sock *sk)
{
	const struct cgroup *cg;

	if (cfg_cgroup_subsys >= 0) /* sockets know the unified hierarchy alone */
		return netns_cgroup(sk->__sk_common.skc_net.net);
	if (BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		return 0;
	cg = sk->sk_cgrp_data.cgroup;
	return cg->self.flags & CSS_ONLINE ? cg->kn->id : 0;
}

static __always_inline __u64 packet_cgroup(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;
	__u8 state = sk ? sk->__sk_common.skc_state : TCP_TIME_WAIT;
	__u64 cgroup = 0;

	/* The small sockets of a handshake and of TIME_WAIT have no more than their beginning. */
	if (state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV)
		cgroup = sock_cgroup(sk);
	return cgroup ?: netns_cgroup(skb->dev->nd_net.net);
}

static __noinline __u32 stack_owner(struct stack_cpu *s, const struct sk_buff *skb)
{
	__u64 cgroup;

	if (!s || !skb)
		return OWNER_KERNEL;
	cgroup = packet_cgroup(skb);
	return cgroup ? stack_number(s, cgroup) : OWNER_KERNEL;
}

#endif
