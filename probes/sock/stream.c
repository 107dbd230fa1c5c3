/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts messages together. The usual record holds whole messages, which are handed on in place; only
 * one that straddles records is copied. Where the record's own account (pos, lead, seq) and the
 * protocol's framing disagree, the record is right: the kernel saw all bytes.
 */
#define _DEFAULT_SOURCE
#include "probes/sock/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One record on its way through a stream. */
struct run {
	struct stream *s;
	const struct protocol_decoder *proto;
	struct peer *peer;
	const struct rec_request *r;
	uint32_t queued;   /* requests that this record's bytes completed */
	size_t fed;	   /* bytes of it that resume() was given */
	bool unknown_tail; /* it began inside a message of which nothing is held */
};

/* What a client sent does not stay in memory. Straddling is rare, connections are many: it is freed, too. */
static void release(struct stream *s)
{
	if (s->held)
		explicit_bzero(s->held, s->nheld);
	free(s->held);
	s->held = NULL;
	s->nheld = 0;
}

void stream_free(struct stream *s)
{
	release(s);
	*s = (struct stream){ 0 };
}

/* Hands on what is held as a message that is cut. */
static void finish_cut(struct stream *s, const struct protocol_decoder *proto, struct peer *peer)
{
	bool counted = proto->counts_headers ? s->known && s->m.counted : true;

	s->holding = false;
	s->m.counted = counted;
	s->m.cut = true;
	if (s->m.wanted && (counted || s->known))
		proto->message(peer, (struct str){ s->held, s->nheld }, &s->m);
	else
		proto->reset(peer->state);
	release(s);
}

static bool store(struct stream *s, const char *p, size_t n)
{
	size_t room = STREAM_HELD_MAX - s->nheld;

	if (!s->held)
		s->held = malloc(STREAM_HELD_MAX);
	if (!s->held)
		return false;
	n = n < room ? n : room;
	memcpy(s->held + s->nheld, p, n);
	s->nheld += n;
	return true;
}

static uint32_t counted_so_far(const struct run *x)
{
	return x->s->next - x->r->seq;
}

/*
 * Was the held message, counted where it ends, counted in this record? Then the rest of it is beyond
 * the window.
 */
static bool rest_is_cut(const struct run *x)
{
	uint32_t mine = counted_so_far(x) + x->unknown_tail;

	return !x->proto->counts_headers && x->r->requests == mine + 1;
}

/* The last n bytes of the record at p begin a message that they do not end. */
static void hold(struct run *x, const char *p, size_t n, const struct message *m, bool known)
{
	struct stream *s = x->s;

	s->m = *m;
	s->known = known;
	s->holding = true;
	s->passed = n;
	s->nheld = 0;
	s->m.number = s->next;
	s->boundary = known ? x->r->pos + x->r->text_len - n + m->bytes : 0;
	if (known && m->counted && x->proto->counts_headers)
		s->next++;
	if (rest_is_cut(x)) {
		s->m.cut = s->m.counted = true;
		s->holding = s->in_step = false;
		s->next++;
		x->queued++;
		x->proto->message(x->peer, (struct str){ p, n }, &s->m);
	} else if ((m->wanted || !known) && !store(s, p, n)) {
		s->holding = s->in_step = false;
		x->proto->reset(x->peer->state);
	}
}

/* n bytes at p from a message's beginning on. */
static void whole_messages(struct run *x, const char *p, size_t n)
{
	struct message m = { .phase = x->r->phase,
			     .begin = { .read_ns = x->r->hdr.time_ns,
					.arrival_ns = x->r->arrival_ns } };

	while (n) {
		int r = x->proto->scan(x->peer->state, p, n, &m);

		m.begin.pos = x->r->pos + (p - x->r->text);
		if (r < 0) {
			x->proto->reset(x->peer->state);
			x->s->in_step = false;
			x->s->boundary = 0;
			return;
		}
		if (!r || m.bytes > n) {
			hold(x, p, n, &m, r);
			return;
		}
		m.number = x->s->next;
		if (m.counted) {
			x->s->next++;
			x->queued++;
		}
		if (m.wanted)
			x->proto->message(x->peer, (struct str){ p, m.bytes }, &m);
		p += m.bytes;
		n -= m.bytes;
	}
	x->s->boundary = x->r->pos + x->r->text_len;
}

