/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's framing of both directions. First byte: the protocol; then turns, each a byte with the direction and
 * where to cut, a byte with the length, and the bytes. Checked: each turn as a whole and cut in pieces gives
 * the same requests, replies and errors; records are whole; steps are bounded; the path without a walk
 * counts what the walk does, of what the walk can follow: it does not look at every byte.
 */
#include "tests/fuzz/kernel.bpf.h"

#define CHECK(what)              \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

/* A connection with what its records told so far. */
struct side {
	struct conn c;
	uint32_t told, errors, nils;
	bool bad;
};

static void side_init(struct side *s, int protocol, bool startup)
{
	memset(s, 0, sizeof(*s));
	s->c.id = 1;
	s->c.role = ROLE_SERVER;
	s->c.protocol = protocol;
	s->c.phase = startup ? CONN_PHASE_STARTUP : CONN_PHASE_READY;
	s->c.flags = CONN_ANNOUNCED;
}

static bool at_boundary(const struct framer *f)
{
	return !(f->skip | f->have | f->items | f->state);
}

/* Takes the records out of the lane. */
static void take(struct side *s)
{
	struct lane *l = kernel.lane;
	const struct rec_hdr *hdr;
	const struct rec_request *q;
	const struct rec_reply *r;

	for (; l->tail < l->head; l->tail += (hdr->len + 7) & ~7ULL) {
		hdr = (const void *)(l->data + LANE_SLACK + l->tail);
		q = (const void *)hdr;
		r = (const void *)hdr;
		CHECK(hdr->kind == REC_REQUEST || hdr->kind == REC_REPLY);
		if (hdr->kind == REC_REQUEST) {
			CHECK(hdr->len == sizeof(*q) + q->text_len && q->text_len &&
			      q->text_len <= WIRE_TEXT_MAX && q->lead <= q->text_len);
			continue;
		}
		CHECK(r->nerrors <= REPLY_ERRORS && r->seq == s->told);
		CHECK(hdr->len == REC_REPLY_FIXED + r->nerrors * sizeof(struct rec_error));
		s->told += r->count;
		s->errors += r->nerrors;
		if (s->c.protocol == PROTO_REDIS)
			s->nils += __builtin_popcountll(r->nils);
	}
	CHECK(l->head < cfg_lane_bytes);
	l->head = l->tail = 0;
}

static struct walk begin(struct side *s, const uint8_t *p, size_t n, bool request)
{
	struct walk w = { .c = &s->c, .l = kernel.lane };

	kernel.bytes = (const char *)p;
	kernel.len = n;
	kernel.steps = 0;
	lane_seek(kernel.lane);
	w.s = (struct walk_vars *)kernel.lane->work;
	w.f = request ? &s->c.req : &s->c.rep;
	walk_begin(&w, n, 100);
	w.s->p = (struct payload){ .base = 1, .len = n };
	w.s->request = request;
	w.s->slice_max = request ? cfg_text_window : WALK_REPLY_SLICE;
	return w;
}

/* As the hooks do it: request_bytes() and reply_bytes() in sock.bpf.c. */
static void walk(struct side *s, const uint8_t *p, size_t n, bool request)
{
	struct conn *c = &s->c;
	struct walk w = begin(s, p, n, request);

	if (request) {
		w.s->copy = c->phase != CONN_PHASE_AUTH;
		w.s->phase = c->phase == CONN_PHASE_READY ? PHASE_READY : PHASE_STARTUP;
		walk_continue(&w);
		s->bad = w.s->bad || walk_requests(c);
	} else {
		s->bad = walk_replies(c);
		if (!s->bad && c->protocol == PROTO_REDIS && c->count)
			resp_reply_emit(c);
		else if (!s->bad && c->protocol == PROTO_HTTP && c->count)
			reply_emit(c);
	}
	if (!s->bad)
		walk_end(&w);
	CHECK(kernel.steps <= 4 * n + 64);
	take(s);
}

