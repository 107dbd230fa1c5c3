/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What was there before we came: an iterator over all open files, of all namespaces, marks the stream
 * sockets among them with whose they are, and notes which ports are listened on. So the end that
 * accepted a connection is known, not guessed. User space runs it before the hooks are attached, and
 * once more after it for what was opened meanwhile.
 */
#ifndef TALLYMAN_SEED_BPF_H
#define TALLYMAN_SEED_BPF_H

#define TCP_LISTEN_STATE 10

/* The socket was open before we came: whose it was then. */
struct seed {
	__u64 cgroup;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct seed);
} seeds SEC(".maps");

/* The same of TCP's, by their own and the other end's address. */
struct seed_ends {
	__u32 local[4]; /* IPv4 in the last */
	__u32 remote[4];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns; /* of loopback addresses; others are unique on the node */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, struct seed_ends);
	__type(value, __u64);
} seed_owners SEC(".maps");

struct listener {
	__u32 netns;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct listener);
	__type(value, __u32);
} listeners SEC(".maps");

__u64 seeded_ns; /* when, by user space; 0: it could not be done */

static __always_inline void seed_listener(struct sock *sk)
{
	struct listener key = { .netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
				.port = sk->__sk_common.skc_num };
	__u32 yes = 1;

	if (sk->__sk_common.skc_family != AF_UNIX)
		bpf_map_update_elem(&listeners, &key, &yes, BPF_ANY);
}

static __always_inline bool seed_is_loopback(const __u32 *a)
{
	if (!a[0] && !a[1] && !a[2])
		return a[3] == bpf_htonl(1) ||
		       (a[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
	return false;
}

/* IPv4 addresses in an IPv6 socket are as in one of IPv4. */
static __always_inline void seed_address(__u32 *a)
{
	if (a[2] == bpf_htonl(0xffff))
		a[2] = 0;
}

static __always_inline void seed_ends_of(struct seed_ends *e, struct sock *sk)
{
	__builtin_memset(e, 0, sizeof(*e));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		e->local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		e->remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&e->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&e->remote, sk, __sk_common.skc_v6_daddr);
		seed_address(e->local);
		seed_address(e->remote);
	}
	e->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	e->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (seed_is_loopback(e->local) || seed_is_loopback(e->remote))
		e->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline void seed_owner(struct sock *sk, __u64 cgroup)
{
	struct seed_ends e;

	seed_ends_of(&e, sk);
	bpf_map_update_elem(&seed_owners, &e, &cgroup, BPF_ANY);
}

/* At the server's end of a late connection: whose is the client's end, if it is on this node? */
__noinline int seed_client(struct conn *c, __u64 sk)
{
	struct seed_ends own, other;
	__u64 *cgroup;

	if (!c)
		return 0;
	seed_ends_of(&own, (struct sock *)sk);
	__builtin_memcpy(other.local, own.remote, sizeof(other.local));
	__builtin_memcpy(other.remote, own.local, sizeof(other.remote));
	other.local_port = own.remote_port;
	other.remote_port = own.local_port;
	other.netns = own.netns;
	cgroup = bpf_map_lookup_elem(&seed_owners, &other);
	if (cgroup)
		c->client_cgroup = *cgroup;
	return 0;
}

/* One open file. */
SEC("iter/task_file")
int conns_seed(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *sock;
	struct seed *seed;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	sk = sock ? sock->sk : NULL;
	if (!sk || sk->sk_type != SOCK_STREAM)
		return 0;
	if (sk->__sk_common.skc_state == TCP_LISTEN_STATE)
		seed_listener(sk);
	if (!is_stream(sk, false) || bpf_sk_storage_get(&homes, sk, NULL, 0))
		return 0;
	seed = bpf_sk_storage_get(&seeds, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (seed)
		seed->cgroup = cgroup_of(task);
	if (sk->__sk_common.skc_family != AF_UNIX)
		seed_owner(sk, cgroup_of(task));
	return 0;
}

/* Of a connection whose beginning we did not see: is this end the one that accepted? */
__noinline int seed_is_server(__u64 address)
{
	struct sock *sk = (struct sock *)address;
	struct unix_sock *u = (struct unix_sock *)sk, *peer;
	struct unix_address *addr;
	struct listener key = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX) {
		key.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
		return bpf_map_lookup_elem(&listeners, &key) != NULL;
	}
	/* What accept() gives shares the listener's name; of two names a client's own is nobody else's. */
	addr = BPF_CORE_READ(u, addr);
	if (!addr)
		return false;
	peer = (struct unix_sock *)BPF_CORE_READ(u, peer);
	return !peer || !BPF_CORE_READ(peer, addr) || BPF_CORE_READ(addr, refcnt.refs.counter) > 1;
}

#endif
