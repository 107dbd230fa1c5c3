/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * TCP sockets that were there before we came: an iterator over all open files of all namespaces gives
 * them their owner. User space runs it twice: the first time for listening sockets, as the end of a
 * connection whose port is listened on is the server's. Later it runs for sockets of which no hook tells.
 */
#ifndef TALLYMAN_NET_ADOPT_BPF_H
#define TALLYMAN_NET_ADOPT_BPF_H

struct net_port {
	__u32 netns;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct net_port);
	__type(value, __u32);
} net_ports SEC(".maps");

bool net_adopting; /* set by user space: the second time */

/* A socket that the hooks know already is left alone. NULL: it is. */
static __always_inline struct net_sock *adopt_new(struct sock *sk, struct task_struct *task)
{
	struct net_sock *n = bpf_sk_storage_get(&net_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!n || n->state != NET_STATE_NONE)
		return NULL;
	n->cgroup = cgroup_of(task);
	n->since_ns = bpf_ktime_get_ns();
	n->flags = NET_OWNED | NET_LATE;
	return n;
}

static __always_inline void adopt_listener(struct sock *sk, struct net_port *port,
					   struct task_struct *task)
{
	struct net_sock *n = adopt_new(sk, task);
	__u32 yes = 1;

	bpf_map_update_elem(&net_ports, port, &yes, BPF_ANY);
	if (!n)
		return;
	n->last.drops = sk->sk_drops.counter;
	n->role = ROLE_SERVER;
	n->state = NET_STATE_LISTENING;
}

/* A client's own SYN is among the bytes that TCP counts as acknowledged. */
static __always_inline void adopt_open(struct sock *sk, struct tcp_sock *tp, struct net_port *port,
				       struct task_struct *task)
{
	struct net_sock *n = adopt_new(sk, task);
	__u32 received, sent;

	if (!n)
		return;
	received = tp->rcv_nxt - (__u32)tp->bytes_received;
	sent = tp->snd_una - (__u32)tp->bytes_acked;
	if (bpf_map_lookup_elem(&net_ports, port)) {
		n->role = ROLE_SERVER;
		n->numbers = (__u64)sent << 32 | received;
	} else {
		n->role = ROLE_CLIENT;
		n->numbers = (__u64)received << 32 | (sent + 1);
	}
	net_base(n, sk, tp);
	peer_tell(n->numbers, n->role, n->cgroup);
	n->state = NET_STATE_OPEN;
}

/* UDP and the like: whoever has it open; the first one if it was handed on. */
static __always_inline void adopt_other(struct sock *sk, struct task_struct *task)
{
	struct net_sock *n = bpf_sk_storage_get(&net_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (n && !n->cgroup)
		n->cgroup = cgroup_of(task);
}

/* One open file. */
SEC("iter/task_file")
int net_adopt(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct net_port port = {};
	struct tcp_sock *tp;
	struct socket *sock;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	sk = sock ? sock->sk : NULL;
	if (!sk ||
	    (sk->__sk_common.skc_family != AF_INET && sk->__sk_common.skc_family != AF_INET6))
		return 0;
	port.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp) {
		adopt_other(sk, task);
		return 0;
	}
	port.port = sk->__sk_common.skc_num;
	if (sk->__sk_common.skc_state == STATE_LISTEN)
		adopt_listener(sk, &port, task);
	else if (net_adopting && (sk->__sk_common.skc_state == STATE_ESTABLISHED ||
				  sk->__sk_common.skc_state == STATE_CLOSE_WAIT))
		adopt_open(sk, tp, &port, task);
	return 0;
}

#endif
