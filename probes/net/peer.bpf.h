/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who the other end of a connection is. Two ends on this node know each other by TCP's numbers of their
 * first bytes, which are the same at both, whatever translates their addresses; else there is only the
 * address, of which the class is kept.
 */
#ifndef TALLYMAN_NET_PEER_BPF_H
#define TALLYMAN_NET_PEER_BPF_H

#define NET_ENDS_MAX 16384

struct net_ends {
	__u64 client; /* cgroup; 0: not known, or not on this node */
	__u64 server;
};

/* By first numbers: the client's in the low half. The oldest are forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NET_ENDS_MAX);
	__type(key, __u64);
	__type(value, struct net_ends);
} net_ends_of SEC(".maps");

/* This end tells the other one who it is. */
static __always_inline void peer_tell(__u64 numbers, enum role role, __u64 cgroup)
{
	struct net_ends *e = bpf_map_lookup_elem(&net_ends_of, &numbers), none = {};

	if (!e) {
		bpf_map_update_elem(&net_ends_of, &numbers, &none, BPF_NOEXIST);
		e = bpf_map_lookup_elem(&net_ends_of, &numbers);
	}
	if (e && role == ROLE_CLIENT)
		e->client = cgroup;
	else if (e)
		e->server = cgroup;
}

/* Its cgroup; 0: not on this node, or gone by. */
static __always_inline __u64 peer_ask(__u64 numbers, enum role role)
{
	struct net_ends *e = bpf_map_lookup_elem(&net_ends_of, &numbers);

	if (!e)
		return 0;
	return role == ROLE_CLIENT ? e->server : e->client;
}

/* `a` in host order. */
static __always_inline enum net_peer peer_of_v4(__u32 a)
{
	if (a >> 24 == 127)
		return NET_PEER_LOOPBACK;
	if (a >> 16 == 0xa9fe) /* 169.254/16 */
		return NET_PEER_LINK;
	/* 10/8, 172.16/12, 192.168/16; and 100.64/10, which providers and clusters use as such */
	if (a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191)
		return NET_PEER_PRIVATE;
	return NET_PEER_PUBLIC;
}

static __always_inline enum net_peer peer_of_v6(const __u32 *a)
{
	if (!a[0] && !a[1] && a[2] == bpf_htonl(0xffff))
		return peer_of_v4(bpf_ntohl(a[3]));
	if (!a[0] && !a[1] && !a[2] && a[3] == bpf_htonl(1))
		return NET_PEER_LOOPBACK;
	if ((a[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return NET_PEER_LINK;
	if ((a[0] & bpf_htonl(0xfe000000)) == bpf_htonl(0xfc000000))
		return NET_PEER_PRIVATE;
	return NET_PEER_PUBLIC;
}

/* By the address that the socket has for the other end; works for request sockets, too. */
static __always_inline enum net_peer peer_class(const struct sock_common *c)
{
	__u32 remote[4] = {}, local[4] = {};

	if (c->skc_family == AF_INET) {
		if (c->skc_daddr && c->skc_daddr == c->skc_rcv_saddr)
			return NET_PEER_LOOPBACK;
		return c->skc_daddr ? peer_of_v4(bpf_ntohl(c->skc_daddr)) : NET_PEER_UNKNOWN;
	}
	bpf_probe_read_kernel(remote, sizeof(remote), &c->skc_v6_daddr);
	bpf_probe_read_kernel(local, sizeof(local), &c->skc_v6_rcv_saddr);
	if (!(remote[0] | remote[1] | remote[2] | remote[3]))
		return NET_PEER_UNKNOWN;
	if (remote[0] == local[0] && remote[1] == local[1] && remote[2] == local[2] &&
	    remote[3] == local[3])
		return NET_PEER_LOOPBACK;
	return peer_of_v6(remote);
}

#endif
