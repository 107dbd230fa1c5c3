/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections with both ends on this node. The server's end tells all there is to tell; once the client's
 * end knows that it is traced, it only tells when replies were read. Both ends number requests and
 * bytes alike, so both know from which request on: counts stay exact for both roles.
 */
#ifndef TALLYMAN_LOCAL_BPF_H
#define TALLYMAN_LOCAL_BPF_H

#define LOCAL_BEFORE 8 /* a client may go local only before this many requests */

enum conn_local {
	LOCAL_UNKNOWN,
	LOCAL_YES,
	LOCAL_NO,
	LOCAL_FRESH, /* its thread is not billed yet */
	LOCAL_SEALED, /* TLS: not known yet what it says; TCP's numbers are, by which the ends know each other */
	LOCAL_SEALED_YES, /* LOCAL_YES at a client's end with TLS: its socket's hooks have the wrong bytes */
};

/* What both ends know of a connection, see rec_conn. */
struct served_key {
	__u32 request_seq;
	__u32 reply_seq;
};

/* Server ends that are traced from their first byte on. */
struct served {
	__u64 client_cgroup;
	__u64 from_pos; /* of the request direction, once `local` */
	__u32 local;	/* the client's end knows */
	__u32 ends;	/* of a late one: see local_ends() */
	__u32 protocol;
	__u32 tls;	     /* positions count what is inside */
	__u32 request_bytes; /* of a late one with TLS: of the turn that proved it ... */
	__u32 reply_bytes;   /* ... and of its answer */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct served_key);
	__type(value, struct served);
} served_ends SEC(".maps") __weak;

/* By way of the lane's free space: before Linux 6.4 what a function is given may not hold a key. */
static __always_inline struct served_key *served_key(struct lane *l, const struct conn *c)
{
	struct served_key *key = lane_at(l);

	key->request_seq = c->request_seq;
	key->reply_seq = c->reply_seq;
	return key;
}

/* TCP's numbers of these `bytes` of the request direction, just written or read, and of what is replied to them. */
static __always_inline void local_numbers(struct conn *c, struct sock *sk, __u32 bytes)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u32 written = BPF_CORE_READ(tp, write_seq);
	__u32 taken = BPF_CORE_READ(tp, copied_seq);

	c->request_seq = (c->role == ROLE_SERVER ? taken : written) - bytes;
	c->reply_seq = c->role == ROLE_SERVER ? written : taken;
}

/*
 * Where the streams begin in TCP's numbers. Of the request direction these `bytes` were just written or
 * read, as its first; nothing was replied. The server's end makes itself known.
 */
static __always_inline void local_announce(struct lane *l, struct conn *c, struct sock *sk,
					   __u32 bytes)
{
	struct served zero = {};

	c->local = LOCAL_NO;
	if (c->flags & CONN_LATE) { /* see local_late_turn() */
		if (c->flags & CONN_BASED)
			c->local = LOCAL_UNKNOWN;
		return;
	}
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return;
	local_numbers(c, sk, bytes);
	c->flags |= CONN_BASED;
	if (c->tries)
		return;
	c->local = LOCAL_UNKNOWN;
	if (c->role == ROLE_SERVER)
		bpf_map_update_elem(&served_ends, served_key(l, c), &zero, BPF_ANY);
}

