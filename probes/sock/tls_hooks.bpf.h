/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The hooks of a TLS library: when a call that moves plaintext returns, the caller's buffer has it. In: the
 * call's arguments and its result. Out: as from a socket's hook, by the same framing. Which connection it
 * is, the socket's hooks noted in the call, or in an earlier one of the same SSL object (bytes that the
 * library had left over). Not loaded unless the configuration asks for it.
 */
#ifndef TALLYMAN_TLS_HOOKS_BPF_H
#define TALLYMAN_TLS_HOOKS_BPF_H

/* User space sets how many, if it is used. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct tls_key);
	__type(value, struct tls_end);
} tls_ends SEC(".maps") __weak;

/* An SSL object in one number that is never 0 or 1. */
static __always_inline __u64 tls_owner(const struct tls_key *key)
{
	return key->ssl ^ (__u64)key->tgid << 42;
}

/* NULL: the connection that had this number is gone. */
static __always_inline struct conn *tls_conn_at(__u32 slot, __u64 id)
{
	struct conn *c = conn_at(slot);

	return c && c->id == id && c->tls && c->tls != TLS_SEALED && c->protocol != CONN_IGNORED
		       ? c
		       : NULL;
}

static __noinline int tls_bind(struct tls_call *call, struct conn *c)
{
	struct tls_key *key = &call->key;

	call->end.id = c->id;
	call->end.slot = c->slot;
	c->tls_owner = tls_owner(key);
	bpf_map_update_elem(&tls_ends, key, &call->end, BPF_ANY);
	return 0;
}

/* The call's connection; NULL: not known. */
static __always_inline struct conn *tls_conn(struct tls_call *call)
{
	struct tls_key *key = &call->key;
	struct tls_end *e;
	struct conn *c;

	if (!call->end.slot) {
		e = bpf_map_lookup_elem(&tls_ends, key);
		if (!e)
			return NULL;
		call->end = *e;
		return tls_conn_at(e->slot, e->id);
	}
	c = tls_conn_at(call->end.slot, call->end.id);
	if (c && c->tls_owner != tls_owner(key))
		tls_bind(call, c);
	return c;
}

/* How many bytes of plaintext the call moved. */
static __noinline __u32 tls_moved(const struct tls_call *call, long ret)
{
	__u64 moved = 0;

	if (!(call->kind & TLS_EX))
		return (int)ret > 0 ? ret : 0;
	if ((int)ret != 1 || bpf_probe_read_user(&moved, sizeof(moved), (void *)call->moved_at))
		return 0;
	return moved > 0x7fffffff ? 0 : moved;
}

/* A turn of what is encrypted, and not known to be anything. */
static __always_inline void tls_turn(struct conn *c, bool request, __u64 now_ns)
{
	bool open = c->flags & CONN_TURN_OPEN;

	if (request && !open) {
		c->turn_ns = now_ns;
		c->flags |= CONN_TURN_OPEN;
	} else if (!request && open) {
		c->flags &= ~CONN_TURN_OPEN;
		coarse_add(c, 1, now_ns, false, COARSE_UNREAD);
	}
}

/*
 * The first plaintext of a connection that was followed from its handshake on. true: from here on it is
 * followed as any connection is, by what is inside. A function of its own for its stack.
 */
__noinline int tls_first(struct conn *c, __u32 bytes, __u32 request, __u64 now_ns)
{
	struct lane *l = lane_get();
	__u32 n = bytes < DETECT_BYTES ? bytes : DETECT_BYTES;
	struct detected d = {};
	unsigned char *head;

	if (!l || !c)
		return false;
	head = (unsigned char *)((struct rec_request *)lane_at(l))->text;
	if (request && !payload_copy(head, l->plain_base, n, DETECT_BYTES))
		d = detect_bytes(head, n, bytes);
	if (!d.protocol || d.protocol == PROTO_TLS ||
	    (c->flags & CONN_ANNOUNCED && c->protocol != d.protocol)) {
		tls_turn(c, request, now_ns);
		if (request && ++c->tries >= DETECT_TRIES)
			c->tls = TLS_SEALED;
		return false;
	}
	framer_reset(&c->req);
	framer_reset(&c->rep);
	reply_reset(c);
	c->protocol = d.protocol;
	c->phase = d.phase;
	c->flags &= ~(CONN_OUT_OF_STEP | CONN_TURN_OPEN | CONN_ENCRYPTED);
	c->tls = TLS_OPEN;
	local_unseal(c);
	return true;
}

