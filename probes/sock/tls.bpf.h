/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a socket's hooks know of TLS: that a connection is encrypted, and, where the library's functions are
 * hooked, in which of its calls the thread is. The two meet in the thread: bytes that cross an encrypted
 * socket inside of a call are that call's. A socket that no call is seen to use is counted by turns;
 * nothing else ties a library's object to a connection.
 */
#ifndef TALLYMAN_TLS_BPF_H
#define TALLYMAN_TLS_BPF_H

#include "probes/sock/tls_kind.h"

struct tls_key {
	__u64 ssl; /* address in the process */
	__u32 tgid;
	__u32 pad;
};

/* The connection of an SSL object, as it was seen to use it. */
struct tls_end {
	__u64 sk;
	__u64 id;
	__u32 slot;
	__u32 pad;
};

/* The call of the library that a thread is in. What it needs is kept here: the stack is nearly full. */
struct tls_call {
	struct tls_key key;
	struct tls_end
		end; /* of the socket that it read or wrote last; SLOT_NONE: no encrypted one yet */
	__u64 buf;
	__u64 moved_at; /* size_t that will have the number of bytes; only with TLS_EX */
	__u64 sent_ns;
	__u32 kind;   /* enum tls_kind */
	__u32 inside; /* 0: it is in none */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_call);
} tls_calls SEC(".maps") __weak;

/* Processes whose encrypted sockets no hooked call uses: is their library known? */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} tls_strangers SEC(".maps") __weak;

/* Encrypted from here on. Its bytes are not the stream's that TCP counts. */
static __always_inline void tls_begin(struct conn *c, bool tls)
{
	if (c->flags & CONN_BASED)
		c->local = c->flags & CONN_LATE || c->tries ? LOCAL_NO : LOCAL_SEALED;
	c->flags |= CONN_ENCRYPTED | CONN_OUT_OF_STEP | CONN_CONFIRMED;
	c->flags &= ~CONN_BASED;
	c->tls = tls ? TLS_TURNS : TLS_NONE;
}

/* The one byte that answers a request for TLS or GSS encryption. */
static __always_inline int encryption_answer(struct io *io, struct walk *w)
{
	char answer = 0;

	if (payload_seek(&w->s->p, 0) || bpf_probe_read_user(&answer, 1, (void *)w->s->p.base))
		return -1;
	io->c->rep.pos += io->bytes;
	if (io->bytes != 1)
		return -1;
	if (answer == 'N') {
		io->c->phase = CONN_PHASE_STARTUP;
		return 0;
	}
	tls_begin(io->c, answer == 'S');
	return 0;
}

/* Its first bytes are TLS. Only the port hints at what is inside; it is told once that is known. */
static __always_inline void tls_seen(struct io *io)
{
	struct conn *c = io->c;
	struct sock *sk = io->sk;
	__u16 port = c->role == ROLE_SERVER ? BPF_CORE_READ(sk, __sk_common.skc_num)
					    : bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	turns_tell(io->l, c);
	announce_name(c, io->now_ns);
	if (port == cfg_postgresql_port)
		c->protocol = PROTO_POSTGRESQL;
	else if (port == cfg_redis_port)
		c->protocol = PROTO_REDIS;
	else
		c->protocol = PROTO_TLS;
	local_seal(c, sk, io->bytes);
	tls_begin(c, true);
}

/* A connection that was open before us: is it encrypted? */
static __always_inline void tls_late(struct io *io, struct walk *w)
{
	unsigned char *head = (unsigned char *)slice_text(w);
	struct conn *c = io->c;

	if ((c->role == ROLE_SERVER) != (io->dir == DIR_READ) || io->bytes < TLS_HEADER ||
	    payload_seek(&w->s->p, 0) || w->s->p.len < TLS_HEADER ||
	    bpf_probe_read_user(head, TLS_HEADER, (void *)w->s->p.base))
		return;
	if (looks_like_tls(head, TLS_HEADER))
		tls_seen(io);
}

/* No call of a hooked library: whose it is, is asked once a connection. */
static __always_inline void tls_stranger(struct io *io)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (io->c->tls_owner)
		return;
	io->c->tls_owner = 1;
	bpf_map_push_elem(&tls_strangers, &tgid, 0);
}

/*
 * Bytes crossed a socket outside of the library's calls, or of those that are hooked. With nothing
 * unanswered that is an alert or a key update; else what was said is not known.
 */
static __always_inline bool tls_outside(struct io *io, bool request)
{
	struct conn *c = io->c;

	tls_stranger(io);
	if (c->tls != TLS_OPEN)
		return false;
	if (c->local == LOCAL_SEALED_YES) { /* only when replies were read is this end's to tell */
		if (!request)
			announce_upgraded(io->l, c, io->now_ns);
		return true;
	}
	if (c->flags & CONN_UNPROVEN) {
		turn_reject(io, request);
	} else if (!(c->flags & CONN_OUT_OF_STEP)) {
		if (c->requests == c->done)
			return true;
		count_lost(io->l, PROBE_SOCK, LOST_UNREADABLE, c->requests - c->done);
		c->done = c->requests;
		c->flags &= ~CONN_TURN_OPEN;
		if (local_lost(io->l, c))
			turn_anew(io, CLOSE_GONE);
	}
	tls_begin(c, true);
	return false;
}

/* A record, or a part of one, crossed the socket while its library was in a call. */
static __always_inline void tls_record(struct io *io, struct tls_call *call, bool request,
				       bool plain)
{
	struct tcp_sock *tp = (struct tcp_sock *)io->sk;
	struct conn *c = io->c;
	__u64 arrived_ns;
	bool first;

	if (io->dir == DIR_WRITE) {
		first = !call->sent_ns;
		call->sent_ns = io->now_ns;
	} else {
		first = !c->tls_arrived_ns;
		arrived_ns = arrival_take(io, plain);
		if (first && !(call->kind & TLS_HANDSHAKE))
			c->tls_arrived_ns = arrived_ns;
	}
	if (first && io->dir == DIR_READ && io->bytes != TLS_HEADER)
		c->tls_ahead = 1;
	if (first && request && c->flags & CONN_LATE)
		c->tls_seq = (io->dir == DIR_READ ? BPF_CORE_READ(tp, copied_seq)
						  : BPF_CORE_READ(tp, write_seq)) -
			     io->bytes;
}

/* Bytes of an encrypted socket. true: there is no more to them than their times. */
static __always_inline bool tls_socket(struct io *io, bool request, bool plain)
{
	struct conn *c = io->c;
	struct tls_call *call;

	if (!cfg_tls)
		return false;
	call = bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), NULL, 0);
	if (!call || !call->inside)
		return tls_outside(io, request);
	call->end.sk = (__u64)io->sk;
	call->end.id = c->id;
	call->end.slot = c->slot;
	tls_record(io, call, request, plain);
	/* A handshake is a call of its own, or done by the first read or write. */
	if (c->tls == TLS_TURNS && !(c->flags & CONN_LATE) &&
	    (call->kind & TLS_HANDSHAKE || !(c->flags & CONN_TURN_OPEN || c->first_reply_ns)))
		c->tls = TLS_FRESH;
	return c->tls != TLS_SEALED || call->kind & TLS_HANDSHAKE;
}

#endif
