/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Replies of RESP2 and RESP3: which of them answer a request, which are nil or errors, and how many elements of an
 * array are there. In: bytes, cut anywhere. Only for redis.bpf.h.
 */
#ifndef TALLYMAN_REDIS_REPLY_BPF_H
#define TALLYMAN_REDIS_REPLY_BPF_H

#define RESP_CONT 0x544e4f43 /* "CONT" */
#define RESP_FULL 0x4c4c5546 /* "FULL" */
#define RESP_ENDLESS (1ULL << 62)

/* framer.field of the reply direction: what the reply at hand is */
enum resp_reply_field {
	RESP_INSIDE = 1, /* the next element is one of an array */
	RESP_TRIPLE = 2, /* a push of three elements, the first of a subscription's length */
	RESP_SYNC = 4,	 /* the answer to PSYNC */
	RESP_HINTS = 8,	 /* the attributes that precede it */
};

/* The nth reply of this read or write failed: its class word starts with `ch`. */
static __always_inline void resp_error_byte(struct conn *c, char ch)
{
	struct rec_error *e = &c->errors[c->nerrors & (REPLY_ERRORS - 1)];

	if (c->nerrors < REPLY_ERRORS && c->error_len < sizeof(e->text) - 1) {
		e->text[c->error_len & 31] = ch;
		c->error_len++;
	}
}

static __always_inline void resp_error_begin(struct conn *c)
{
	struct rec_error *e = &c->errors[c->nerrors & (REPLY_ERRORS - 1)];

	c->error_len = 0;
	if (c->nerrors < REPLY_ERRORS) {
		__builtin_memset(e, 0, sizeof(*e));
		e->index = c->count;
	}
}

/* It is no answer: if it said that there is nothing, that is not the next one's. */
static __always_inline void resp_unasked(struct conn *c)
{
	c->nil_items = 0;
	c->nils &= ~(1ULL << (c->count & 63));
}

/*
 * One top-level reply is complete. A push answers no request, unless it confirms a subscription: of RESP3
 * that is the only answer.
 */
static __always_inline void resp_reply_done(struct walk *w)
{
	struct framer *f = w->f;
	struct conn *c = w->c;
	bool push = f->fatal; /* here: a push */

	f->fatal = 0;
	if (push && (!(f->field & RESP_TRIPLE) || f->type != ':')) {
		resp_unasked(c);
		return;
	}
	if (c->done + c->count == c->requests) { /* pub/sub and MONITOR: nobody asked */
		w->s->bad = c->flags & CONN_UNPROVEN;
		resp_unasked(c);
		return;
	}
	c->count++;
	if (c->count == 64 || c->nerrors == REPLY_ERRORS || c->nil_items) {
		reply_emit(c);
		c->nil_items = 0;
	}
}

/* An element of a reply is complete. */
static __always_inline void resp_item_done(struct walk *w)
{
	struct framer *f = w->f;

	if (f->items)
		f->items--;
	if (!f->items)
		resp_reply_done(w);
}

/* The reply says that there is none, if it is one. Inside of an array the nil ones are counted. */
static __always_inline void resp_none(struct walk *w, bool nil)
{
	struct conn *c = w->c;

	if (w->f->field & RESP_INSIDE)
		c->nil_items += nil;
	else if (c->count < 64)
		c->nils |= 1ULL << c->count;
}

/* An array begins, or a map of pairs. False: too large. */
static __always_inline bool resp_array(struct walk *w)
{
	struct framer *f = w->f;

	if (f->num > RESP_ITEMS_MAX)
		return false;
	if (f->type == '|') { /* attributes precede an element, they are not one */
		if (!(f->field & RESP_INSIDE))
			f->field |= RESP_HINTS;
		f->field |= RESP_INSIDE;
		f->items += 2 * f->num;
		return true;
	}
	if (!(f->field & RESP_INSIDE) && !f->fatal) {
		w->c->items = f->num < 0xffff ? f->num : 0xffff;
		if (!f->num)
			resp_none(w, false);
	}
	f->items += f->type == '%' ? 2 * f->num : f->num;
	f->field |= RESP_INSIDE;
	resp_item_done(w);
	return true;
}

/* The line of an element is read: what follows it? False: not RESP. */
static __always_inline bool resp_element(struct walk *w)
{
	struct framer *f = w->f;
	struct conn *c = w->c;

	switch (f->type) {
	case '$':
	case '=':
	case '!':
		if (f->neg)
			goto nil;
		if (f->num > RESP_BULK_MAX)
			return false;
		/* "subscribe" to "punsubscribe", of three elements */
		if (f->fatal && f->items == 3 && f->num >= 9 && f->num <= 12)
			f->field |= RESP_TRIPLE;
		f->skip = f->num + 2;
		return true;
	case '*':
	case '~':
	case '>':
	case '%':
	case '|':
		if (f->neg)
			goto nil;
		return resp_array(w);
	case '_':
		goto nil;
	case ':':
		if (f->neg ? f->num == 2 : !f->num)
			resp_none(w, false);
		break;
	case '-':
		if (!(f->field & RESP_INSIDE)) {
			resp_error_byte(c, 0);
			c->nerrors += c->done + c->count != c->requests; /* if anybody asked */
		}
		break;
	}
	resp_item_done(w);
	if (f->field & RESP_SYNC) {
		f->state = RESP_REPLICA;
		f->skip = RESP_ENDLESS;
	}
	return true;
nil:
	resp_none(w, true);
	resp_item_done(w);
	return true;
}

