/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * RESP framing in the kernel: finds where commands and replies begin and end, counts them, and takes
 * the class word of errors. Names, keys and patterns are user space's.
 * Protocol: RESP2 and RESP3, https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
#ifndef TALLYMAN_REDIS_BPF_H
#define TALLYMAN_REDIS_BPF_H

#define RESP_KEY_BYTES 72 /* of an argument that are worth sending */
#define RESP_BULK_MAX (512ULL << 20)
#define RESP_ITEMS_MAX (1 << 20)
#define RESP_NIL 0x0d312d24  /* "$-1\r" */
#define RESP_ZERO 0x0a0d303a /* ":0\r\n" */
#define RESP_OK 0x0d4b4f2b   /* "+OK\r" */

enum resp_state {
	RESP_IDLE,    /* reads "<type><number>\r\n" */
	RESP_LINE,    /* inside a line whose text does not matter */
	RESP_ERROR,   /* inside an error's first word */
	RESP_REPLICA, /* no replies any more: a replica is fed */
};

static __always_inline bool resp_is_letter(char ch)
{
	return (ch | 0x20) >= 'a' && (ch | 0x20) <= 'z';
}

/* As slice_load(); a command that goes on is worth sending while the window is not full. */
static __always_inline int resp_slice_load(struct walk *w)
{
	struct framer *f = w->f;

	if (slice_load(w))
		return -1;
	if ((f->items || f->have || f->skip) &&
	    f->kept + (w->s->slice_off - w->s->begin) < cfg_text_window)
		w->s->wanted = 1;
	return 0;
}

/*
 * An argument begins at slice offset `at`. A slice that ends within what matters of it makes way for one that
 * begins there.
 */
static __always_inline void resp_want_body(struct walk *w, __u32 at)
{
	struct framer *f = w->f;
	__u32 want = f->skip < RESP_KEY_BYTES ? f->skip : RESP_KEY_BYTES;

	slice_want(w, at);
	w->s->off = w->s->slice_off + at;
	if (at && at + want > w->s->slice_len && w->s->slice_off + w->s->slice_len < w->s->bytes) {
		if (resp_slice_load(w))
			return;
		at = 0;
	}
	slice_want(w, at + want);
}

/* "*<n>\r\n" or "$<n>\r\n" of a command; true: well-formed. */
static __always_inline bool resp_command_header(struct walk *w, __u32 at)
{
	struct framer *f = w->f;

	if (f->type == '*' && !f->items) {
		if (f->num > RESP_ITEMS_MAX)
			return false;
		f->items = f->neg ? 0 : f->num;
		slice_want(w, at);
		return true;
	}
	if (f->type != '$' || !f->items || f->neg || f->num > RESP_BULK_MAX)
		return false;
	f->skip = f->num + 2;
	f->items--;
	resp_want_body(w, at);
	return true;
}

static __always_inline void resp_command_done(struct walk *w)
{
	w->c->requests++;
	w->f->kept = 0;
	w->s->begin = w->s->off;
}

/* The first byte of a header; false: not RESP. */
static __always_inline bool resp_command_begin(struct walk *w, char ch, __u32 at)
{
	struct framer *f = w->f;

	if (!f->items)
		walk_boundary(w, at);
	f->type = ch;
	f->state = RESP_IDLE;
	if (ch == '*' || ch == '$')
		return true;
	f->state = RESP_LINE;
	return !f->items && (resp_is_letter(ch) || ch == '\r' || ch == '\n');
}

/*
 * Reads up to WALK_HEADER_BYTES of a header line; 1: it is complete, 0: more bytes, -1: not RESP. What
 * changes with every byte is volatile: what comes from memory the verifier does not follow.
 */
static __always_inline int resp_command_line(struct walk *w, __u32 *end)
{
	struct framer *f = w->f;
	const char *text = slice_text(w);
	volatile __u64 *num = &f->num;
	volatile __u32 *at = &w->s->next;
	__u32 len = w->s->slice_len;
	int done = 0;

	*at = w->s->off - w->s->slice_off;
	if (!f->have) {
		if (*at >= len)
			return 0;
		*num = 0;
		f->neg = 0;
		if (!resp_command_begin(w, text[*at & WALK_TEXT_MASK], *at))
			return -1;
		if (f->state == RESP_IDLE)
			*at += 1;
		f->have = 1;
	}
	for (int i = 0; i < WALK_HEADER_BYTES && !done; i++) {
		if (*at >= len)
			break;
		char ch = text[*at & WALK_TEXT_MASK];

		*at += 1;
		if (ch == '\n')
			done = 1;
		else if (ch >= '0' && ch <= '9')
			*num = *num * 10 + (ch - '0');
		else if (ch == '-')
			f->neg = 1;
		else if (ch != '\r' && f->state == RESP_IDLE)
			return -1;
	}
	*end = *at;
	return done || f->state != RESP_IDLE || *at >= len ? done : -1;
}

