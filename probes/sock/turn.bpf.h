/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections at no known message boundary: open before we came, or with bytes that could not be
 * followed. A turn is a request and its reply as behaviour shows them; turns are counted until one begins
 * that is provable (docs/design.md, "Connections that were open before"). Then the connection is in step on
 * trial: if its answer is not that of what was asked, all of it is taken back.
 */
#ifndef TALLYMAN_TURN_BPF_H
#define TALLYMAN_TURN_BPF_H

#define PROOF_KNOWN 0x80	    /* of conn.proof: it was in step before */
#define TURN_QUIET_NS 1000000000ULL /* at a client's end: nothing is outstanding after that */
#define TURN_TRIES 64		    /* turns that begin as nothing that we know */
#define TURN_TLS_TRIES 8
#define TURN_REPLIES 32 /* Redis: commands in the turn on trial */

enum turn { TURN_PASS, TURN_STEP, TURN_JOIN };

/* Nothing is open from an earlier read or write: the next byte starts a message. */
static __always_inline bool at_boundary(const struct framer *f)
{
	return !(f->skip | f->have | f->items | f->state);
}

static __always_inline void framer_reset(struct framer *f)
{
	__u64 pos = f->pos;

	__builtin_memset(f, 0, sizeof(*f));
	f->pos = pos;
}

/* A request, and no other is unanswered. */
static __always_inline void turn_open(struct io *io, struct task_struct *task)
{
	io->c->turn_ns = io->now_ns;
	serve_begin(io->c, task);
}

static __always_inline void turn_close(struct io *io)
{
	struct conn *c = io->c;

	c->flags &= ~CONN_TURN_OPEN;
	if (c->flags & CONN_ENCRYPTED)
		coarse_add(c, 1, io->now_ns, false, COARSE_UNREAD);
	else if (c->protocol || c->tls)
		count_lost(io->l, PROBE_SOCK, LOST_UNSYNCHRONISED, 1);
	if (!c->protocol)
		c->turns++; /* of what, is known later; with TLS they are requests of some kind */
}

/*
 * On trial, and its text may be a lie: the end of a value that looks like messages. Where it ends is a
 * boundary, if the answer fits: what is asked next is in step. A Query cannot be such an end.
 */
static __always_inline bool turn_is_blind(const struct conn *c)
{
	return c->flags & CONN_UNPROVEN && (c->proof & ~PROOF_KNOWN) != 'Q';
}

/*
 * Are these bytes of requests to be told, or only counted? What is nothing but more of a message is no record, or
 * one more of a request whose fate is known.
 */
static __always_inline void request_told(struct io *io, struct walk *w)
{
	struct conn *c = io->c;
	__u32 most = text_window(c), begun = io->bytes - c->req.skip;
	bool known = cfg_capture_text && c->flags & CONN_ANNOUNCED && !turn_is_blind(c);

	if (c->req.skip < io->bytes)
		c->denied = known && !allow_details(c, io->now_ns, begun < most ? begun : most);
	w->s->denied = known && c->denied;
	w->s->told = known && !c->denied;
}

/* What was asked before the first step is known to have been requests. */
static __always_inline void turns_tell(struct lane *l, struct conn *c)
{
	if (c->turns && !c->tls)
		count_lost(l, PROBE_SOCK, LOST_UNSYNCHRONISED, c->turns);
	c->turns = 0;
}

/* What is told from here on is another connection's to the reader. */
static __always_inline void turn_anew(struct io *io, __u32 reason)
{
	struct conn *c = io->c;

	if (c->flags & CONN_ANNOUNCED)
		announce_close(io->l, c, reason, io->now_ns);
	slot_announced(c, 0);
	c->flags &= ~CONN_ANNOUNCED;
	c->id = 0;
	if (!c->tls)
		return;
	c->id = conn_id(io->now_ns); /* its library's object knows it by this */
	c->tls_owner = 1;
}

/* The answer is not that of what was asked, or more was asked before it came. */
static __always_inline void turn_reject(struct io *io, bool request)
{
	struct conn *c = io->c;

	c->flags &= ~(CONN_UNPROVEN | CONN_TURN_OPEN);
	c->flags |= CONN_OUT_OF_STEP;
	c->done = c->requests;
	pg_units_drop(c);
	reply_reset(c);
	if (!(c->proof & PROOF_KNOWN)) {
		turn_anew(io, CLOSE_REJECTED);
		c->flags &= ~(CONN_CONFIRMED | CONN_BASED);
		c->protocol = PROTO_UNKNOWN;
	}
	if (request) {
		c->flags |= CONN_TURN_OPEN; /* counted when it is answered */
	} else {
		turn_close(io);
		c->first_reply_ns = io->now_ns;
	}
}