static __always_inline int resp_element_begin(struct walk *w, char ch)
{
	struct framer *f = w->f;

	f->type = ch;
	f->num = 0;
	f->neg = 0;
	f->have = 1;
	f->state = RESP_IDLE;
	if (!f->items) {
		f->items = 1;
		f->field = 0;
		f->fatal = ch == '>';
		if (!f->fatal)
			w->c->items = 0;
		if (!w->c->first_reply_ns)
			w->c->first_reply_ns = w->s->now_ns;
	} else if (f->items == 1 && f->field & RESP_HINTS) {
		f->field = 0; /* the reply itself */
	}
	switch (ch) {
	case '-':
		f->state = RESP_LINE;
		if (!(f->field & RESP_INSIDE)) {
			f->state = RESP_ERROR;
			resp_error_begin(w->c);
		}
		return 0;
	case '+':
	case ':':
	case '#':
	case ',':
	case '(':
	case '_':
		f->state = RESP_LINE;
		return 0;
	case '$':
	case '*':
	case '=':
	case '!':
	case '~':
	case '>':
	case '%':
	case '|':
		return 0;
	}
	return -1;
}

/* "+FULLRESYNC" and "+CONTINUE" precede what is no reply; b is behind the '+'. */
static __always_inline bool resp_is_sync(const struct framer *f, const char *b)
{
	__u32 word = *(const __u32 *)b;

	return f->type == '+' && !(f->field & RESP_INSIDE) &&
	       (word == RESP_FULL || word == RESP_CONT);
}

/* As resp_command_line(), of a reply. */
static __always_inline int resp_reply_line(struct walk *w, __u32 *end)
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
		if (resp_element_begin(w, text[*at & WALK_TEXT_MASK]))
			return -1;
		*at += 1;
		if (*at + 4 <= len && resp_is_sync(f, text + (*at & WALK_TEXT_MASK)))
			f->field |= RESP_SYNC;
	}
	for (int i = 0; i < WALK_HEADER_BYTES && !done; i++) {
		if (*at >= len)
			break;
		char ch = text[*at & WALK_TEXT_MASK];

		*at += 1;
		if (ch == '\n') {
			done = 1;
		} else if (f->state == RESP_ERROR) {
			if (ch == ' ' || ch == '\r')
				f->state = RESP_LINE;
			else
				resp_error_byte(w->c, ch);
		} else if (ch >= '0' && ch <= '9') {
			*num = *num * 10 + (ch - '0');
		} else if (ch == '-') {
			f->neg = 1;
		} else if (ch != '\r' && f->state == RESP_IDLE) {
			return -1;
		}
	}
	*end = *at;
	return done || f->state != RESP_IDLE || *at >= len ? done : -1;
}

/*
 * Replies that are complete are told at the end of a read or write. What is known of one that is not goes
 * with the next.
 */
__noinline int resp_reply_emit(struct conn *c)
{
	__u32 nil_items, n;
	bool inside, error;
	__u16 items;

	if (!c)
		return 0;
	inside = c->rep.items;
	error = c->rep.have && c->rep.type == '-';
	nil_items = c->nil_items;
	items = c->items;
	n = c->nerrors & (REPLY_ERRORS - 1);

	if (inside)
		c->nil_items = c->items = 0;
	reply_emit(c);
	if (inside) {
		c->nil_items = nil_items;
		c->items = items;
	}
	if (error && !(c->rep.field & RESP_INSIDE)) {
		c->errors[0] = c->errors[n];
		c->errors[0].index = 0;
	}
	return 0;
}

static __always_inline long resp_reply(struct walk *w)
{
	struct framer *f = w->f;
	__u32 end = 0;
	int r;

	if (w->s->off >= w->s->bytes)
		return 1;
	if (f->skip) {
		if (walk_skip(w))
			resp_item_done(w);
		return 0;
	}
	if (slice_at(w))
		return !!w->s->bad;
	r = resp_reply_line(w, &end);
	w->s->off = w->s->slice_off + end;
	if (r <= 0) {
		w->s->bad = r < 0;
		return !!w->s->bad;
	}
	f->have = 0;
	f->state = RESP_IDLE;
	if (!resp_element(w)) {
		w->s->bad = 1;
		return 1;
	}
	if (f->skip && walk_skip(w))
		resp_item_done(w);
	return 0;
}

#endif