/*
 * Plaintext of a connection that was counted by turns: it was open before us, or its handshake was not seen, or
 * it lost its step. turn.bpf.h sees to where its messages begin.
 */
static __noinline int tls_reopen(struct conn *c)
{
	c->flags &= ~CONN_ENCRYPTED;
	c->flags |= CONN_OUT_OF_STEP;
	c->first_reply_ns = c->first_reply_ns ?: seeded_ns;
	c->tls = TLS_OPEN;
	if (c->flags & CONN_ANNOUNCED)
		return 0;
	c->flags |= CONN_LATE;
	c->protocol = PROTO_UNKNOWN;
	if (c->local != LOCAL_YES)
		c->local = LOCAL_NO;
	return 0;
}

/* It is the server's end that tells: what was written and read here are times. */
static __noinline int tls_local(struct io *io)
{
	if (io->c->local != LOCAL_SEALED_YES)
		return false;
	if (io->dir == DIR_READ) {
		local_answered(io->l, io->c, io->bytes, io->now_ns);
		return true;
	}
	if (local_is_idle(io->c))
		local_sent(io->c, io->bytes, io->now_ns);
	io->c->req.pos += io->bytes;
	return true;
}

static __always_inline int tls_bytes(struct io *io, struct tls_call *call)
{
	struct conn *c = io->c;
	bool request;

	io->now_ns = io->dir == DIR_WRITE && call->sent_ns ? call->sent_ns : bpf_ktime_get_ns();
	io->l = lane_take();
	if (!io->l)
		return unseen();
	io->l->plain_base = call->buf;
	io->l->plain_arrived_ns = io->now_ns;
	if (io->dir == DIR_READ) {
		if (c->tls_arrived_ns && c->tls_arrived_ns < io->now_ns)
			io->l->plain_arrived_ns = c->tls_arrived_ns;
		c->tls_arrived_ns = 0;
	}
	if (c->tls == TLS_TURNS)
		tls_reopen(c);
	request = (c->role == ROLE_SERVER) == (io->dir == DIR_READ);
	if (c->tls == TLS_FRESH)
		tls_first(c, io->bytes, request, io->now_ns);
	if (c->tls == TLS_OPEN && !tls_local(io))
		io_run(io, true);
	if (c->id != call->end.id)
		tls_bind(call, c);
	io->l->plain_base = 0;
	lane_give(io->l);
	return 0;
}

/* SSL_read, SSL_write, SSL_read_ex, SSL_write_ex, SSL_do_handshake; which of them is the cookie. */
SEC("uprobe")
int BPF_KPROBE(tls_enter, __u64 ssl, __u64 buf, __u64 num, __u64 moved_at)
{
	struct tls_call *call = bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), NULL,
						     BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!call)
		return unseen();
	*call = (struct tls_call){ .key.ssl = ssl,
				   .key.tgid = bpf_get_current_pid_tgid() >> 32,
				   .buf = buf,
				   .moved_at = moved_at,
				   .kind = bpf_get_attach_cookie(ctx),
				   .inside = 1 };
	return 0;
}

SEC("uretprobe")
int BPF_KRETPROBE(tls_leave, long ret)
{
	struct tls_call *call =
		bpf_task_storage_get(&tls_calls, bpf_get_current_task_btf(), NULL, 0);
	struct io io = {};

	if (!call || !call->inside)
		return 0;
	call->inside = 0;
	io.c = tls_conn(call);
	io.bytes = tls_moved(call, ret);
	if (!io.c || !io.bytes || call->kind & TLS_HANDSHAKE)
		return 0;
	io.sk = (struct sock *)call->end.sk;
	io.dir = call->kind & TLS_WRITE ? DIR_WRITE : DIR_READ;
	return tls_bytes(&io, call);
}

/* The address will be another object's. */
SEC("uprobe")
int BPF_KPROBE(tls_free, __u64 ssl)
{
	struct tls_key key = { .ssl = ssl, .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct tls_end *e = bpf_map_lookup_elem(&tls_ends, &key);
	struct conn *c = e ? tls_conn_at(e->slot, e->id) : NULL;

	if (c && c->tls_owner == tls_owner(&key))
		c->tls_owner = 1; /* bound again if it is used again */
	if (e)
		bpf_map_delete_elem(&tls_ends, &key);
	return 0;
}

#endif