/* These bytes are the first of all, and encrypted. */
static __always_inline void local_seal(struct conn *c, struct sock *sk, __u32 bytes)
{
	c->local = LOCAL_NO;
	if (c->flags & CONN_LATE || c->tries ||
	    BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return;
	local_numbers(c, sk, bytes);
	c->local = LOCAL_SEALED;
}

/* What is said in it is known from its first byte on, at this end. */
__noinline int local_unseal(struct conn *c)
{
	struct lane *l = lane_get();
	struct served s = { .tls = 1 };

	if (!l || !c || c->local != LOCAL_SEALED)
		return 0;
	c->local = c->tries ? LOCAL_NO : LOCAL_UNKNOWN;
	if (c->role == ROLE_SERVER && !c->tries)
		bpf_map_update_elem(&served_ends, served_key(l, c), &s, BPF_ANY);
	return 0;
}

/*
 * At the server's end some of what is inside was not seen: the ends count different bytes from here on. true:
 * the client's end tells nothing but times by now, which are of no use any more.
 */
static __always_inline bool local_lost(struct lane *l, struct conn *c)
{
	if (c->local == LOCAL_YES)
		return true;
	if (c->local == LOCAL_UNKNOWN && c->role == ROLE_SERVER)
		bpf_map_delete_elem(&served_ends, served_key(l, c));
	c->local = LOCAL_NO;
	return false;
}

/* What the client has written by TCP's count; of TLS only its library's hooks count what is inside. */
static __always_inline __u32 local_written(const struct conn *c, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	return c->tls ? c->request_seq + (__u32)c->req.pos : BPF_CORE_READ(tp, write_seq);
}

/* What is asked from here on is the server's to tell. */
static __always_inline void local_join(struct conn *c, struct served *s)
{
	s->client_cgroup = c->cgroup;
	s->from_pos = c->req.pos;
	c->asking.sent_ns = 0;
	__sync_fetch_and_add(&s->local, 1); /* the fields before it are seen with it */
	c->local = c->tls ? LOCAL_SEALED_YES : LOCAL_YES;
}

/*
 * At the client's end, which has read all that was asked for: is the server's end traced here? Then what is
 * asked from here on is the server's to tell, if the client wrote nothing but what its hook has seen.
 */
__noinline int local_client_try(struct conn *c, __u32 write_seq)
{
	struct lane *l = lane_get();
	struct served *s;

	if (!l || !c || c->done != c->requests || !c->requests)
		return 0;
	if (c->requests >= LOCAL_BEFORE) {
		c->local = LOCAL_NO;
		return 0;
	}
	s = bpf_map_lookup_elem(&served_ends, served_key(l, c));
	if (!s || s->tls != !!c->tls || write_seq - c->request_seq != (__u32)c->req.pos)
		return 0;
	local_join(c, s);
	return 0;
}

static __always_inline void local_client(struct conn *c, struct sock *sk)
{
	if (c->role == ROLE_CLIENT && c->local == LOCAL_UNKNOWN)
		local_client_try(c, local_written(c, sk));
}

/* The same number at both ends, unless addresses or ports are translated between them. */
static __always_inline __u32 local_ends(struct sock *sk)
{
	__u32 addresses = BPF_CORE_READ(sk, __sk_common.skc_daddr) ^
			  BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	__u32 ports = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport)) ^
		      BPF_CORE_READ(sk, __sk_common.skc_num);

	return addresses ^ ports << 8;
}

/* A server's end that was open before us is in step, from the byte on that request_seq names. */
__noinline int local_late_served(struct conn *c, __u32 ends)
{
	struct lane *l = lane_get();
	struct served s = { .ends = ends };

	if (!l || !c)
		return 0;
	s.protocol = c->protocol;
	s.tls = !!c->tls;
	s.request_bytes = c->req.pos;
	s.reply_bytes = c->rep.pos;
	bpf_map_update_elem(&served_ends, served_key(l, c), &s, BPF_ANY);
	return 0;
}

/*
 * At an end that was open before us, a turn begins with these bytes, just written or read: positions count from
 * here. If the other end counts from the same, it will show by TCP's numbers: with TLS those of the record.
 */
static __always_inline void local_late_turn(struct conn *c, struct sock *sk, __u32 bytes)
{
	c->req.pos = 0;
	c->rep.pos = 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return;
	local_numbers(c, sk, bytes);
	if (c->tls)
		c->request_seq = c->tls_seq;
	if (c->role != ROLE_SERVER)
		return;
	if (!c->tls)
		c->flags |= CONN_BASED;
	else if (c->local != LOCAL_YES)
		c->local = LOCAL_SEALED;
}

/*
 * The same of TLS, where a turn is told by its record and by where its answer ends: what the library itself has to
 * read meanwhile (session tickets) is between them. The answer is all that was written, or read.
 */
static __always_inline void local_late_answer(struct conn *c, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	if (c->tls)
		c->reply_seq = c->role == ROLE_SERVER ? BPF_CORE_READ(tp, write_seq)
						      : BPF_CORE_READ(tp, copied_seq);
}

/* Of the turn's requests the client's end has written all that its hook has seen. */
static __always_inline bool local_late_fits(const struct conn *c, const struct served *s)
{
	if (s->tls != !!c->tls)
		return false;
	return !s->tls || (!c->tls_ahead && c->tls_request_bytes == s->request_bytes &&
			   c->tls_reply_bytes == s->reply_bytes);
}

