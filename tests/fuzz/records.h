/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz input as records of one connection. Each step is two bytes, how and how long, and for a request
 * that many bytes of text; a reply may be followed by what a local client's end tells. Checked: nothing
 * crashes, a reply of n requests gives n events, and n more for the client's end if that is local, and
 * a scrubbed record gives the event that the raw one gave.
 */
#ifndef TALLYMAN_FUZZ_RECORDS_H
#define TALLYMAN_FUZZ_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/decode.h"
#include "user/lib/hash.h"
#include "user/scrub.h"

#define FUZZ_EVENT_BYTES 32 /* what a request has at least on the wire, or about */

/* Bytes that stand for what was made of the input: two bytes of it are a record, which may tell of many requests. */
size_t fuzz_work;

struct fuzz {
	struct decode *raw, *scrubbed;
	struct scrub *scrub;
	uint64_t raw_hash, scrubbed_hash;
	unsigned int raw_events, scrubbed_events, replies, raw_client, scrubbed_client;
	uint64_t pos, reply_pos;
	bool local; /* the client's end tells only times */
	uint32_t seq, done;
};

static inline uint64_t fuzz_hash(uint64_t h, const char *s)
{
	return hash_bytes(s, strlen(s), h);
}

static inline uint64_t fuzz_event(uint64_t h, const struct event *ev)
{
	const struct event_request *r = &ev->request;

	h = fuzz_hash(h, r->statement->operation);
	h = fuzz_hash(h, r->statement->text);
	h = fuzz_hash(h, r->statement->key_pattern);
	h = fuzz_hash(h, r->statement->host);
	h = fuzz_hash(h, r->statement->summary);
	for (unsigned int i = 0; i < r->statement->ntables; i++)
		h = fuzz_hash(h, r->statement->tables[i]);
	for (unsigned int i = 0; i < r->statement->ncomments; i++)
		h = fuzz_hash(h, r->statement->comments[i].value);
	h = fuzz_hash(h, r->subject->application_name);
	h = fuzz_hash(h, r->subject->database);
	h = fuzz_hash(h, r->outcome);
	return hash_mix(h, r->service_ns ^ r->request_bytes << 32);
}

static inline void fuzz_raw(void *ctx, const struct event *ev)
{
	struct fuzz *f = ctx;

	fuzz_work += FUZZ_EVENT_BYTES;
	f->raw_hash = fuzz_event(f->raw_hash, ev);
	f->raw_events += ev->request.role == ROLE_SERVER;
	f->raw_client += ev->request.role == ROLE_CLIENT;
}

static inline void fuzz_scrubbed(void *ctx, const struct event *ev)
{
	struct fuzz *f = ctx;

	f->scrubbed_hash = fuzz_event(f->scrubbed_hash, ev);
	f->scrubbed_events += ev->request.role == ROLE_SERVER;
	f->scrubbed_client += ev->request.role == ROLE_CLIENT;
}

static inline void fuzz_feed(struct fuzz *f, void *rec)
{
	size_t len = ((struct rec_hdr *)rec)->len;
	void *copy = malloc(len); /* of the exact size, for the sanitizer */

	fuzz_work += len;
	memcpy(copy, rec, len);
	decode_record(f->raw, copy, len, fuzz_raw, f);
	scrub_record(f->scrub, copy, len);
	decode_record(f->scrubbed, copy, len, fuzz_scrubbed, f);
	free(copy);
}

static inline void fuzz_request(struct fuzz *f, int protocol, uint8_t how, const uint8_t *p,
				size_t n)
{
	static union {
		struct rec_request r;
		char room[sizeof(struct rec_request) + 4096];
	} u;
	/* What the kernel would tell of it: the message goes on, a new one begins, or some are lost. */
	uint32_t lead = how & 1 ? 0 : how & 2 ? n : n / 2;

	f->pos += how & 4 ? 100 : 0;
	f->seq += how & 8 ? 2 : 0;
	u.r = (struct rec_request){ .hdr = { REC_REQUEST, sizeof(u.r) + n, 0, 100 + f->pos },
				    .conn = 1,
				    .arrival_ns = 99,
				    .pos = f->pos,
				    .seq = f->seq,
				    .lead = lead,
				    .requests = how >> 4 & 3,
				    .text_len = n,
				    .role = ROLE_SERVER,
				    .protocol = protocol,
				    .phase = how & 128 ? PHASE_STARTUP : PHASE_READY };
	memcpy(u.r.text, p, n);
	f->pos += n;
	f->seq += u.r.requests;
	fuzz_feed(f, &u);
}

