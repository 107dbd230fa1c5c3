/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * HTTP/1.x framing in the kernel: where requests and replies begin and end, which reply has no body
 * because of what was asked, and the status of a failed one. Routes and hosts are user space's; of a
 * request only its header is copied, bodies are passed over by their length.
 * Protocol: RFC 9112, https://www.rfc-editor.org/rfc/rfc9112
 */
#ifndef TALLYMAN_HTTP_BPF_H
#define TALLYMAN_HTTP_BPF_H

#include "probes/http/http_line.bpf.h"

#define HTTP_ENDLESS (1ULL << 62)
#define HTTP_KINDS (16 * UNITS) /* outstanding requests whose kind is known: 2 bits each */

/* The kind of request n, told while it is outstanding. False: no room, and it would be mistaken. */
static __always_inline bool http_kind_put(struct conn *c, __u32 n, __u32 kind)
{
	__u32 *word = &c->unit_end[n >> 4 & (UNITS - 1)];
	__u32 shift = (n & 15) * 2;

	if (n - c->done >= HTTP_KINDS && (*word >> shift & 3) != kind)
		return false;
	*word = (*word & ~(3U << shift)) | kind << shift;
	return true;
}

static __always_inline __u32 http_kind_get(const struct conn *c, __u32 n)
{
	return c->unit_end[n >> 4 & (UNITS - 1)] >> (n & 15) * 2 & 3;
}

/* The header of a request is read: it counts. What follows of it leaves the kernel in no record. */
static __always_inline bool http_request_header(struct walk *w)
{
	struct framer *f = w->f;
	struct conn *c = w->c;

	if (!http_kind_put(c, c->requests, f->type))
		return false;
	c->requests++;
	if (f->fatal & HTTP_CODED) {
		if (!(f->fatal & HTTP_CHUNKED))
			return false;
		f->state = HTTP_SIZE;
		f->num = 0;
		f->have = 0;
	} else if (f->num) {
		f->state = HTTP_BODY;
		f->skip = f->num;
	} else {
		http_reset(f);
		return true;
	}
	slice_emit(w);
	w->s->slice_len = 0;
	return true;
}

static __always_inline void http_error(struct conn *c, __u32 status)
{
	struct rec_error *e = &c->errors[c->nerrors & (REPLY_ERRORS - 1)];

	__builtin_memset(e, 0, sizeof(*e));
	e->index = c->count;
	e->text[0] = '0' + status / 100;
	e->text[1] = '0' + status / 10 % 10;
	e->text[2] = '0' + status % 10;
	c->nerrors++;
}

/* A reply is complete, f->items is its status. */
static __always_inline void http_reply_done(struct walk *w)
{
	struct framer *f = w->f;
	struct conn *c = w->c;

	if (c->done + c->count != c->requests) { /* else nobody asked, as for a time-out */
		if (f->items >= 400)
			http_error(c, f->items);
		c->count++;
		if (c->count == 64 || c->nerrors == REPLY_ERRORS)
			reply_emit(c);
	}
	http_reset(f);
}

static __always_inline void http_endless(struct framer *f, enum http_state state)
{
	f->state = state;
	f->skip = HTTP_ENDLESS;
}

/* The header of a reply is read: what follows? */
static __always_inline void http_reply_header(struct walk *w)
{
	struct framer *f = w->f;
	struct conn *c = w->c;
	__u32 status = f->items, kind = HTTP_ORDINARY;

	if (c->done + c->count != c->requests)
		kind = http_kind_get(c, c->done + c->count);
	if (status == 101 || (kind == HTTP_CONNECT && status / 100 == 2)) {
		http_reply_done(w);
		http_endless(f, HTTP_TUNNEL);
	} else if (status / 100 == 1) { /* the reply is still to come */
		if (!c->count)
			c->first_reply_ns = 0;
		http_reset(f);
	} else if (kind == HTTP_HEAD || status == 204 || status == 304) {
		http_reply_done(w);
	} else if (f->fatal & HTTP_CHUNKED) {
		f->state = HTTP_SIZE;
		f->num = 0;
		f->have = 0;
	} else if (f->fatal & HTTP_CODED || !(f->fatal & HTTP_SIZED)) {
		http_endless(f, HTTP_UNTIL_CLOSE);
	} else if (f->num) {
		f->state = HTTP_BODY;
		f->skip = f->num;
	} else {
		http_reply_done(w);
	}
}

static __always_inline void http_message_done(struct walk *w)
{
	if (!w->s->request) {
		http_reply_done(w);
		return;
	}
	http_reset(w->f);
	w->s->slice_len = 0; /* it holds bytes of the body */
}

/* A body, or a chunk with its line end, is passed. */
static __always_inline void http_skipped(struct walk *w)
{
	struct framer *f = w->f;

	if (f->state == HTTP_BODY) {
		http_message_done(w);
		return;
	}
	f->state = HTTP_SIZE;
	f->num = 0;
	f->have = 0;
}

/* As slice_at(); a header that goes on is worth sending while the window is not full. */
static __always_inline int http_slice(struct walk *w)
{
	if (w->s->off - w->s->slice_off < w->s->slice_len)
		return 0;
	if (slice_load(w))
		return -1;
	if (w->s->request && http_in_header(w->f) &&
	    w->f->kept + (w->s->slice_off - w->s->begin) < cfg_text_window)
		w->s->wanted = 1;
	return 0;
}

/* The next byte begins a message. */
static __always_inline void http_begin(struct walk *w)
{
	if (w->s->request)
		walk_boundary(w, w->s->off - w->s->slice_off);
	else if (!w->c->first_reply_ns)
		w->c->first_reply_ns = w->s->now_ns;
}

static __always_inline long http_step(struct walk *w)
{
	struct framer *f = w->f;
	int r;

	if (w->s->off >= w->s->bytes)
		return 1;
	if (f->skip) {
		if (walk_skip(w))
			http_skipped(w);
		return 0;
	}
	if (http_slice(w))
		return !!w->s->bad;
	if (f->state == HTTP_START)
		http_begin(w);
	r = http_read(f, w->s->off - w->s->slice_off, w->s->slice_len, w->s->request);
	w->s->off = w->s->slice_off + w->s->next;
	if (w->s->request)
		slice_want(w, w->s->next);
	if (r == HTTP_BAD || (r == HTTP_HEADER && w->s->request && !http_request_header(w))) {
		w->s->bad = 1;
		return 1;
	}
	if (r == HTTP_HEADER && !w->s->request)
		http_reply_header(w);
	if (r == HTTP_MESSAGE)
		http_message_done(w);
	return 0;
}

/* Bytes of a body need not be read, and cannot where a file is sent by sendfile(). */
static __always_inline bool http_unread(const struct conn *c, bool request, __u32 bytes)
{
	return c->protocol == PROTO_HTTP && (request ? c->req.skip : c->rep.skip) >= bytes;
}

/* The connection ends: so does a reply that is as long as the connection. True: it is complete. */
static __always_inline bool http_closed(struct conn *c)
{
	struct framer *f = &c->rep;

	if (c->protocol != PROTO_HTTP || f->state != HTTP_UNTIL_CLOSE ||
	    c->flags & CONN_OUT_OF_STEP || c->done == c->requests)
		return false;
	if (f->items >= 400)
		http_error(c, f->items);
	c->count = 1;
	f->skip = 0;
	http_reset(f);
	return true;
}

WALK_FUNCTION(http_requests, http_step, req)
WALK_FUNCTION(http_replies, http_step, rep)

#endif
