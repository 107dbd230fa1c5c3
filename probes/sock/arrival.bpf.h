/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * When bytes became readable. Of what arrives at a server's end while nothing is unread, the REC_REQUEST
 * that has it tells; of what arrives behind unread bytes, a REC_PROGRESS. A client's end has no arrivals.
 */
#ifndef TALLYMAN_ARRIVAL_BPF_H
#define TALLYMAN_ARRIVAL_BPF_H

/* If the record is lost, only a time is. */
__noinline int arrival_mark(struct conn *c, __u32 end, __u64 now_ns)
{
	struct rec_progress *r;
	struct lane *l;
	__u32 bytes, begin;

	if (!c)
		return 0;
	begin = c->arrival_end - c->request_seq;
	bytes = end - begin;
	l = bytes ? lane_take() : NULL;
	if (!l)
		return 0;
	r = lane_at(l);
	r->hdr = emit_hdr(REC_PROGRESS, sizeof(*r), now_ns);
	r->conn = c->id;
	r->pos = c->req.pos + (__s64)(__s32)(begin - (__u32)c->req.pos);
	r->bytes = bytes;
	r->direction = PROGRESS_ARRIVAL;
	lane_commit(l, sizeof(*r));
	lane_give(l);
	return 0;
}

/* NULL: not a TCP socket, or one that a kprobe was given. */
static __always_inline struct tcp_sock *arrival_tcp(struct sock *sk, bool plain)
{
	if (plain)
		return NULL;
	if (!cfg_direct)
		return bpf_skc_to_tcp_sock(sk);
	if (sk->__sk_common.skc_family == AF_UNIX)
		return NULL;
	return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
}

/*
 * When these bytes were sent: if nothing waits to be sent, TCP read the clock when it sent the last of them,
 * in this call, and need not be read again.
 */
static __always_inline __u64 sent_ns(struct sock *sk, const struct conn *c, bool plain)
{
	struct tcp_sock *tp = cfg_direct ? arrival_tcp(sk, plain) : NULL;

	if (tp && tp->snd_nxt == tp->write_seq && tp->tcp_clock_cache > c->turn_ns)
		return tp->tcp_clock_cache;
	return bpf_ktime_get_ns();
}

/* Reads in a row that TCP must be seen to read the clock for, before it is relied on. */
#define CLOCK_PROOFS 64

__u32 clock_proofs __weak;

/*
 * When these bytes were read: TCP reads the clock as it hands bytes over, to size its receive buffer
 * (tcp_rcv_space_adjust(), in all kernels that are known). That this one does shows at a server's end: the
 * time is later than that of the last arrival.
 */
static __always_inline __u64 read_ns(struct sock *sk, const struct conn *c, bool plain)
{
	struct tcp_sock *tp = cfg_direct ? arrival_tcp(sk, plain) : NULL;

	if (!tp)
		return bpf_ktime_get_ns();
	if (clock_proofs < CLOCK_PROOFS) {
		if (c->ready_ns && c->role == ROLE_SERVER)
			clock_proofs = tp->tcp_clock_cache > c->ready_ns ? clock_proofs + 1 : 0;
		return bpf_ktime_get_ns();
	}
	return tp->tcp_clock_cache;
}

/* Is nothing unread but what arrives now? Of TCP without a look at what the reader's CPU writes. */
static __always_inline bool arrival_first(const struct conn *c, const struct tcp_sock *tp)
{
	if (tp)
		return tp->copied_seq == c->arrival_end || !c->arrival_end;
	return c->arrivals == c->taken && !c->left_ns;
}

/*
 * When the bytes just read became readable. What is left in the queue came at ready_ns at the latest; or
 * else it is the next arrival, which came after these bytes were taken and before this hook.
 */
static __always_inline __u64 arrival_take(struct io *io, bool plain)
{
	struct conn *c = io->c;
	struct sock *sk = io->sk;
	bool unread = sock_get(sk, plain, sk_receive_queue.qlen);
	__u32 newest = c->arrivals, n = newest - c->taken;
	__u64 at = c->left_ns, left_ns = unread ? c->ready_ns : 0;

	if (io->l->plain_base)
		return io->l->plain_arrived_ns;
	if (c->role == ROLE_CLIENT)
		return io->now_ns;
	if (n && unread && (at || n > 1)) {
		newest--;
		at = at ?: c->arrived_ns[newest & 1];
		left_ns = 0;
	} else if (n) {
		at = c->arrived_ns[newest & 1];
	}
	c->taken = newest;
	c->left_ns = left_ns;
	return at && at < io->now_ns ? at : io->now_ns;
}

static __always_inline int arrival(struct sock *sk, bool plain)
{
	struct conn *c = conn_of(sk, plain);
	struct tcp_sock *tp;
	__u64 now_ns;
	bool first;

	if (!c || c->role == ROLE_CLIENT)
		return 0;
	tp = arrival_tcp(sk, plain);
	first = arrival_first(c, tp);
	/* TCP reads the clock for each segment. */
	now_ns = tp ? tp->tcp_clock_cache : bpf_ktime_get_ns();
	if (first) {
		c->arrived_ns[(c->arrivals + 1) & 1] = now_ns;
		c->arrivals++;
	}
	if (tp) {
		if (!first && c->flags & CONN_BASED && !allow_is_denied(c))
			arrival_mark(c, tp->rcv_nxt - c->request_seq, now_ns);
		c->arrival_end = tp->rcv_nxt;
	}
	c->ready_ns = now_ns;
	return 0;
}

#endif
