/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * PostgreSQL framing in the kernel: message headers in both directions, which messages are requests,
 * where a reply ends, and the SQLSTATE of an error. Texts and names are user space's.
 * Protocol: https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
#ifndef TALLYMAN_POSTGRES_BPF_H
#define TALLYMAN_POSTGRES_BPF_H

#define PG_PROTOCOL_3 3 /* major, in the upper half of the start-up packet's code */
#define PG_CANCEL 80877102
#define PG_SSL 80877103
#define PG_GSSENC 80877104
#define PG_STARTUP_MAX 10000
#define PG_MESSAGE_MAX 0x3fffffff
#define PG_COMMIT_BYTES 7 /* of the tag, with its NUL */
#define PG_ROLLBACK_BYTES 9
#define PG_BODY_STEP 32	 /* bytes of an error looked at per step */
#define PG_BODY_HEAD 160 /* of a Bind, Execute, ...: names, not parameter values */

enum pg_state {
	PG_HEADER,
	PG_STARTUP, /* in the body of the start-up packet */
	PG_ERROR,   /* in the body of an ErrorResponse */
	PG_READY,   /* in the body of a ReadyForQuery */
	PG_COPIED,  /* requests: the last message ended COPY data */
	PG_TAG,	    /* in the body of a CommandComplete that may be COMMIT's or ROLLBACK's */
};

/* How many bytes of a request message's body are worth sending, f->skip being all of it. */
static __always_inline __u32 pg_body_wanted(const struct framer *f)
{
	switch (f->type) {
	case 'Q':
	case 'F':
	case 'P':
		return f->skip;
	case 'd':
	case 'p':
		return 0;
	}
	return f->skip < PG_BODY_HEAD ? f->skip : PG_BODY_HEAD;
}

/*
 * What is wanted of this message goes beyond the slice, which has others before it: a new slice shall begin where
 * the message does. Its header ends at slice offset `at`.
 */
static __always_inline bool pg_slice_anew(struct walk *w, __u32 at)
{
	struct walk_vars *s = w->s;

	w->f->skip = w->f->num - 4;
	if (at + pg_body_wanted(w->f) <= s->slice_len || s->slice_off + s->slice_len >= s->bytes ||
	    s->begin <= s->slice_off)
		return false;
	s->off = s->begin;
	s->slice_len = s->begin - s->slice_off;
	w->f->skip = 0;
	return true;
}

/* The header of a typed request message is complete; `at` is the slice offset behind it. */
static __always_inline bool pg_request_header(struct walk *w, __u32 at)
{
	struct framer *f = w->f;
	struct conn *c = w->c;
	bool copied = f->state == PG_COPIED;

	f->skip = f->num - 4;
	f->state = PG_HEADER;
	switch (f->type) {
	case 'Q':
	case 'F':
		c->requests++;
		pg_unit(c);
		break;
	case 'E':
		c->requests++;
		break;
	case 'S':
		/* The Sync behind COPY's Execute was passed over by the server: this one is for both. */
		if (!copied || pg_units_answered(c))
			pg_unit(c);
		break;
	case 'c':
	case 'f':
		f->state = PG_COPIED;
		break;
	case 'B':
	case 'C':
	case 'D':
	case 'H':
	case 'P':
	case 'X':
	case 'd':
	case 'p':
		break;
	default:
		return false;
	}
	slice_want(w, at + pg_body_wanted(f));
	return true;
}

static __always_inline bool pg_startup_header(struct walk *w, __u32 at)
{
	struct framer *f = w->f;
	__u32 len = f->num >> 32, code = f->num;

	if (len < 8 || len > PG_STARTUP_MAX)
		return false;
	f->skip = len - 8;
	if (code == PG_SSL || code == PG_GSSENC) {
		w->c->phase = CONN_PHASE_SSL;
		return true;
	}
	f->state = PG_STARTUP;
	slice_want(w, at + f->skip);
	return code >> 16 == PG_PROTOCOL_3;
}

/* The start-up packet is over: passwords follow, nothing is copied until ReadyForQuery. */
static __always_inline void pg_startup_done(struct walk *w)
{
	w->f->state = PG_HEADER;
	w->c->phase = CONN_PHASE_AUTH;
	slice_want(w, w->s->off - w->s->slice_off);
	slice_emit(w);
	w->s->copy = 0;
}

static __always_inline bool pg_in_startup(struct conn *c)
{
	return c->phase == CONN_PHASE_STARTUP || c->phase == CONN_PHASE_SSL;
}