/* The bytes fit no known framing, or cannot be read. */
static __always_inline void out_of_step(struct io *io, bool request, enum lost_cause cause)
{
	struct conn *c = io->c;

	if (c->flags & CONN_UNPROVEN) {
		turn_reject(io, request);
		return;
	}
	if (!(c->flags & CONN_CONFIRMED)) {
		if (c->flags & CONN_ANNOUNCED)
			announce_close(io->l, c, CLOSE_REJECTED, io->now_ns);
		c->protocol = CONN_IGNORED;
		return;
	}
	count_lost(io->l, PROBE_SOCK, cause, c->requests != c->done ? c->requests - c->done : 1);
	c->flags |= CONN_OUT_OF_STEP;
	c->flags &= ~CONN_TURN_OPEN;
	c->done = c->requests;
	c->first_reply_ns = 0;
}

/* Bytes of this direction that TCP knows of besides these. Acknowledgements come meanwhile: it may be too few. */
static __always_inline bool turn_has_more(struct io *io)
{
	struct sock *sk = io->sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__u64 bytes;

	if (io->dir == DIR_READ) {
		bytes = BPF_CORE_READ(tp, bytes_received);
		return bytes - (__u32)(BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq)) >
		       io->bytes;
	}
	bytes = BPF_CORE_READ(tp, bytes_acked); /* the SYN's is one */
	bytes += (__u32)(BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una));
	return bytes > io->bytes + 1;
}

/*
 * At the first bytes that are seen of a socket: were there others before them? A client's first bytes may be
 * answered already when its hook runs.
 */
static __always_inline bool turn_is_late(struct io *io, bool plain)
{
	struct sock *sk = io->sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	bool seeded = !plain && bpf_sk_storage_get(&seeds, sk, NULL, 0);

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return seeded;
	if (io->dir == DIR_READ)
		return BPF_CORE_READ(tp, bytes_sent) || (seeded && turn_has_more(io));
	return (seeded || BPF_CORE_READ(tp, bytes_received)) && turn_has_more(io);
}

/* Are these, which begin something that we know, from the client? It sends first. */
static __always_inline bool turn_is_client(struct io *io)
{
	struct sock *sk = io->sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
		return seed_is_server(lane_address(io->l, sk)) == (io->dir == DIR_READ);
	if (!io->c->tries) /* the first bytes of all */
		return true;
	return !(io->dir == DIR_READ ? BPF_CORE_READ(tp, bytes_sent)
				     : BPF_CORE_READ(tp, bytes_received));
}

static __always_inline void turn_late(struct io *io)
{
	struct conn *c = io->c;

	c->flags |= CONN_LATE | CONN_OUT_OF_STEP;
	c->role = seed_is_server(lane_address(io->l, io->sk)) ? ROLE_SERVER : ROLE_CLIENT;
	c->first_reply_ns = seeded_ns; /* what was before it may well be answered */
	if (!seeded_ns)
		c->protocol = CONN_IGNORED; /* which end this is cannot be known */
}

/*
 * `bytes` at lane_at() that a turn began with: the protocol of which they are whole requests and nothing
 * else, or PROTO_UNKNOWN. PostgreSQL: the last one has the server say that it is ready.
 */
__noinline int turn_protocol(struct conn *c, __u32 bytes)
{
	struct lane *l = lane_get();
	const unsigned char *b;
	int n;

	if (!l || !c)
		return PROTO_UNKNOWN;
	b = (const unsigned char *)((struct rec_request *)lane_at(l))->text;
	c->proof = (c->proof & PROOF_KNOWN) | (b[0] & ~PROOF_KNOWN);
	if (!b[0]) /* it was open, and idle so far */
		return !c->protocol && !c->turns && looks_like_pg_startup(b, bytes, bytes)
			       ? PROTO_POSTGRESQL
			       : PROTO_UNKNOWN;
	if (looks_like_http(bytes))
		return PROTO_HTTP;
	if (bytes > WIRE_TEXT_MAX || bytes < 4)
		return PROTO_UNKNOWN;
	/* The end of a COPY or of a Bind is no string: no such bytes look like a Query. */
	if (b[0] == 'Q' && b[(bytes - 1) & WALK_TEXT_MASK])
		return PROTO_UNKNOWN;
	if (pg_whole_requests(bytes) >= 0)
		return PROTO_POSTGRESQL;
	n = resp_whole_requests(bytes);
	return n > 0 && n <= TURN_REPLIES ? PROTO_REDIS : PROTO_UNKNOWN;
}

/*
 * A server's end has answered all that it read before it reads on. A client's may have asked more: it
 * has not if it never does (HTTP, PostgreSQL's simple protocol), or was silent for long.
 */