/* Did it? */
__noinline int local_late_find(struct conn *c, __u32 ends, __u32 write_seq)
{
	struct lane *l = lane_get();
	struct served *s;

	if (!l || !c || write_seq - c->request_seq != (__u32)c->req.pos)
		return PROTO_UNKNOWN;
	s = bpf_map_lookup_elem(&served_ends, served_key(l, c));
	return s && s->ends == ends && local_late_fits(c, s) ? (int)s->protocol : PROTO_UNKNOWN;
}

/* What is asked from here on is the server's to tell. */
__noinline int local_late_join(struct conn *c)
{
	struct lane *l = lane_get();
	struct served *s;

	if (!l || !c)
		return 0;
	s = bpf_map_lookup_elem(&served_ends, served_key(l, c));
	if (!s)
		return 0;
	local_join(c, s);
	return 1;
}

/* At the server's end: are the requests that are answered now timed at a local client's end? */
static __always_inline bool local_server(struct lane *l, struct conn *c)
{
	struct served *s;

	if (c->role != ROLE_SERVER)
		return false;
	if (c->local != LOCAL_UNKNOWN)
		return c->local == LOCAL_YES || c->local == LOCAL_FRESH;
	if (c->done > LOCAL_BEFORE) {
		c->local = LOCAL_NO;
		return false;
	}
	s = bpf_map_lookup_elem(&served_ends, served_key(l, c));
	if (!s || !s->local || c->req.pos <= s->from_pos)
		return false;
	c->client_cgroup = s->client_cgroup;
	c->local = LOCAL_FRESH;
	return true;
}

/*
 * At the server's end, which just learnt for whom it works. Not where it learns it: there the calls are as
 * deep as their stack may be.
 */
static __always_inline void local_bill(struct conn *c)
{
	if (c->local != LOCAL_FRESH)
		return;
	c->local = LOCAL_YES;
	c->account = 0; /* the client's from here on */
	serve_register(c);
}

static __always_inline bool local_is_client(const struct conn *c)
{
	return c->local == LOCAL_YES && c->role == ROLE_CLIENT;
}

/* It asks nothing that it has not read the answer to, or begun to. */
static __always_inline bool local_is_idle(const struct conn *c)
{
	return !c->asking.sent_ns;
}

static __always_inline void local_sent(struct conn *c, __u32 bytes, __u64 now_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();

	c->asking.sent_ns = now_ns;
	c->asking.sent_pos = c->req.pos;
	c->asking.sent_bytes = bytes;
	c->asking.pid = task->pid;
	c->asking.run_delay_ns = task->sched_info.run_delay;
}

static __always_inline void local_read(struct lane *l, struct conn *c, __u32 bytes, __u64 now_ns)
{
	struct rec_progress *r = lane_at(l);

	r->hdr = emit_hdr(REC_PROGRESS, sizeof(*r), now_ns);
	r->conn = c->id;
	r->pos = c->rep.pos;
	r->bytes = bytes;
	r->direction = PROGRESS_REPLY;
	c->rep.pos += bytes;
	lane_commit(l, sizeof(*r)); /* if it is lost, only a time is: the request still counts */
}

static __always_inline void local_answered(struct lane *l, struct conn *c, __u32 bytes,
					   __u64 now_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rec_turn *r = lane_at(l);

	if (!allow_details(c, now_ns, 0)) {
		c->asking.sent_ns = 0;
		c->rep.pos += bytes;
		return;
	}
	if (local_is_idle(c)) {
		local_read(l, c, bytes, now_ns);
		return;
	}
	r->hdr = emit_hdr(REC_TURN, sizeof(*r), now_ns);
	r->conn = c->id;
	r->pos = c->rep.pos;
	r->bytes = bytes;
	r->sent_bytes = c->asking.sent_bytes;
	r->sent_pos = c->asking.sent_pos;
	r->sent_ns = c->asking.sent_ns;
	r->run_queue_ns = c->asking.pid == task->pid
				  ? task->sched_info.run_delay - c->asking.run_delay_ns
				  : 0;
	c->asking.sent_ns = 0;
	c->rep.pos += bytes;
	lane_commit(l, sizeof(*r));
}

#endif