/* 1: the header is complete, 0: the slice ends inside. */
static __always_inline int pg_header_bytes(struct walk *w, __u32 *end, bool startup)
{
	struct framer *f = w->f;
	const char *text = slice_text(w);
	__u32 at = w->s->off - w->s->slice_off;
	__u32 size = startup ? 8 : 5;
	int done = 0;

	for (int i = 0; i < 8; i++) {
		if (at >= w->s->slice_len)
			break;
		__u8 ch = text[at & WALK_TEXT_MASK];

		if (!f->have) {
			if (w->s->request)
				walk_boundary(w, at);
			f->num = 0;
		}
		if (!f->have && !startup)
			f->type = ch;
		else
			f->num = f->num << 8 | ch;
		f->have++;
		at++;
		if (f->have == size) {
			f->have = 0;
			done = 1;
			break;
		}
	}
	*end = at;
	return done;
}

static __always_inline long pg_request(struct walk *w)
{
	struct framer *f = w->f;
	bool startup, ok;
	__u32 end = 0;

	if (w->s->off >= w->s->bytes)
		return 1;
	if (f->skip || f->state == PG_STARTUP) {
		if (walk_skip(w) && f->state == PG_STARTUP)
			pg_startup_done(w);
		return 0;
	}
	if (slice_at(w))
		return !!w->s->bad;
	startup = pg_in_startup(w->c);
	if (!pg_header_bytes(w, &end, startup)) {
		slice_want(w, end);
		w->s->off = w->s->slice_off + end;
		return 0;
	}
	w->s->off = w->s->slice_off + end;
	if (startup)
		ok = pg_startup_header(w, end);
	else if (f->num < 4 || f->num > PG_MESSAGE_MAX)
		ok = false;
	else if (pg_slice_anew(w, end))
		return 0;
	else
		ok = pg_request_header(w, end);
	if (!ok) {
		w->s->bad = 1;
		return 1;
	}
	if (f->state == PG_STARTUP)
		return 0;
	walk_skip(w);
	return 0;
}

/* In step on trial: is this the answer to what was asked? An error proves a lone Query only. */
static __always_inline bool pg_is_proof(const struct conn *c)
{
	if ((c->proof & 0x7f) == 'Q')
		return c->completes || c->nerrors;
	return !c->nerrors && c->completes == c->count;
}

static __always_inline void pg_ready(struct walk *w)
{
	struct conn *c = w->c;

	c->phase = CONN_PHASE_READY;
	if (!pg_unit_done(c))
		return;
	if (c->flags & CONN_UNPROVEN && !pg_is_proof(c)) {
		w->s->bad = 1;
		return;
	}
	if (c->nerrors && c->count && c->errors[0].index >= c->count)
		c->errors[0].index = c->count - 1; /* a Query of several statements */
	if (c->count || c->nerrors)
		reply_emit(c);
	else
		reply_reset(c);
}

/* The server ends the session: no ReadyForQuery will come. */
static __always_inline void pg_fatal(struct walk *w)
{
	struct conn *c = w->c;

	c->count = c->requests - c->done;
	pg_units_drop(c);
	reply_emit(c);
	w->f->fatal = 0;
}

/*
 * One byte of an ErrorResponse: fields are a type byte and a string. Not inline, so that the loop around
 * it is one block: kernels before 6.4 refuse loops that are entered by a jump into their middle.
 */
__noinline int pg_error_byte(struct conn *c, __u32 byte)
{
	struct framer *f = &c->rep;
	char ch = byte;

	if (!c)
		return 0;
	if (!f->field) {
		f->field = ch;
		f->field_len = 0;
		return 0;
	}
	if (!ch) {
		f->field = 0;
		return 0;
	}
	if (f->field == 'C' && f->field_len < 5)
		c->errors[0].text[f->field_len & 7] = ch;
	if (f->field == 'V' && !f->field_len)
		f->fatal = ch == 'F' || ch == 'P'; /* FATAL, PANIC: never translated in 'V' */
	if (f->field_len < 255)
		f->field_len++;
	return 0;
}

/* The tag of a CommandComplete has that many bytes: may it be one that ends a transaction? */
static __always_inline bool pg_tag_fits(__u32 bytes)
{
	return bytes == PG_COMMIT_BYTES || bytes == PG_ROLLBACK_BYTES;
}

/* By its length and third letter: COPY and INSERT have others. */
static __always_inline __u32 pg_tag_end(__u32 bytes, char first, char third)
{
	if (bytes == PG_COMMIT_BYTES && first == 'C' && third == 'M')
		return TX_COMMIT;
	if (bytes == PG_ROLLBACK_BYTES && first == 'R' && third == 'L')
		return TX_ROLLBACK;
	return TX_NO_END;
}