static __always_inline bool turn_is_first(const struct io *io, int protocol)
{
	const struct conn *c = io->c;

	if (!c->proof)
		return true;
	if (c->role == ROLE_SERVER)
		return c->arrivals || c->turns || c->protocol; /* or it arrived before us */
	if (!c->turns && !c->protocol)
		return false; /* the server's end may prove it, see local_late_find() */
	return protocol == PROTO_HTTP || (c->proof & ~PROOF_KNOWN) == 'Q' ||
	       io->now_ns - c->first_reply_ns > TURN_QUIET_NS;
}

/* It is left alone from here on; encrypted, its turns are requests all the same. */
static __always_inline void turn_give_up(struct io *io)
{
	struct conn *c = io->c;

	c->protocol = CONN_IGNORED;
	if (!c->tls)
		return;
	c->protocol = PROTO_TLS;
	c->flags |= CONN_ENCRYPTED;
	c->tls = TLS_SEALED;
}

/* Bytes that begin a turn, after an answer: the protocol if they begin provable requests. */
static __always_inline int turn_begins(struct io *io, struct payload *p)
{
	struct rec_request *r = lane_at(io->l);
	struct conn *c = io->c;
	__u32 n = io->bytes < WIRE_TEXT_MAX ? io->bytes : WIRE_TEXT_MAX;
	int protocol;

	if (payload_seek(p, 0) || p->len < n || payload_copy(r->text, p->base, n, WIRE_TEXT_MAX))
		return PROTO_UNKNOWN;
	protocol = turn_protocol(c, io->bytes);
	if (c->protocol)
		return protocol == c->protocol && turn_is_first(io, protocol) ? protocol
									      : PROTO_UNKNOWN;
	if (!protocol && ++c->tries >= TURN_TRIES)
		turn_give_up(io);
	return protocol && turn_is_first(io, protocol) ? protocol : PROTO_UNKNOWN;
}

static __always_inline void turn_step(struct io *io, __u8 protocol)
{
	struct conn *c = io->c;

	framer_reset(&c->req);
	framer_reset(&c->rep);
	if (!c->protocol) {
		c->proof &= ~PROOF_KNOWN;
		local_late_turn(c, io->sk, io->bytes);
	} else {
		c->proof |= PROOF_KNOWN;
	}
	c->protocol = protocol;
	c->phase = CONN_PHASE_READY;
	conn_blind(c, c->requests, COARSE_UNREAD);
	c->done = c->requests;
	pg_units_drop(c);
	reply_reset(c);
	c->flags &= ~(CONN_OUT_OF_STEP | CONN_TURN_OPEN);
	c->flags |= CONN_UNPROVEN;
	if (c->proof)
		return;
	c->phase = CONN_PHASE_STARTUP;
	c->flags &= ~(CONN_UNPROVEN | CONN_LATE);
}

/*
 * At a client's end with TLS, where a turn begins: was an earlier one, whose numbers are kept, that by which its
 * server's end was proved? That end learns of its answer when its library returns, which may be turns after it
 * was read here. The client's end joins behind this turn.
 */
static __always_inline bool turn_tls_found(struct io *io)
{
	struct conn *c = io->c;
	int protocol;

	if (!c->tls || c->role != ROLE_CLIENT || !c->turns)
		return false;
	if (!c->tls_tries) {
		c->tls_request_bytes = c->req.pos;
		c->tls_reply_bytes = c->rep.pos;
	}
	protocol = local_late_find(c, local_ends(io->sk), local_written(c, io->sk));
	if (protocol) {
		c->protocol = protocol;
		c->local = LOCAL_SEALED;
		return true;
	}
	if (++c->tls_tries < TURN_TLS_TRIES)
		return true;
	c->tls_tries = 0;
	return false;
}

static __always_inline enum turn turn_request(struct io *io, struct payload *p)
{
	struct conn *c = io->c;
	int protocol;

	if (!(c->flags & (CONN_TURN_OPEN | CONN_ENCRYPTED)) && c->first_reply_ns) {
		protocol = turn_begins(io, p);
		if (protocol) {
			turn_step(io, protocol);
			return TURN_STEP;
		}
	}
	if (!(c->flags & CONN_TURN_OPEN)) {
		c->turn_ns = io->now_ns;
		if (!c->protocol && !turn_tls_found(io))
			local_late_turn(c, io->sk, io->bytes);
	}
	c->flags |= CONN_TURN_OPEN;
	return TURN_PASS;
}

/* At a client's end of a Unix socket, after it read: was all that it asked answered, and read? */
static __always_inline bool turn_unix_quiet(struct io *io)
{
	struct sock *peer = announce_unix_peer(io->sk, false);
	struct conn *c = peer ? conn_find(peer, false) : NULL;

	return c && c->flags & CONN_CONFIRMED && !(c->flags & (CONN_OUT_OF_STEP | CONN_UNPROVEN)) &&
	       c->done == c->requests && at_boundary(&c->req) && at_boundary(&c->rep) &&
	       !peer->sk_receive_queue.qlen && !io->sk->sk_receive_queue.qlen;
}