/* One header of the request direction, and the body behind it. */
static __always_inline long resp_request(struct walk *w)
{
	struct framer *f = w->f;
	bool inline_command;
	__u32 end = 0;
	int r;

	if (w->s->off >= w->s->bytes)
		return 1;
	if (f->skip) {
		if (walk_skip(w) && !f->items)
			resp_command_done(w);
		return 0;
	}
	if (w->s->off - w->s->slice_off >= w->s->slice_len && resp_slice_load(w))
		return !!w->s->bad;
	r = resp_command_line(w, &end);
	w->s->off = w->s->slice_off + end;
	if (r <= 0) {
		slice_want(w, end);
		w->s->bad = r < 0;
		return !!w->s->bad;
	}
	f->have = 0;
	inline_command = f->state == RESP_LINE;
	f->state = RESP_IDLE;
	if (inline_command) {
		slice_want(w, end);
		if (resp_is_letter(f->type))
			resp_command_done(w);
		return 0;
	}
	if (!resp_command_header(w, end)) {
		w->s->bad = 1;
		return 1;
	}
	if (f->skip && walk_skip(w) && !f->items)
		resp_command_done(w);
	return 0;
}

#include "probes/redis/redis_reply.bpf.h"

/* 1 for a digit's value, 0 for all else: without a branch, each of which is a way for the verifier. */
static __always_inline __u64 resp_is_value(__u64 d)
{
	d -= 10;
	barrier_var(d);
	return d >> 63;
}

static __always_inline __u64 resp_value(__u64 head, __u32 at)
{
	__u64 d = (__u32)((head >> 8 * at & 0xff) - '0');

	barrier_var(d);
	return d;
}

/* "<type><up to three digits>\r\n" at `b`: its length, the number in *num; 0: anything else. */
static __always_inline __u32 resp_short_header(const unsigned char *b, __u32 *num)
{
	__u64 head = *(const __u64 *)b;
	__u64 n = resp_value(head, 1), d2 = resp_value(head, 2), d3 = resp_value(head, 3);
	__u64 two = resp_is_value(d2), three = two & resp_is_value(d3), end = 2 + two + three;

	if (n > 9 || (head >> 8 * end & 0xffff) != ('\r' | '\n' << 8))
		return 0;
	n += two * (9 * n + d2);
	n += three * (9 * n + d3);
	*num = n;
	return end + 2;
}

/*
 * The common case without a walk: `bytes` at lane_at() that are whole commands with short headers and
 * nothing else. Their number, or -1: let the walk see to it.
 */
__noinline int resp_whole_requests(__u32 bytes)
{
	struct lane *l = lane_get();
	volatile struct whole *v;
	__u32 num = 0, len;

	if (!l)
		return -1;
	v = whole_begin(l);
	for (int i = 0; i < WHOLE_STEPS; i++) {
		const unsigned char *b = whole_at(l, v);

		if (v->at >= bytes)
			break;
		len = resp_short_header(b, &num);
		if (!len)
			return -1;
		v->at += len;
		if (b[0] == '*' && !v->items && num) {
			v->items = num;
			v->n++;
		} else if (b[0] == '$' && v->items) {
			v->items--;
			v->at += num + 2;
		} else {
			return -1;
		}
	}
	return v->at == bytes && !v->items ? (int)v->n : -1;
}

/* The length of one reply that is no error and not nested, nil (or 0) or not; 0: anything else. */
static __always_inline __u32 resp_whole_reply(const unsigned char *b, bool *nil)
{
	__u32 num = 0, len, head = *(const __u32 *)b;

	*nil = head == RESP_NIL;
	if (*nil || head == RESP_OK)
		return 5;
	*nil = head == RESP_ZERO;
	if (b[0] != '$' && b[0] != ':')
		return 0;
	len = resp_short_header(b, &num);
	if (!len)
		return 0;
	/* Loaded again, so that both types are one way for the verifier. */
	return *(volatile const unsigned char *)b == '$' ? len + num + 2 : len;
}

/* One such reply and nothing else, which is what most writes are. */
static __always_inline bool resp_one_reply(struct conn *c, const unsigned char *b, __u32 bytes)
{
	bool nil;

	if (resp_whole_reply(b, &nil) != bytes)
		return false;
	c->nils = nil;
	return true;
}

/* The same for replies. Nil ones are marked in c->nils. */
__noinline int resp_whole_replies(struct conn *c, __u32 bytes)
{
	struct lane *l = lane_get();
	volatile struct whole *v;
	bool nil;

	if (!l || !c)
		return -1;
	v = whole_begin(l);
	for (int i = 0; i < 64; i++) {
		if (v->at >= bytes)
			break;
		v->items = resp_whole_reply(whole_at(l, v), &nil); /* its length */
		if (nil)
			c->nils |= 1ULL << i;
		if (!v->items)
			break;
		v->at += v->items;
		v->n++;
	}
	if (v->at == bytes)
		return v->n;
	c->nils = 0;
	return -1;
}

WALK_FUNCTION(resp_requests, resp_request, req)
WALK_FUNCTION(resp_replies, resp_reply, rep)

#endif
