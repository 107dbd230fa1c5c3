/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A walk over the bytes of one read or write, message by message, through a window ("slice") that is
 * copied from user memory as the walk needs it: bodies are skipped by their length, so a 50 MB row
 * costs as much as its header. A protocol gives the step that reads one header; what a slice of the
 * request direction holds is emitted when the walk leaves it.
 */
#ifndef TALLYMAN_WALK_BPF_H
#define TALLYMAN_WALK_BPF_H

#define WALK_STEPS 131072    /* headers per read or write; more and the connection is out of step */
#define WALK_HEADER_BYTES 24 /* of one header looked at per step */
#define WALK_REPLY_SLICE 1024
#define WALK_INLINE 8  /* steps before the loop helper: most reads and writes end in them */
#define WHOLE_STEPS 96 /* headers in the path without a walk */
#define WALK_NO_LEAD 0xffffffff
#define WALK_TEXT_MASK (WIRE_TEXT_MAX - 1)

/*
 * The walk's variables, in the lane's work area. Not on the stack: there the verifier would follow every
 * value of each, here it need not.
 */
struct walk_vars {
	struct payload p;
	__u64 now_ns;
	__u64 arrival_ns; /* of the emitted requests */
	__u32 off;	  /* in the payload */
	__u32 bytes;	  /* of the payload */
	__u32 slice_off;  /* payload offset of the slice's first byte */
	__u32 slice_len;
	__u32 lead;	  /* of the slice: its first message boundary */
	__u32 useful;	  /* of the slice: bytes worth sending */
	__u32 begin;	  /* payload offset where the current message begins; 0 if before */
	__u32 seq;	  /* first request counted in the slice */
	__u32 counted;	  /* reply bytes already accounted */
	__u32 next;	  /* slice offset that a header's reading came to */
	__u32 off_cpu_ns; /* of the emitted requests */
	__u8 amid;	  /* these bytes go on with a message */
	__u16 slice_max;
	__u8 request;	/* direction */
	__u8 copy;	/* slices may leave the kernel */
	__u8 told;	/* the reader knows the connection, and is to be told of these bytes */
	__u8 denied;	/* the reader does, and is not: see allow.bpf.h */
	__u8 phase;	/* of the emitted records: enum conn_phase */
	__u8 wanted;	/* the slice has something worth sending */
	__u8 tx_status; /* PostgreSQL: of the last ReadyForQuery */
	__u8 bad;	/* the bytes do not fit the protocol, or cannot be read */
};
_Static_assert(sizeof(struct walk_vars) <= sizeof(((struct lane *)0)->work), "fits the lane");

/*
 * The variables of the path without a walk. Volatile for the verifier's sake: what comes from memory it
 * does not follow, so all ways through one step look alike to it.
 */
struct whole {
	__u32 at;
	__u32 n;
	__u32 items;
	__u32 rows; /* PostgreSQL */
	__u32 tx_end;
};

static __always_inline volatile struct whole *whole_begin(struct lane *l)
{
	volatile struct whole *v = (volatile struct whole *)l->work;

	v->at = 0;
	v->n = 0;
	v->items = 0;
	return v;
}

/* The bytes at v->at, of which there are some behind any offset: records are followed by slack. */
static __always_inline const unsigned char *whole_at(struct lane *l, volatile struct whole *v)
{
	const char *text = ((struct rec_request *)lane_at(l))->text;

	return (const unsigned char *)text + (v->at & WALK_TEXT_MASK);
}

struct walk {
	struct conn *c;
	struct framer *f;
	struct lane *l;
	struct walk_vars *s;
};

/* The slice's bytes: in place in the lane, behind where the header of their record will be. */
static __always_inline const char *slice_text(struct walk *w)
{
	return ((struct rec_request *)lane_at(w->l))->text;
}

static __always_inline void walk_begin(struct walk *w, __u32 bytes, __u64 now_ns)
{
	__builtin_memset(w->s, 0, sizeof(*w->s));
	w->s->now_ns = now_ns;
	w->s->bytes = bytes;
	w->s->lead = WALK_NO_LEAD;
}

/* A slice that does not fit the ring: its requests stay counted, without text. */
static __always_inline void slice_emit(struct walk *w)
{
	struct conn *c = w->c;
	struct rec_request *r;
	__u32 len = w->s->useful < w->s->slice_len ? w->s->useful : w->s->slice_len;

	if (!w->s->copy || !w->s->wanted || !len)
		return;
	len = (len - 1) & WALK_TEXT_MASK;
	len += 1;
	r = lane_at(w->l);
	r->hdr = emit_hdr(REC_REQUEST, sizeof(*r) + len, w->s->now_ns);
	r->conn = c->id;
	r->pos = w->f->pos + w->s->slice_off;
	r->seq = w->s->seq;
	r->lead = w->s->lead < len ? w->s->lead : len;
	r->chunk_bytes = w->s->bytes;
	r->requests = c->requests - w->s->seq;
	r->text_len = len;
	r->arrival_ns = w->s->arrival_ns;
	r->role = c->role;
	r->protocol = c->protocol;
	r->phase = w->s->phase;
	r->pad = 0;
	r->off_cpu_ns = w->s->off_cpu_ns;
	if (!lane_commit(w->l, sizeof(*r) + len))
		conn_blind(c, c->requests + 1, COARSE_RING_FULL);
	w->s->slice_len = 0; /* its bytes are a record now */
}

