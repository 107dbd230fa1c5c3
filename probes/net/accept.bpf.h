/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long connections wait to be accepted, from the end of the handshake to accept(). In: accept()'s own
 * function in the kernel, which can be traced where fexit works: no tracepoint tells of it. Out: a
 * histogram by who listens and port.
 */
#ifndef TALLYMAN_NET_ACCEPT_BPF_H
#define TALLYMAN_NET_ACCEPT_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct net_accept_key);
	__type(value, struct net_accepts);
} net_accepted_on SEC(".maps");

static const struct net_accepts net_accepts_none;

/*
 * The end of the handshake and accept() are on different CPUs, and a connection is in the listener's queue just before its
 * handshake has ended: either may be first, and the second one times it.
 */
static __always_inline bool net_is_second(struct net_sock *n)
{
	return __sync_lock_test_and_set(&n->met, 1);
}

static __always_inline void accept_count(const struct net_sock *n, const struct sock *sk,
					 __u64 wait_ns)
{
	struct net_accept_key key = { .cgroup = n->cgroup, .port = sk->__sk_common.skc_num };
	struct net_accepts *a = bpf_map_lookup_elem(&net_accepted_on, &key);

	if (!a) {
		bpf_map_update_elem(&net_accepted_on, &key, &net_accepts_none, BPF_NOEXIST);
		a = bpf_map_lookup_elem(&net_accepted_on, &key);
	}
	net_count(a);
	if (!a)
		return;
	__sync_fetch_and_add(&a->wait_ns, wait_ns);
	__sync_fetch_and_add(&a->waits[bucket_index(wait_ns) & (SCHED_BUCKETS - 1)], 1);
}

/* NULL if accept() gave none. Of one whose handshake had ended before we came, this is the first: it is not timed. */
static __always_inline int accept_done(struct sock *sk)
{
	struct net_sock *n = bpf_sk_storage_get(&net_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (n && net_is_second(n))
		accept_count(n, sk, bpf_ktime_get_ns() - n->since_ns);
	return 0;
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(net_accept, struct sock *listener, void *arg, struct sock *sk)
{
	return accept_done(sk);
}

/* Before Linux 6.10 it had four arguments. */
SEC("fexit/inet_csk_accept")
int BPF_PROG(net_accept_old, struct sock *listener, int flags, int *err, bool kern, struct sock *sk)
{
	return accept_done(sk);
}

#endif