/* The tag's next byte; `left` of it follow. */
static __always_inline void pg_tag_byte(struct conn *c, __u32 left, char ch)
{
	struct framer *f = &c->rep;
	__u32 bytes = f->num - 4;

	if (left + 1 == bytes)
		f->field = ch;
	if (left + 3 == bytes)
		c->tx_end = pg_tag_end(bytes, f->field, ch) ?: c->tx_end;
}

static __always_inline void pg_error_begin(struct framer *f, struct conn *c)
{
	f->field = 0;
	f->fatal = 0;
	if (c->nerrors)
		return;
	__builtin_memset(&c->errors[0], 0, sizeof(c->errors[0]));
	c->errors[0].index = c->completes;
}

/* Bytes of a body that is read, not skipped, which the slice has from w->s->off on. */
static __always_inline __u32 pg_body_bytes(struct walk *w)
{
	struct framer *f = w->f;
	const char *text = slice_text(w);
	__u32 at = w->s->off - w->s->slice_off;
	__u32 n = w->s->slice_len - at;

	if (f->skip < n)
		n = f->skip;
	if (n > PG_BODY_STEP)
		n = PG_BODY_STEP;
	if (f->state == PG_READY) {
		w->s->tx_status = text[at & WALK_TEXT_MASK];
		return n;
	}
	if (f->state == PG_TAG) {
		pg_tag_byte(w->c, f->skip - 1, text[at & WALK_TEXT_MASK]);
		return 1;
	}
	if (w->c->nerrors)
		return n;
	for (__u32 i = 0; i < PG_BODY_STEP; i++) {
		if (i >= n)
			break;
		pg_error_byte(w->c, text[(at + i) & WALK_TEXT_MASK]);
	}
	return n;
}

static __always_inline void pg_body(struct walk *w)
{
	struct framer *f = w->f;
	__u32 n = pg_body_bytes(w);

	w->s->off += n;
	f->skip -= n;
	if (f->skip)
		return;
	if (f->state == PG_READY) {
		f->state = PG_HEADER;
		pg_ready(w);
		return;
	}
	if (f->state == PG_TAG) {
		f->state = PG_HEADER;
		return;
	}
	f->state = PG_HEADER;
	w->c->nerrors = 1;
	if (f->fatal)
		pg_fatal(w);
}

/* The header of a reply message is complete: what is its body good for? */
static __always_inline bool pg_reply_header(struct walk *w)
{
	struct framer *f = w->f;
	struct conn *c = w->c;

	if (f->num < 4 || f->num > PG_MESSAGE_MAX)
		return false;
	f->skip = f->num - 4;
	switch (f->type) {
	case 'A': /* these three come at any time, and are no answer */
	case 'N':
	case 'S':
		return true;
	case 'C':
		c->completes++;
		if (pg_tag_fits(f->skip))
			f->state = PG_TAG;
		break;
	case 'D':
		c->rows++;
		break;
	case 'I':
	case 's':
	case 'V':
		c->completes++;
		break;
	case 'E':
		f->state = PG_ERROR;
		pg_error_begin(f, c);
		break;
	case 'Z':
		f->state = PG_READY;
		if (f->skip != 1)
			return false;
		break;
	case 'd':
	case 'T':
	case '1':
	case '2':
	case '3':
	case 'n':
	case 't':
	case 'R':
	case 'K':
	case 'G':
	case 'H':
	case 'W':
	case 'c':
	case 'v':
		break;
	default:
		return false;
	}
	if (!c->first_reply_ns)
		c->first_reply_ns = w->s->now_ns;
	return true;
}

static __always_inline long pg_reply(struct walk *w)
{
	struct framer *f = w->f;
	__u32 end = 0;

	if (w->s->off >= w->s->bytes)
		return 1;
	if (f->skip && f->state == PG_HEADER) {
		walk_skip(w);
		return 0;
	}
	if (slice_at(w))
		return !!w->s->bad;
	if (f->state != PG_HEADER) {
		pg_body(w);
		return 0;
	}
	if (!pg_header_bytes(w, &end, false)) {
		w->s->off = w->s->slice_off + end;
		return 0;
	}
	w->s->off = w->s->slice_off + end;
	if (!pg_reply_header(w)) {
		w->s->bad = 1;
		return 1;
	}
	if (f->state == PG_HEADER)
		walk_skip(w);
	return 0;
}

WALK_FUNCTION(pg_requests, pg_request, req)
WALK_FUNCTION(pg_replies, pg_reply, rep)

#endif
