/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation for tests: messages and replies, told as the records that the kernel would send, cut
 * as the test likes. Where messages begin and which count is known from their making, not from any
 * decoder. What comes out is one line of text per event.
 */
#ifndef TALLYMAN_TEST_SESSION_H
#define TALLYMAN_TEST_SESSION_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/decode.h"

#define SESSION_BYTES 65536
#define SESSION_STEPS 512
#define SESSION_WINDOW 1024

struct session_step {
	int reply;	/* else a message */
	size_t at, len; /* of a message, in bytes[] */
	int counted, phase;
	struct rec_reply rec; /* of a reply; seq is filled in */
};

struct session {
	int protocol, role;
	char bytes[SESSION_BYTES];
	size_t len;
	struct session_step steps[SESSION_STEPS];
	int nsteps;
	/* while it is told */
	uint64_t conn;
	size_t window; /* 0: no limit */
	void (*tell)(void *ctx, void *rec, size_t len);
	void *ctx;
	uint64_t now_ns;
	uint32_t seq, done;
	uint64_t reply_pos;
};

static inline void session_message(struct session *s, const void *p, size_t n, int counted,
				   int phase)
{
	struct session_step *st = &s->steps[s->nsteps++];

	*st = (struct session_step){ .at = s->len, .len = n, .counted = counted, .phase = phase };
	memcpy(s->bytes + s->len, p, n);
	s->len += n;
}

static inline struct rec_reply *session_reply(struct session *s, int count)
{
	struct session_step *st = &s->steps[s->nsteps++];

	*st = (struct session_step){ .reply = 1 };
	st->rec.count = count;
	st->rec.completes = count;
	st->rec.reply_bytes = 100 * count;
	return &st->rec;
}

static inline void session_error(struct session *s, int count, int index, const char *text)
{
	struct rec_reply *r = session_reply(s, count);
	struct rec_error *e = &r->errors[r->nerrors++];

	e->index = index;
	strncpy(e->text, text, sizeof(e->text) - 1);
}

/* A PostgreSQL message: type, then per letter of fmt: s string with NUL, h int16, i int32, b len + bytes. */
static inline void pg(struct session *s, char type, const char *fmt, ...)
{
	char m[16384];
	size_t n = 5;
	uint32_t v;
	va_list ap;

	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt == 's') {
			const char *str = va_arg(ap, const char *);

			memcpy(m + n, str, strlen(str) + 1);
			n += strlen(str) + 1;
		} else if (*fmt == 'b') {
			const char *str = va_arg(ap, const char *);

			v = __builtin_bswap32(strlen(str));
			memcpy(m + n, &v, 4);
			memcpy(m + n + 4, str, strlen(str));
			n += 4 + strlen(str);
		} else {
			int i = va_arg(ap, int), size = *fmt == 'h' ? 2 : *fmt == 'i' ? 4 : 1;

			while (size)
				m[n++] = i >> 8 * --size;
		}
	}
	va_end(ap);
	m[0] = type;
	v = __builtin_bswap32(n - 1);
	memcpy(m + 1, &v, 4);
	session_message(s, m, n, type == 'Q' || type == 'E' || type == 'F', PHASE_READY);
}

/* Pairs of strings, NULL at the end. */
static inline void pg_startup(struct session *s, ...)
{
	char m[1024] = { 0, 0, 0, 0, 0, 3, 0, 0 };
	size_t n = 8;
	const char *str;
	uint32_t v;
	va_list ap;

	va_start(ap, s);
	while ((str = va_arg(ap, const char *))) {
		memcpy(m + n, str, strlen(str) + 1);
		n += strlen(str) + 1;
	}
	va_end(ap);
	m[n++] = 0;
	v = __builtin_bswap32(n);
	memcpy(m, &v, 4);
	session_message(s, m, n, 0, PHASE_STARTUP);
}

/* A Redis command of n arguments. */
static inline void redis(struct session *s, int n, ...)
{
	char m[16384];
	size_t len = sprintf(m, "*%d\r\n", n);
	va_list ap;

	va_start(ap, n);
	while (n--) {
		const char *arg = va_arg(ap, const char *);

		len += sprintf(m + len, "$%zu\r\n%s\r\n", strlen(arg), arg);
	}
	va_end(ap);
	session_message(s, m, len, 1, PHASE_READY);
}

/* How many requests are counted in bytes [from, to) of the request direction. */
static inline int session_counted(const struct session *s, size_t from, size_t to)
{
	int n = 0;

	for (int i = 0; i < s->nsteps; i++) {
		const struct session_step *st = &s->steps[i];
		size_t at = s->protocol == PROTO_POSTGRESQL ? st->at + 5 : st->at + st->len;

		n += !st->reply && st->counted && at > from && at <= to;
	}
	return n;
}

/* Where the next message begins, at `from` or after it; `to` if none does before. */
static inline size_t session_boundary(const struct session *s, size_t from, size_t to)
{
	for (int i = 0; i < s->nsteps; i++)
		if (!s->steps[i].reply && s->steps[i].at >= from && s->steps[i].at < to)
			return s->steps[i].at;
	return to;
}

static inline int session_phase(const struct session *s, size_t at)
{
	for (int i = 0; i < s->nsteps; i++)
		if (!s->steps[i].reply && at >= s->steps[i].at &&
		    at < s->steps[i].at + s->steps[i].len)
			return s->steps[i].phase;
	return PHASE_READY;
}