static __always_inline enum turn turn_reply(struct io *io, bool plain)
{
	struct sock *sk = io->sk;
	struct conn *c = io->c;
	int protocol;

	if (c->flags & CONN_TURN_OPEN)
		turn_close(io);
	c->first_reply_ns = io->now_ns;
	if (c->role == ROLE_CLIENT && c->local == LOCAL_SEALED && c->flags & CONN_LATE)
		return TURN_JOIN;
	if (!c->tls_tries)
		local_late_answer(c, sk);
	if (c->role != ROLE_CLIENT || c->protocol || !c->turns || c->tls)
		return TURN_PASS;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX) {
		if (!plain && turn_unix_quiet(io))
			c->first_reply_ns = 1; /* quiet for long enough */
		return TURN_PASS;
	}
	protocol = local_late_find(c, local_ends(sk), local_written(c, sk));
	if (!protocol)
		return TURN_PASS;
	c->protocol = protocol;
	return TURN_JOIN;
}

/* A client's end whose server's end is in step: the server's tells the rest. */
static __always_inline void turn_join(struct io *io)
{
	struct conn *c = io->c;

	if (!local_late_join(c)) {
		c->protocol = CONN_IGNORED; /* unheard of: it was there a moment ago */
		return;
	}
	turns_tell(io->l, c);
	c->flags &= ~(CONN_OUT_OF_STEP | CONN_TURN_OPEN);
	c->flags |= CONN_CONFIRMED;
	c->phase = CONN_PHASE_READY;
}

/* PostgreSQL: how the answer to a message begins; 'E' and notices prove a Query alone. */
static __always_inline bool turn_pg_answer(__u8 asked, char ch)
{
	switch (asked) {
	case 'P':
		return ch == '1';
	case 'B':
		return ch == '2';
	case 'D':
		return ch == 't' || ch == 'T' || ch == 'n';
	case 'E':
		return ch == 'D' || ch == 'C' || ch == 'I' || ch == 's';
	case 'S':
		return ch == 'Z';
	}
	return ch == 'T' || ch == 'C' || ch == 'I' || ch == 'E' || ch == 'G' || ch == 'H' ||
	       ch == 'W' || ch == 'N' || ch == 'S' || ch == 'A';
}

/* The first byte of the answer to what is on trial; later ones are the framing's. */
static __always_inline bool turn_fits(struct io *io, struct walk *w)
{
	struct conn *c = io->c;
	char ch = 0;

	if (c->protocol != PROTO_POSTGRESQL || c->first_reply_ns || !at_boundary(&c->rep))
		return true;
	if (payload_seek(&w->s->p, 0) || bpf_probe_read_user(&ch, 1, (void *)w->s->p.base))
		return false;
	return turn_pg_answer(c->proof & ~PROOF_KNOWN, ch);
}

/* Redis, on trial: some of what was asked is answered, and the write ends there. */
static __always_inline bool turn_is_short(const struct conn *c)
{
	return c->flags & CONN_UNPROVEN && c->protocol == PROTO_REDIS && c->count &&
	       c->done + c->count != c->requests;
}

/* Bytes of an answer fit the framing: is it all there? */
static __always_inline void turn_prove(struct io *io)
{
	struct conn *c = io->c;

	if (c->done != c->requests || !at_boundary(&c->rep) ||
	    (c->protocol == PROTO_POSTGRESQL && !pg_units_answered(c)))
		return;
	c->flags &= ~CONN_UNPROVEN;
	conn_blind(c, c->requests, COARSE_UNREAD);
	turns_tell(io->l, c);
	if (c->role != ROLE_SERVER || c->proof & PROOF_KNOWN ||
	    !(c->flags & CONN_BASED || c->local == LOCAL_SEALED))
		return;
	c->local = LOCAL_UNKNOWN;
	local_late_answer(c, io->sk);
	local_late_served(c, local_ends(io->sk));
}

/* The server's end has all of a request that came in pieces: if no other one is under way. */
__noinline int request_received(struct conn *c)
{
	struct lane *l = lane_get();
	struct rec_received *r;

	if (!l || !c || !at_boundary(&c->req) || c->requests != c->done + 1 || c->first_reply_ns)
		return 0;
	r = lane_at(l);
	r->hdr = emit_hdr(REC_RECEIVED, sizeof(*r), ((struct walk_vars *)l->work)->now_ns);
	r->conn = c->id;
	r->seq = c->done;
	r->pad = 0;
	lane_commit(l, sizeof(*r)); /* if it is lost, only a time is */
	return 0;
}

#endif
