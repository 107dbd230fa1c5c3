// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The socket hooks: bytes became readable, were read, were written. In: a socket and a byte count.
 * Out: what each connection is (REC_CONN), what was asked (REC_REQUEST), that it was answered (REC_REPLY).
 * How messages are framed is each protocol's own file; whose work it is nobody's here.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/connect.h"
#include "bpf/maps.h"
#include "bpf/emit.h"
#include "bpf/identity.h"
#include "bpf/payload.h"
#include "probes/sock/conn.bpf.h"
#include "probes/sock/table.bpf.h"
#include "probes/sock/allow.bpf.h"
#include "probes/sock/arrival.bpf.h"
#include "probes/sock/walk.bpf.h"
#include "probes/sock/serve.bpf.h"
#include "probes/sock/local.bpf.h"
#include "probes/sock/complete.bpf.h"
#include "probes/postgres/unit.bpf.h"
#include "probes/postgres/postgres.bpf.h"
#include "probes/postgres/whole.bpf.h"
#include "probes/redis/redis.bpf.h"
#include "probes/sock/detect.bpf.h"
#include "probes/http/http.bpf.h"
#include "probes/sock/framing.bpf.h"
#include "probes/sock/seed.bpf.h"
#include "probes/sock/announce.bpf.h"
#include "probes/sock/turn.bpf.h"
#include "probes/sock/tls.bpf.h"
#include "probes/sock/dns_stream.bpf.h"

#define MSG_PEEK 2
#define WHOLE_REPLY_MAX 1024
#define MSG_ERRQUEUE 0x2000

/*
 * The common case: one buffer with whole, ordinary requests, or whole, ordinary answers. Read in place,
 * checked, and it is a record; what is in any way special returns false and is walked.
 */
static __always_inline bool whole_requests(struct io *io, const struct payload *p,
					   struct task_struct *task, bool plain)
{
	struct conn *c = io->c;
	struct rec_request *r = lane_at(io->l);
	__u32 bytes = io->bytes, text;
	bool allowed;
	int n;

	if (p->iovs_left || !at_boundary(&c->req) || bytes > cfg_text_window ||
	    bytes > WIRE_TEXT_MAX || c->protocol == PROTO_HTTP)
		return false;
	if (payload_copy(r->text, p->base, bytes, WIRE_TEXT_MAX))
		return false;
	n = c->protocol == PROTO_REDIS ? resp_whole_requests(bytes) : pg_whole_requests(bytes);
	if (n < 0)
		return false;
	if (c->done == c->requests)
		turn_open(io, task);
	text = text_told(c, r->text, bytes, n);
	allowed = allow_details(c, io->now_ns, text);
	r->hdr = emit_hdr(REC_REQUEST, sizeof(*r) + text, io->now_ns);
	r->conn = c->id;
	r->arrival_ns = arrival_take(io, plain);
	r->pos = c->req.pos;
	r->seq = c->requests;
	r->lead = 0;
	r->chunk_bytes = bytes;
	r->requests = n;
	r->text_len = text;
	r->role = c->role;
	r->protocol = c->protocol;
	r->phase = PHASE_READY;
	r->pad = 0;
	r->off_cpu_ns = serve_off_cpu(c, task);
	c->req.pos += bytes;
	c->requests += n;
	if (c->protocol == PROTO_POSTGRESQL)
		pg_unit(c);
	if (!allowed)
		conn_blind(c, c->requests, COARSE_QUOTA);
	else if (!lane_commit(io->l, sizeof(*r) + text))
		conn_blind(c, c->requests, COARSE_RING_FULL);
	return true;
}

/* What `n` whole replies answer; false: not what was asked, or not simple. */
static __always_inline bool reply_expected(struct conn *c, __u32 n)
{
	if (c->protocol == PROTO_REDIS) {
		if (c->count || c->done + n > c->requests || n > 0xffff)
			return false;
		c->count = n;
		return true;
	}
	if (c->units_merged || pg_units_answered(c))
		return false;
	c->completes += n;
	pg_unit_done(c);
	return true;
}

static __always_inline bool whole_replies(struct io *io, const struct payload *p,
					  struct task_struct *task)
{
	struct conn *c = io->c;
	struct rec_request *r = lane_at(io->l);
	__u32 bytes = io->bytes;
	__u8 tx_status = 0;
	int n;