/* Tells bytes [from, to) as one record that counts what is counted up to `until`. */
static inline void session_slice(struct session *s, size_t from, size_t to, size_t until)
{
	static union {
		struct rec_request r;
		char bytes[sizeof(struct rec_request) + SESSION_BYTES];
	} u;
	struct rec_request *r = &u.r;

	memset(r, 0, sizeof(*r));
	r->hdr.kind = REC_REQUEST;
	r->hdr.len = sizeof(*r) + (to - from);
	r->hdr.time_ns = s->now_ns;
	r->conn = s->conn;
	r->arrival_ns = s->now_ns - 7;
	r->pos = from;
	r->seq = s->seq;
	r->requests = session_counted(s, from, until);
	s->seq += r->requests;
	r->lead = session_boundary(s, from, to) - from;
	r->chunk_bytes = until - from;
	r->text_len = to - from;
	r->role = s->role;
	r->protocol = s->protocol;
	r->phase = session_phase(s, from);
	memcpy(r->text, s->bytes + from, to - from);
	s->tell(s->ctx, r, r->hdr.len);
}

/* One read of bytes [from, to): slices without what is beyond the window of each message. */
static inline void session_read(struct session *s, size_t from, size_t to)
{
	size_t begin = from, at = from;

	for (int i = 0; s->window && i < s->nsteps; i++) {
		struct session_step *st = &s->steps[i];
		size_t keep = st->at + s->window, end = st->at + st->len;

		if (st->reply || end <= from || st->at >= to || end <= keep)
			continue;
		if (keep > at && keep < to) {
			size_t next = end < to ? end : to;

			if (keep > begin)
				session_slice(s, begin, keep, next);
			begin = at = next;
		} else if (keep <= from) {
			begin = at = end < to ? end : to;
			s->seq += session_counted(s, from, begin);
		}
	}
	if (begin < to)
		session_slice(s, begin, to, to);
}

/* Tells all; reads end where replies are, and where cut() says: the end of a read from `from`. */
static inline void session_tell(struct session *s, size_t (*cut)(void *arg, size_t from, size_t to),
				void *arg)
{
	size_t from = 0, to = 0;

	s->now_ns = 1000;
	s->seq = s->done = 0;
	s->reply_pos = 0;
	for (int i = 0; i < s->nsteps; i++) {
		struct session_step *st = &s->steps[i];
		struct rec_reply r = st->rec;

		if (!st->reply) {
			/* What follows the start-up packet is another read. */
			if (from < st->at && st->phase != session_phase(s, from)) {
				session_read(s, from, st->at);
				from = st->at;
			}
			to = st->at + st->len;
			continue;
		}
		while (from < to) {
			size_t end = cut ? cut(arg, from, to) : to;

			if (session_phase(s, end - 1) != session_phase(s, from))
				end = session_boundary(s, from + 1, to);
			session_read(s, from, end);
			from = end;
		}
		s->now_ns += 1000;
		r.hdr.kind = REC_REPLY;
		r.hdr.len = REC_REPLY_FIXED + r.nerrors * sizeof(struct rec_error);
		r.hdr.time_ns = s->now_ns;
		r.conn = s->conn;
		r.seq = s->done;
		r.role = s->role;
		r.protocol = s->protocol;
		s->done += r.count;
		s->reply_pos += r.reply_bytes;
		r.pos = s->reply_pos;
		s->tell(s->ctx, &r, r.hdr.len);
		s->now_ns += 1000;
	}
}

/* For session_tell(): reads of *arg bytes each. */
static inline size_t session_pieces(void *arg, size_t from, size_t to)
{
	size_t end = from + *(size_t *)arg;

	return end < to ? end : to;
}

static inline struct rec_conn session_conn(const struct session *s)
{
	return (struct rec_conn){ .hdr = { .kind = REC_CONN, .len = sizeof(struct rec_conn) },
				  .conn = s->conn,
				  .cgroup = 7,
				  .family = CONN_INET,
				  .local_addr = { 10, 0, 0, 1 },
				  .remote_addr = { 10, 0, 0, 2 },
				  .local_port = 5432,
				  .remote_port = 40000 + s->conn,
				  .role = s->role,
				  .protocol = s->protocol,
				  .comm = "server" };
}

/* ---- events as text ---- */

struct lines {
	struct decode *decode;
	char text[1 << 20];
	size_t len;
	unsigned int n;
	int bad;
	unsigned int comments; /* of the last event's statement, and the first of them */
	char comment[64];
};

static inline void lines_event(void *ctx, const struct event *ev)
{
	struct lines *l = ctx;
	const struct event_request *r = &ev->request;

	if (ev->kind != EVENT_REQUEST)
		return;
	l->n++;
	l->comments = r->statement->ncomments;
	if (l->comments)
		snprintf(l->comment, sizeof(l->comment), "%s=%s", r->statement->comments[0].key,
			 r->statement->comments[0].value);
	if (l->len > sizeof(l->text) - 16384)
		return;
	l->len += sprintf(l->text + l->len,
			  "%s|%s|%s|%s|%s|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "|%" PRIu64 "\n",
			  r->statement->text, r->outcome, r->subject->database, r->subject->user,
			  r->subject->application_name, r->queue_ns, r->service_ns,
			  r->request_bytes, r->reply_bytes);
}

static inline void lines_record(void *ctx, void *rec, size_t len)
{
	struct lines *l = ctx;

	l->bad += decode_record(l->decode, rec, len, lines_event, l) != 0;
}

/* All events of a session, as text that the caller frees. */
static inline char *session_lines(struct session *s, size_t (*cut)(void *, size_t, size_t),
				  void *arg)
{
	struct lines *l = calloc(1, sizeof(*l));
	struct rec_conn r = session_conn(s);
	char *text;

	l->decode = decode_new(&(struct decode_config){ 0 });
	s->tell = lines_record;
	s->ctx = l;
	lines_record(l, &r, sizeof(r));
	session_tell(s, cut, arg);
	decode_free(l->decode);
	text = strdup(l->bad ? "bad record" : l->text);
	free(l);
	return text;
}

#endif