/* The held message is complete. */
static void finish_whole(struct run *x, bool counted_before)
{
	struct stream *s = x->s;

	s->holding = false;
	s->boundary = x->r->pos + (s->m.bytes - (s->passed - x->fed));
	if (!counted_before) {
		s->m.number = s->next;
		s->next += s->m.counted;
		x->queued += s->m.counted;
	}
	s->m.cut = s->m.bytes > s->nheld;
	if (s->m.wanted)
		x->proto->message(x->peer,
				  (struct str){ s->held, s->m.cut ? s->nheld : (size_t)s->m.bytes },
				  &s->m);
	release(s);
}

/* Asks the protocol again what the held message is, now that more of it is there. */
static int scan_held(struct run *x)
{
	struct stream *s = x->s;
	int r = x->proto->scan(x->peer->state, s->held, s->nheld, &s->m);

	if (r > 0) {
		s->known = true;
		s->boundary = x->r->pos + x->fed + s->m.bytes - s->passed;
		return 0;
	}
	if (!r && s->nheld < STREAM_HELD_MAX)
		return 0;
	s->holding = s->in_step = false;
	if (r)
		x->proto->reset(x->peer->state);
	else
		finish_cut(s, x->proto, x->peer);
	return -EBADMSG;
}

/* n more bytes for the held message; the number of them that belong to it. */
static size_t resume(struct run *x, const char *p, size_t n)
{
	struct stream *s = x->s;
	uint64_t before = s->passed;
	bool counted_before = s->known && x->proto->counts_headers;

	s->passed += n;
	x->fed = n;
	if ((s->m.wanted || !s->known) && !store(s, p, n)) {
		s->holding = s->in_step = false;
		x->proto->reset(x->peer->state);
		return n;
	}
	if (!s->known && scan_held(x))
		return n;
	if (s->known && s->m.bytes <= s->passed) {
		finish_whole(x, counted_before);
		return s->m.bytes > before ? s->m.bytes - before : 0;
	}
	if (s->known && !counted_before && s->m.counted && x->proto->counts_headers) {
		s->m.number = s->next++;
		x->queued++;
	}
	return n;
}

/* What is held does not go on. Its end was counted in a record before this one, or in this one's lead. */
static void break_off(struct run *x)
{
	struct stream *s = x->s;

	if (!x->proto->counts_headers && (int32_t)(s->m.number + 1 - s->next) > 0)
		s->next = s->m.number + 1;
	finish_cut(s, x->proto, x->peer);
}

/* Bytes are missing before this record, or were when the last one ended. */
static void step_in(struct run *x)
{
	struct stream *s = x->s;

	if (s->holding)
		break_off(x);
	else
		x->unknown_tail = x->r->lead > 0;
	if (x->proto->gap && x->r->pos + x->r->lead != s->boundary)
		x->proto->gap(x->peer->state);
	s->in_step = false;
}

static void go_on(struct run *x, size_t n, size_t lead)
{
	struct stream *s = x->s;
	size_t used = resume(x, x->r->text, lead);

	if (!s->holding) {
		s->in_step = s->in_step && used == lead;
	} else if (lead < n) {
		break_off(x);
	} else if (rest_is_cut(x)) {
		s->m.number = s->next++;
		s->in_step = false;
		finish_cut(s, x->proto, x->peer);
	}
}

void stream_record(struct stream *s, const struct protocol_decoder *proto, struct peer *peer,
		   const struct rec_request *r)
{
	struct run x = { .s = s, .proto = proto, .peer = peer, .r = r };
	size_t n = r->text_len, lead = r->lead < n ? r->lead : n;
	bool goes_on = s->in_step && r->pos == s->next_pos && s->holding == (lead > 0);

	s->next = r->seq;
	s->next_pos = r->pos + n;
	if (!goes_on)
		step_in(&x);
	else if (s->holding)
		go_on(&x, n, lead);
	if (lead == n)
		return;
	s->in_step = true;
	whole_messages(&x, r->text + lead, n - lead);
	/* The message that ended in the lead was counted here too: it came first. */
	if (x.unknown_tail && r->requests == (uint16_t)(counted_so_far(&x) + 1)) {
		requests_renumber(peer->requests, x.queued);
		s->m.number++;
	}
}

void stream_answered(struct stream *s, const struct protocol_decoder *proto, struct peer *peer,
		     uint32_t end)
{
	bool counted = !proto->counts_headers || (s->known && s->m.counted);

	if (!s->holding || !counted || (int32_t)(s->m.number - end) >= 0)
		return;
	s->in_step = false;
	finish_cut(s, proto, peer);
}