	if (p->iovs_left || !at_boundary(&c->rep) || c->nerrors || c->count ||
	    bytes > WHOLE_REPLY_MAX || c->protocol == PROTO_HTTP)
		return false;
	if (payload_copy(r->text, p->base, bytes, WIRE_TEXT_MAX))
		return false;
	if (c->protocol == PROTO_REDIS)
		n = resp_one_reply(c, (unsigned char *)r->text, bytes)
			    ? 1
			    : resp_whole_replies(c, bytes);
	else
		n = pg_whole_replies(bytes);
	if (n < 0 || !reply_expected(c, n))
		return false;
	if (c->protocol == PROTO_POSTGRESQL)
		tx_status = pg_whole_told(io->l, c, bytes);
	if (!c->first_reply_ns)
		c->first_reply_ns = io->now_ns;
	c->reply_bytes += bytes;
	c->rep.pos += bytes;
	conn_confirm(c);
	reply_commit(io->l, c, task, io->now_ns, c->rep.pos, 0, tx_status);
	return true;
}

static __always_inline int request_bytes(struct io *io, struct walk *w, bool plain)
{
	struct conn *c = io->c;

	request_told(io, w);
	if (c->done == c->requests)
		turn_open(io, bpf_get_current_task_btf());
	w->s->arrival_ns = arrival_take(io, plain);
	w->s->off_cpu_ns = serve_off_cpu(c, bpf_get_current_task_btf());
	w->f = &c->req;
	w->s->amid = c->role == ROLE_SERVER && !at_boundary(w->f);
	w->s->request = 1;
	w->s->copy = w->s->told && c->phase != CONN_PHASE_AUTH;
	w->s->phase = c->phase == CONN_PHASE_READY ? PHASE_READY : PHASE_STARTUP;
	w->s->slice_max = text_window(c);
	walk_continue(w);
	if (w->s->bad)
		return -1;
	if (walk_requests(c))
		return -1;
	walk_end(w);
	if (w->s->amid)
		request_received(c);
	if (!w->s->told) /* the reader does not know it */
		conn_blind(c, c->requests + 1, w->s->denied ? COARSE_QUOTA : COARSE_UNREAD);
	return 0;
}

static __always_inline int reply_bytes(struct io *io, struct walk *w)
{
	struct conn *c = io->c;

	if (c->phase == CONN_PHASE_SSL)
		return encryption_answer(io, w);
	w->f = &c->rep;
	w->s->slice_max = WALK_REPLY_SLICE;
	if (c->flags & CONN_UNPROVEN && !turn_fits(io, w))
		return -1;
	if (walk_replies(c) || turn_is_short(c))
		return -1;
	conn_confirm(c);
	if (c->protocol == PROTO_REDIS && c->count)
		resp_reply_emit(c);
	else if (c->protocol == PROTO_HTTP && c->count)
		reply_emit(c);
	if (c->first_reply_ns)
		c->reply_bytes += w->s->bytes - w->s->counted;
	walk_end(w);
	if (c->flags & CONN_UNPROVEN)
		turn_prove(io);
	if (c->rep.state == (c->protocol == PROTO_HTTP ? HTTP_TUNNEL : RESP_REPLICA) &&
	    c->protocol != PROTO_POSTGRESQL)
		announce_upgraded(io->l, c, io->now_ns);
	return 0;
}

/* The first bytes decide what a connection speaks; after some tries it is left alone for good. */
static __always_inline bool detect(struct io *io, struct walk *w)
{
	struct conn *c = io->c;
	unsigned char *head = (unsigned char *)slice_text(w);
	struct detected d = {};
	__u32 n = io->bytes;

	if (!payload_seek(&w->s->p, 0)) {
		n = w->s->p.len < n ? w->s->p.len : n;
		n = n < DETECT_BYTES ? n : DETECT_BYTES;
		if (!bpf_probe_read_user(head, n & (2 * DETECT_BYTES - 1), (void *)w->s->p.base))
			d = detect_plain(io->sk, head, n, io->bytes);
	}
	if (!d.protocol || !turn_is_client(io)) {
		if (++c->tries >= (io->dir == DIR_READ ? DETECT_TRIES : 16 * DETECT_TRIES))
			c->protocol = CONN_IGNORED;
		return false;
	}
	c->role = io->dir == DIR_READ ? ROLE_SERVER : ROLE_CLIENT;
	c->phase = d.phase;
	c->protocol = d.protocol;
	if (d.protocol == PROTO_TLS)
		tls_seen(io);
	return true;
}

/* The lane is another hook's. What these bytes were is not known. */
static __always_inline int unseen(void)
{
	struct lane *l = lane_get();

	if (l)
		count_lost(l, PROBE_SOCK, LOST_RECURSION, 1);
	return 0;
}

/* Where the bytes are. */
static __always_inline int io_payload(const struct io *io, struct payload *p,
				      struct task_struct *task)
{
	if (!io->l->plain_base)
		return payload_find(p, task, io->bytes);
	*p = (struct payload){ .base = io->l->plain_base, .len = io->bytes };
	return 0;
}