/* What the path without a walk makes of it; -1: nothing. */
static int whole(struct side *s, const uint8_t *p, size_t n)
{
	if (s->c.protocol == PROTO_HTTP || s->c.phase != CONN_PHASE_READY || n > cfg_text_window ||
	    !at_boundary(&s->c.req))
		return -1;
	lane_seek(kernel.lane);
	memcpy(((struct rec_request *)lane_at(kernel.lane))->text, p, n);
	return s->c.protocol == PROTO_REDIS ? resp_whole_requests(n) : pg_whole_requests(n);
}

static uint32_t answered(const struct side *s)
{
	return s->c.done + s->c.count;
}

/* What fits no framing may be seen to later if it is cut, such as a number of many digits. */
static void compare(const struct side *a, const struct side *b)
{
	CHECK(answered(a) <= a->c.requests && answered(b) <= b->c.requests);
	if (a->bad)
		return;
	CHECK(!b->bad);
	CHECK(a->c.requests == b->c.requests && answered(a) == answered(b));
	CHECK(a->c.phase == b->c.phase);
	CHECK(a->c.req.pos == b->c.req.pos && a->c.rep.pos == b->c.rep.pos);
	CHECK(a->c.req.skip == b->c.req.skip && a->c.rep.skip == b->c.rep.skip);
	CHECK(at_boundary(&a->c.req) == at_boundary(&b->c.req));
	CHECK(at_boundary(&a->c.rep) == at_boundary(&b->c.rep));
	CHECK(a->errors == b->errors && a->nils == b->nils);
}

/* Pieces of `step` bytes, the first of them shorter; each in memory of its own size. */
static void walk_cut(struct side *s, const uint8_t *p, size_t n, size_t step, bool request)
{
	size_t piece = n > step ? n % step : n;

	for (piece = piece ? piece : step; n && !s->bad; piece = step) {
		uint8_t *copy;

		piece = piece < n ? piece : n;
		copy = malloc(piece);
		memcpy(copy, p, piece);
		walk(s, copy, piece, request);
		free(copy);
		p += piece;
		n -= piece;
	}
}

static void turn(struct side *a, struct side *b, const uint8_t *p, size_t n, uint8_t how)
{
	static const size_t steps[] = { 1, 2, 3, 5, 7, 16, 40, 100 };
	bool request = how & 1;
	uint32_t before = a->c.requests;
	uint8_t *copy = malloc(n);
	int count;

	memcpy(copy, p, n);
	count = request ? whole(a, copy, n) : -1;
	walk(a, copy, n, request);
	CHECK(count < 0 || a->bad ||
	      (at_boundary(&a->c.req) && a->c.requests - before == (uint32_t)count));
	free(copy);
	walk_cut(b, p, n, steps[how >> 1 & 7], request);
	/* "+CONTINUE" is known by its first four bytes, if it is not cut there. */
	if (a->c.protocol == PROTO_REDIS && a->c.rep.field & RESP_SYNC)
		a->bad = true;
	compare(a, b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct side a, b;
	int protocol = size ? 1 + data[0] % 3 : 0;
	bool startup = protocol == PROTO_POSTGRESQL && data[0] & 128;

	if (!size)
		return 0;
	if (!kernel.lane)
		kernel.lane = calloc(1, LANE_VALUE_SIZE(cfg_lane_bytes));
	kernel.lane->head = kernel.lane->tail = 0;
	side_init(&a, protocol, startup);
	side_init(&b, protocol, startup);
	data++;
	size--;
	while (size > 2 && !a.bad) {
		size_t n = data[1] * (data[0] & 64 ? 16u : 1u);

		n = n < size - 2 ? n : size - 2;
		if (n)
			turn(&a, &b, data + 2, n, data[0]);
		data += 2 + n;
		size -= 2 + n;
	}
	return 0;
}
