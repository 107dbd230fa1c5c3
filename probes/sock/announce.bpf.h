/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is at this end of a connection, told once; and that it is gone. */
#ifndef TALLYMAN_ANNOUNCE_BPF_H
#define TALLYMAN_ANNOUNCE_BPF_H

static __always_inline void announce_inet(struct rec_conn *r, struct sock *sk)
{
	if (r->family == AF_INET) {
		BPF_CORE_READ_INTO((__be32 *)r->local_addr, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__be32 *)r->remote_addr, sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&r->local_addr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&r->remote_addr, sk, __sk_common.skc_v6_daddr);
	}
	r->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	r->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline struct sock *announce_unix_peer(struct sock *sk, bool plain)
{
	struct unix_sock *u = plain ? (struct unix_sock *)sk : bpf_skc_to_unix_sock(sk);

	return !u ? NULL : plain ? BPF_CORE_READ(u, peer) : u->peer;
}

/* The other end's conn; at the server's end it also tells whose work this is. */
static __always_inline __u64 announce_unix(struct conn *own, struct sock *sk, bool plain)
{
	struct sock *peer = announce_unix_peer(sk, plain);
	struct conn *c = peer ? conn_find(peer, plain) : NULL;
	struct seed *seed;

	if (c && c->id) {
		if (own->role == ROLE_SERVER)
			own->client_cgroup = c->cgroup;
		return c->id;
	}
	/* It was open before us, and is in step later. */
	seed = peer && !plain && own->flags & CONN_LATE ? bpf_sk_storage_get(&seeds, peer, NULL, 0)
							: NULL;
	if (seed && own->role == ROLE_SERVER)
		own->client_cgroup = seed->cgroup;
	return 0;
}

/* Lanes are one a CPU: nothing else on this CPU has this time. */
static __always_inline __u64 conn_id(__u64 now_ns)
{
	return now_ns << CONN_CPU_BITS | (bpf_get_smp_processor_id() & CONN_CPU_MASK);
}

#define LINK_EVERY_NS 1000000000ULL

/*
 * At a client's end: how long connecting took, and the round trip. A function of its own, to which a socket is no
 * argument: its address, which is the key, is where the record will be.
 */
__noinline int link_tell(struct conn *c, __u64 now_ns)
{
	struct lane *l = lane_get();
	struct rec_link *r;
	__u64 *took, sk;

	if (!l || !c)
		return 0;
	r = lane_at(l);
	sk = r->conn;
	took = c->flags & CONN_LATE || c->asking.link_ns
		       ? NULL
		       : bpf_map_lookup_elem(&connect_times, &r->conn);
	r->connect_ns = took ? *took : 0;
	if (took)
		bpf_map_delete_elem(&connect_times, &r->conn);
	r->hdr = emit_hdr(REC_LINK, sizeof(*r), now_ns);
	r->conn = c->id;
	r->rtt_ns = (__u64)(BPF_CORE_READ((struct tcp_sock *)sk, srtt_us) >> 3) * 1000;
	c->asking.link_ns = now_ns;
	lane_commit(l, sizeof(*r));
	return 0;
}

static __always_inline void link(struct lane *l, struct conn *c, __u64 sk, __u64 now_ns)
{
	struct rec_link *r = lane_at(l);

	r->conn = sk;
	link_tell(c, now_ns);
}

/* Of a client whose server is not known to be here. */
static __always_inline bool link_is_due(const struct io *io)
{
	const struct conn *c = io->c;

	return io->dir == DIR_READ && c->role == ROLE_CLIENT && c->local != LOCAL_YES &&
	       c->flags & CONN_ANNOUNCED && io->now_ns - c->asking.link_ns > LINK_EVERY_NS &&
	       c->asking.link_ns;
}

/* Of a connection that was open before us. */
static __always_inline void announce_late(struct rec_conn *r, struct conn *c, struct sock *sk)
{
	if (c->role != ROLE_SERVER)
		return;
	if (r->family != AF_UNIX)
		seed_client(c, (__u64)sk);
	r->peer_cgroup = c->client_cgroup;
}

/*
 * Functions of their own from here on are given the socket's address, and read it as any memory: verified once,
 * and apart from the paths that lead to them.
 */
__noinline int announce_tell(struct conn *c, __u64 address, __u64 peer_conn, __u64 now_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = (struct sock *)address;
	struct lane *l = lane_get();
	struct rec_conn *r;

	if (!l || !c)
		return 0;
	r = lane_at(l); /* not on the stack, which is nearly full */
	__builtin_memset(r, 0, sizeof(*r));
	r->hdr = emit_hdr(REC_CONN, sizeof(*r), now_ns);
	r->conn = c->id;
	r->cgroup = c->cgroup;
	r->pid = task->tgid;
	r->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	r->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	r->peer_conn = peer_conn;
	if (r->family != AF_UNIX)
		announce_inet(r, sk);
	r->role = c->role;
	r->protocol = c->protocol;
	r->late = !!(c->flags & CONN_LATE);
	if (c->flags & CONN_LATE) {
		announce_late(r, c, sk);
	} else if ((c->flags & CONN_BASED || (c->tls && c->local == LOCAL_UNKNOWN)) && !c->tries) {
		r->request_seq = c->request_seq;
		r->reply_seq = c->reply_seq;
	}
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	if (lane_commit(l, sizeof(*r))) {
		c->flags |= CONN_ANNOUNCED;
		slot_announced(c, c->id);
	}
	if (c->role == ROLE_SERVER)
		serve_register(c);
	else if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_UNIX)
		link(l, c, address, now_ns);
	return 0;
}

__noinline int announce_name(struct conn *c, __u64 now_ns)
{
	if (!c)
		return 0;
	c->id = conn_id(now_ns);
	c->cgroup = cgroup_of(bpf_get_current_task_btf());
	allow_account(c);
	return 0;
}

static __always_inline void announce(struct io *io, bool plain)
{
	struct conn *c = io->c;
	struct sock *sk = io->sk;
	__u64 peer_conn = 0;

	if (!c->id) {
		announce_name(c, io->now_ns);
		local_announce(io->l, c, sk, io->bytes);
	}
	if (sock_get(sk, plain, __sk_common.skc_family) == AF_UNIX)
		peer_conn = announce_unix(c, sk, plain);
	announce_tell(c, lane_address(io->l, sk), peer_conn, io->now_ns);
}

static __always_inline void announce_close(struct lane *l, struct conn *c, __u32 reason,
					   __u64 now_ns)
{
	struct rec_close r = { .conn = c->id, .reason = reason };

	r.hdr = emit_hdr(REC_CLOSE, sizeof(r), now_ns);
	emit(l, &r); /* lost: the reader forgets the connection when its table needs the room */
}

/* From here on it speaks what we do not know. */
static __always_inline void announce_upgraded(struct lane *l, struct conn *c, __u64 now_ns)
{
	if (c->flags & CONN_ANNOUNCED)
		announce_close(l, c, CLOSE_UPGRADED, now_ns);
	c->flags &= ~CONN_ANNOUNCED;
	slot_announced(c, 0);
	c->protocol = CONN_IGNORED;
}

#endif