static __always_inline bool io_is_plain(const struct io *io)
{
	const struct conn *c = io->c;

	return cfg_capture_text && (io->l->plain_base || !c->tls) && c->phase == CONN_PHASE_READY &&
	       (c->flags & (CONN_ANNOUNCED | CONN_OUT_OF_STEP | CONN_UNPROVEN)) == CONN_ANNOUNCED;
}

/* Of a connection that is out of step, or in step on trial: what becomes of these bytes? */
static __always_inline enum turn turn_of(struct io *io, struct walk *w, bool request, bool plain)
{
	struct conn *c = io->c;

	if (c->flags & CONN_UNPROVEN) {
		if (!request)
			return TURN_STEP;
		turn_reject(io, request); /* more is asked before the first answer */
		return TURN_PASS;
	}
	return request ? turn_request(io, &w->s->p) : turn_reply(io, plain);
}

/* Bytes that nobody looked at still have their place. */
static __always_inline void io_pass(struct io *io, bool request)
{
	struct framer *f = request ? &io->c->req : &io->c->rep;

	if (!io->c->tls || io->l->plain_base) /* with TLS what is inside counts */
		f->pos += io->bytes;
}

/*
 * All that is not the common case: new connections, what is cut, large, in a vector, or out of step. A
 * function of its own, to keep it out of the common case's way and cache lines.
 */
static __noinline int io_walk(struct io *io, bool plain)
{
	struct walk w = { .c = io->c, .l = io->l, .s = (struct walk_vars *)io->l->work };
	enum turn turn = TURN_STEP;
	bool request;
	int err, ret = 0;

	barrier_var(
		ret); /* a value that nobody can guess is really returned, which the verifier wants */
	walk_begin(&w, io->bytes, io->now_ns);
	err = io_payload(io, &w.s->p, bpf_get_current_task_btf());
	if (!io->c->protocol) {
		if (!(io->c->flags & CONN_LATE) && !io->c->tries && turn_is_late(io, plain))
			turn_late(io);
		if (!(io->c->flags & CONN_LATE) && (err || !detect(io, &w)))
			return ret;
		if (io->c->flags & CONN_LATE && !io->c->tls)
			tls_late(io, &w);
	}
	request = (io->c->role == ROLE_SERVER) == (io->dir == DIR_READ);
	if (io->c->tls && !io->l->plain_base && tls_socket(io, request, plain))
		return ret;
	if (io->c->flags & (CONN_OUT_OF_STEP | CONN_UNPROVEN)) {
		turn = turn_of(io, &w, request, plain);
		walk_begin(&w, io->bytes, io->now_ns); /* its place was used to look at the bytes */
		err = io_payload(io, &w.s->p, bpf_get_current_task_btf());
	}
	if (io->c->protocol && io->c->protocol != CONN_IGNORED &&
	    !(io->c->flags & (CONN_ANNOUNCED | CONN_ENCRYPTED)) && !turn_is_blind(io->c))
		announce(io, plain);
	if (io->c->protocol == PROTO_HTTP2) { /* that it is one is all there is to tell */
		announce_upgraded(io->l, io->c, io->now_ns);
		return ret;
	}
	if (turn != TURN_STEP) {
		if (request)
			arrival_take(io, plain);
		io_pass(io, request);
		if (turn == TURN_JOIN)
			turn_join(io);
		return ret;
	}
	if (err && http_unread(io->c, request, io->bytes)) {
		w.s->p.len = 0;
		err = 0;
	}
	if (!err)
		err = request ? request_bytes(io, &w, plain) : reply_bytes(io, &w);
	if (err) {
		out_of_step(io, request,
			    err == -PAYLOAD_UNREADABLE ? LOST_UNREADABLE : LOST_UNSYNCHRONISED);
		io_pass(io, request);
	}
	return ret;
}

/* The reply that the connection's end completes. */
__noinline int reply_closed(struct conn *c)
{
	struct lane *l = lane_get();

	if (l && c && http_closed(c))
		reply_commit(l, c, bpf_get_current_task_btf(), bpf_ktime_get_ns(), c->rep.pos, 0,
			     0);
	return 0;
}

/* Nothing more will be heard of it. */
__noinline int conn_gone(struct conn *c)
{
	struct lane *l = lane_get();

	if (!l || !c || !(c->flags & CONN_ANNOUNCED))
		return 0;
	announce_close(l, c, CLOSE_GONE, bpf_ktime_get_ns());
	c->flags &= ~CONN_ANNOUNCED;
	slot_announced(c, 0);
	serve_forget(c);
	return 0;
}

