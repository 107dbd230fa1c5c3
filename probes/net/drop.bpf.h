/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets that the kernel drops, by its own reason. In: kfree_skb, which is not called for packets that
 * came to a good end. Out: counts by container and peer if a socket is known, else by network namespace:
 * whose that is user space finds out.
 */
#ifndef TALLYMAN_NET_DROP_BPF_H
#define TALLYMAN_NET_DROP_BPF_H

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

/* The tracepoint's fourth argument is there: the socket that the packet was for (since Linux 6.11). */
const volatile bool cfg_drop_socket;
/* Value of SKB_CONSUMED, which is no drop; 0: this kernel has none. */
const volatile __u32 cfg_drop_consumed;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct net_drop_key);
	__type(value, __u64);
} net_drops SEC(".maps");

static __always_inline bool drop_is_ours(const struct sk_buff *skb)
{
	return skb->protocol == bpf_htons(ETH_P_IP) || skb->protocol == bpf_htons(ETH_P_IPV6);
}

/* A connection's ends are as in its row of net_table; of a listener the other end is not known. */
static __always_inline void drop_key_socket(struct net_drop_key *key, struct net_sock *n,
					    const struct sock_common *c)
{
	enum net_peer peer = NET_PEER_NODE;

	key->cgroup = n->cgroup;
	if (n->flags & NET_COUNTED) {
		key->peer = n->key.peer;
		key->what |= n->key.what;
		return;
	}
	key->peer = n->numbers && n->state == NET_STATE_OPEN ? peer_ask(n->numbers, n->role) : 0;
	if (!key->peer)
		peer = peer_class(c);
	key->what |= n->role | peer << 8;
}

static __always_inline void drop_count(const struct net_drop_key *key)
{
	__u64 *count = bpf_map_lookup_elem(&net_drops, key), none = 0;

	if (!count) {
		bpf_map_update_elem(&net_drops, key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&net_drops, key);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	net_count(count);
}

/* The socket may be a small one (a handshake, TIME_WAIT), which has only what is common to all. */
SEC("tp_btf/kfree_skb")
int BPF_PROG(net_drop, struct sk_buff *skb, void *location, __u32 reason)
{
	struct sock *sk = cfg_drop_socket ? (struct sock *)ctx[3] : NULL;
	struct net_drop_key key = { .what = (__u64)reason << 32 };
	struct net_sock *n;

	if (!reason || reason == cfg_drop_consumed || !drop_is_ours(skb))
		return 0;
	if (!sk)
		sk = skb->sk;
	n = sk ? bpf_sk_storage_get(&net_socks, sk, NULL, 0) : NULL;
	if (n && n->cgroup)
		drop_key_socket(&key, n, &sk->__sk_common);
	else if (sk)
		key.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	else /* the device's: of a queued packet another value may be in its place, which reads as 0 */
		key.netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	drop_count(&key);
	return 0;
}

#endif