/* A message begins at slice offset `at`. */
static __always_inline void walk_boundary(struct walk *w, __u32 at)
{
	if (w->s->lead == WALK_NO_LEAD)
		w->s->lead = at;
	w->s->begin = w->s->slice_off + at;
	w->f->kept = 0;
	w->s->wanted = 1;
}

static __always_inline int slice_load(struct walk *w)
{
	__u32 left, n;
	int err = payload_seek(&w->s->p, w->s->off);

	if (err) {
		w->s->bad = err < 0;
		return -1;
	}
	if (w->s->request)
		slice_emit(w);
	left = w->s->p.len - (w->s->off - w->s->p.start);
	n = w->s->bytes - w->s->off;
	n = n < left ? n : left;
	n = n < w->s->slice_max ? n : w->s->slice_max;
	w->s->slice_off = w->s->off;
	w->s->slice_len = 0;
	w->s->lead = WALK_NO_LEAD;
	w->s->useful = 0;
	w->s->wanted = 0;
	w->s->seq = w->c->requests;
	if (!n || n > WIRE_TEXT_MAX ||
	    bpf_probe_read_user((char *)slice_text(w), n,
				(void *)(w->s->p.base + (w->s->off - w->s->p.start)))) {
		w->s->bad = 1;
		return -1;
	}
	w->s->slice_len = n;
	return 0;
}

/* The slice holds byte w->s->off afterwards; not 0: try again, or w->s->bad. */
static __always_inline int slice_at(struct walk *w)
{
	if (w->s->off - w->s->slice_off < w->s->slice_len)
		return 0;
	return slice_load(w);
}

/* Bytes up to slice offset `end` are worth sending. */
static __always_inline void slice_want(struct walk *w, __u64 end)
{
	if (end > w->s->useful)
		w->s->useful = end > w->s->slice_len ? w->s->slice_len : end;
}

/* Passes over f->skip bytes; false: the payload ends inside. */
static __always_inline bool walk_skip(struct walk *w)
{
	struct framer *f = w->f;
	__u32 left = w->s->bytes - w->s->off;

	if (f->skip > left) {
		f->skip -= left;
		w->s->off = w->s->bytes;
		return false;
	}
	w->s->off += f->skip;
	f->skip = 0;
	return true;
}

/*
 * The rest of a message whose beginning an earlier read or write had: worth sending while the
 * window is not full.
 */
static __always_inline void walk_continue(struct walk *w)
{
	struct framer *f = w->f;
	bool inside = f->skip || f->have || f->items;

	if (!w->s->copy || !inside || f->kept >= text_window(w->c) || w->c->protocol == PROTO_HTTP)
		return;
	if (slice_load(w))
		return;
	w->s->wanted = 1;
	slice_want(w, f->skip ? f->skip : 1);
}

static __always_inline void walk_end(struct walk *w)
{
	struct framer *f = w->f;

	if (w->s->request) {
		slice_emit(w);
		if (f->kept < WIRE_TEXT_MAX)
			f->kept += w->s->bytes - w->s->begin;
	}
	f->pos += w->s->bytes;
}

static __always_inline bool digit(unsigned char ch)
{
	return ch >= '0' && ch <= '9';
}

static __always_inline __u32 be32(const unsigned char *b)
{
	return (__u32)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

/*
 * Defines NAME(conn): walks what is in the lane's work area. A function of its own for the verifier,
 * which then checks it once and not for every way to get here.
 */
#define WALK_FUNCTION(NAME, STEP, DIRECTION)                       \
	static long NAME##_step(__u32 i, struct walk *w)           \
	{                                                          \
		return STEP(w);                                    \
	}                                                          \
	__noinline int NAME(struct conn *c)                        \
	{                                                          \
		struct walk w = { .c = c, .l = lane_get() };       \
                                                                   \
		if (!c || !w.l)                                    \
			return -1;                                 \
		w.s = (struct walk_vars *)w.l->work;               \
		w.f = &c->DIRECTION;                               \
		bpf_loop(WALK_STEPS, NAME##_step, &w, 0);          \
		return w.s->bad || w.s->off < w.s->bytes ? -1 : 0; \
	}

#endif