/*
 * The client closed, or hung up. A server may still write what it was asked, be it to nobody: that is counted
 * first. If it never does, the sweep tells that the connection is gone.
 */
static __always_inline bool may_answer(struct sock *sk, const struct conn *c, bool plain)
{
	return c->role == ROLE_SERVER && c->done != c->requests && sock_get(sk, plain, sk_socket);
}

static __always_inline int closed(struct sock *sk, struct conn *c, bool plain)
{
	struct lane *l;

	if (!c || !(c->flags & CONN_ANNOUNCED))
		return 0;
	l = lane_take();
	if (!l)
		return 0;
	reply_closed(c);
	if (!may_answer(sk, c, plain))
		conn_gone(c);
	lane_give(l);
	return 0;
}

/* With the lane taken: one of the two common cases, or else the walk. */
static __always_inline int io_run(struct io *io, bool plain)
{
	bool request = (io->c->role == ROLE_SERVER) == (io->dir == DIR_READ);
	struct payload *p = &((struct walk_vars *)io->l->work)->p; /* the stack is nearly full */
	struct task_struct *task = bpf_get_current_task_btf();
	int ret = 0;

	allow_account(io->c);
	if (local_is_client(io->c)) {
		local_answered(io->l, io->c, io->bytes, io->now_ns);
		return 0;
	}
	if (!io_is_plain(io) || io_payload(io, p, task) ||
	    !(request ? whole_requests(io, p, task, plain) : whole_replies(io, p, task)))
		ret = io_walk(io, plain);
	if (!request && io_is_plain(io) && at_boundary(&io->c->req) && at_boundary(&io->c->rep))
		local_client(io->c, io->sk);
	local_bill(io->c);
	return ret;
}

/* The server wrote: did its reply meet the client's hanging up? */
static __always_inline void answered(struct sock *sk, struct conn *c, bool plain)
{
	if (c->role == ROLE_SERVER && c->done == c->requests &&
	    sock_get(sk, plain, __sk_common.skc_state) == TCP_CLOSE)
		conn_gone(c);
}

static __always_inline int io_bytes(struct sock *sk, int ret, enum direction dir, bool plain)
{
	struct io io = { .sk = sk, .bytes = ret, .dir = dir, .c = conn_of(sk, plain) };

	if (!io.c)
		return dns_bytes(&io, plain);
	if (io.c->protocol == CONN_IGNORED) {
		conn_forget(sk, plain);
		return 0;
	}
	if (dir == DIR_WRITE && local_is_client(io.c)) {
		if (local_is_idle(io.c))
			local_sent(io.c, ret, sent_ns(sk, io.c, plain));
		io.c->req.pos += ret;
		return 0;
	}
	io.now_ns = dir == DIR_WRITE ? sent_ns(sk, io.c, plain) : read_ns(sk, io.c, plain);
	io.l = lane_take();
	if (!io.l)
		return unseen();
	ret = io_run(&io, plain);
	if (dir == DIR_WRITE)
		answered(sk, io.c, plain);
	else if (link_is_due(&io))
		link(io.l, io.c, (__u64)io.sk, io.now_ns);
	lane_give(io.l);
	return ret;
}

static __always_inline int on_read(struct sock *sk, int ret, int flags, bool plain)
{
	if (!ret)
		return closed(sk, conn_find(sk, plain), plain);
	if (ret < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	return io_bytes(sk, ret, DIR_READ, plain);
}

static __always_inline int on_write(struct sock *sk, int ret, bool plain)
{
	return ret > 0 ? io_bytes(sk, ret, DIR_WRITE, plain) : 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(sock_arrival, struct sock *sk)
{
	return arrival(sk, false);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(sock_read, struct sock *sk, int ret, int flags)
{
	return on_read(sk, ret, flags, false);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sock_write, struct sock *sk, int ret, int flags)
{
	return on_write(sk, ret, false);
}

/*
 * What is unread may still be read, and a reply that met the reset be counted, while the socket is a process': such stay
 * for the sweep. The end that closed first has the other's FIN unread for good.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sock_close, struct sock *sk, int oldstate, int newstate)
{
	struct conn *c;

	if (newstate != TCP_CLOSE)
		return 0;
	dns_stream_closed(sk);
	c = conn_find(sk, false) ?: conn_find(sk, true);
	closed(sk, c, false);
	if (!sk->sk_socket || (!sk->sk_receive_queue.qlen && (!c || c->done == c->requests)))
		conn_forget(sk, false);
	return 0;
}

#include "probes/sock/fexit.bpf.h"
#include "probes/sock/kprobe.bpf.h"
#include "probes/sock/tls_hooks.bpf.h"
