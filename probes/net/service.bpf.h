/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What clients call: the address and port of connect(). Translation (a service's address, NAT) is done to
 * packets, below the socket: the client's end knows what it asked for, whoever answers. Once for each
 * connection.
 */
#ifndef TALLYMAN_NET_SERVICE_BPF_H
#define TALLYMAN_NET_SERVICE_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct net_service_key);
	__type(value, struct net_services);
} net_services_of SEC(".maps");

static const struct net_services net_services_none;

/* Its row is known. Without room it is left out: it is counted in its row. */
static __always_inline void service_count(const struct net_sock *n, const struct sock *sk,
					  bool opened)
{
	const struct sock_common *c = &sk->__sk_common;
	struct net_service_key key = { .cgroup = n->key.cgroup, .peer = n->key.peer };
	struct net_services *s;

	if (n->role != ROLE_CLIENT)
		return;
	key.what = (n->key.what & 0xff00) | (__u64)c->skc_family << 16 |
		   (__u64)bpf_ntohs(c->skc_dport) << 32;
	if (c->skc_family == AF_INET)
		key.address[0] = c->skc_daddr;
	else
		bpf_probe_read_kernel(key.address, sizeof(key.address), &c->skc_v6_daddr);
	s = bpf_map_lookup_elem(&net_services_of, &key);
	if (!s) {
		bpf_map_update_elem(&net_services_of, &key, &net_services_none, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&net_services_of, &key);
	}
	if (s)
		__sync_fetch_and_add(opened ? &s->opened : &s->failed, 1);
}

#endif