static inline void fuzz_reply(struct fuzz *f, int protocol, uint8_t how)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, 10000 + f->pos },
			       .conn = 1,
			       .seq = f->done,
			       .pos = f->reply_pos += 1 + how * 3,
			       .count = how & 15,
			       .role = ROLE_SERVER,
			       .protocol = protocol,
			       .flags = f->local ? REPLY_LOCAL : 0,
			       .nerrors = how >> 6 & 1 };

	r.errors[0].index = how >> 4 & 3;
	strcpy(r.errors[0].text, "42P01");
	r.hdr.len += r.nerrors * sizeof(r.errors[0]);
	f->done += r.count;
	f->replies += r.count;
	fuzz_feed(f, &r);
}

/* The two ends make themselves known. */
static inline void fuzz_conns(struct fuzz *f, int protocol)
{
	for (int i = 0; i < 2; i++) {
		struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 1 },
				      .conn = 1 + i,
				      .family = CONN_INET,
				      .local_port = 1 + i,
				      .remote_port = 2 - i,
				      .role = i ? ROLE_CLIENT : ROLE_SERVER,
				      .protocol = protocol };

		fuzz_feed(f, &r);
	}
}

/* Places near the ones of the other end's records, or not so near. */
static inline void fuzz_progress(struct fuzz *f, uint8_t how, uint8_t near)
{
	bool request = how & 1;
	uint64_t pos = request ? f->pos : f->reply_pos;
	struct rec_progress r = { .hdr = { REC_PROGRESS, sizeof(r), 0, 9000 + f->pos + near },
				  .conn = request ? 1 : 2,
				  .pos = pos - (pos < near ? pos : near),
				  .bytes = near * 2,
				  .direction = request ? PROGRESS_ARRIVAL : PROGRESS_REPLY };

	fuzz_feed(f, &r);
}

static inline void fuzz_close(struct fuzz *f, uint64_t conn)
{
	struct rec_close r = { .hdr = { REC_CLOSE, sizeof(r), 0, 1 }, .conn = conn };

	fuzz_feed(f, &r);
}

static inline int fuzz_records(int protocol, const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "tenant", NULL };
	const struct decode_config cfg = {
		.statements_max = 64, .subjects_max = 16, .conns_max = 4, .comment_keys = keys
	};
	struct fuzz f = { .raw = decode_new(&cfg),
			  .scrubbed = decode_new(&cfg),
			  .scrub = scrub_new(keys) };

	fuzz_conns(&f, protocol);
	f.local = size && data[0] & 1;
	if (f.local) {
		struct rec_progress first = {
			.hdr = { REC_PROGRESS, sizeof(first), 0, 1 },
			.conn = 2,
			.direction = PROGRESS_REPLY,
		};

		fuzz_feed(&f, &first);
	}
	while (size >= 2) {
		uint8_t how = data[0];
		size_t n = data[1] * (how & 64 ? 16u : 1u);

		data += 2;
		size -= 2;
		if (!n) {
			fuzz_reply(&f, protocol, how);
			if (how & 32 && size)
				fuzz_progress(&f, how >> 4, data[0]);
			continue;
		}
		n = n < size ? n : size;
		fuzz_request(&f, protocol, how, data, n);
		data += n;
		size -= n;
	}
	fuzz_close(&f, f.local ? 1 : 2);
	fuzz_close(&f, f.local ? 2 : 1);
	if (f.raw_client != (f.local ? f.replies : 0) || f.raw_client != f.scrubbed_client)
		abort();
	if (f.raw_events != f.replies || f.scrubbed_events != f.replies)
		abort();
	if (f.raw_hash != f.scrubbed_hash)
		abort();
	decode_free(f.raw);
	decode_free(f.scrubbed);
	scrub_free(f.scrub);
	return 0;
}

#endif
