/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the message boundaries of each connection as the decoder does, and has each message scrubbed
 * by its protocol. Of a message that straddles records the part that was there is kept, scrubbed, so
 * that what follows is understood. Bytes that belong to no known message are zeroed: the decoder
 * passes over them too.
 */
#include "user/scrub.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/wire.h"
#include "probes/http/http_scrub.h"
#include "probes/postgres/postgres.h"
#include "probes/postgres/postgres_scrub.h"
#include "probes/redis/redis_scrub.h"
#include "user/lib/u64map.h"

#define CONNS_MAX 65536
#define HELD_MAX WIRE_TEXT_MAX

struct conn {
	uint8_t protocol;
	uint8_t phase; /* of the held message */
	bool in_step;
	bool holding;
	uint64_t next_pos;
	uint64_t bytes;	 /* of the held message; 0: not known yet */
	uint64_t passed; /* bytes of it so far */
	size_t nheld;
	char *held; /* the first bytes of it, scrubbed */
	struct redis_scan scan;
	struct http_scan http;
};

struct scrub {
	struct u64map conns;
	const char *const *comment_keys;
};

struct scrub *scrub_new(const char *const *comment_keys)
{
	struct scrub *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->comment_keys = comment_keys;
	u64map_init(&s->conns, CONNS_MAX);
	return s;
}

static void conn_free(struct conn *c)
{
	if (!c)
		return;
	free(c->held);
	free(c);
}

void scrub_free(struct scrub *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->conns.size; i++)
		conn_free(s->conns.slots[i].value);
	u64map_clear(&s->conns);
	free(s);
}

static struct conn *conn_of(struct scrub *s, const struct rec_request *r)
{
	struct conn *c = u64map_get(&s->conns, r->conn);
	void *old = NULL;

	if (c && c->protocol == r->protocol)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c || u64map_put(&s->conns, r->conn, c, &old) < 0) {
		free(c);
		return NULL;
	}
	conn_free(old);
	c->protocol = r->protocol;
	return c;
}

/* As struct protocol_decoder's scan(). */
static int scan(struct conn *c, uint8_t phase, const char *p, size_t n, uint64_t *bytes)
{
	bool counted;

	switch (c->protocol) {
	case PROTO_POSTGRESQL:
		return postgres_scan(phase, p, n, bytes);
	case PROTO_REDIS:
		return redis_scan(&c->scan, p, n, bytes, &counted);
	case PROTO_HTTP:
		return http_scan(&c->http, p, n, bytes, &counted);
	}
	return -EBADMSG;
}

static void scrub_message(struct scrub *s, struct conn *c, uint8_t phase, char *p, size_t n)
{
	switch (c->protocol) {
	case PROTO_POSTGRESQL:
		postgres_scrub(phase, p, n, s->comment_keys);
		break;
	case PROTO_REDIS:
		redis_scrub(&c->scan, p, n);
		break;
	case PROTO_HTTP:
		http_scrub(p, n);
		break;
	}
}

static void let_go(struct conn *c)
{
	c->holding = false;
	memset(&c->scan, 0, offsetof(struct redis_scan, args));
	c->http = (struct http_scan){ 0 };
}

static bool append(struct conn *c, const char *p, size_t n)
{
	size_t room = HELD_MAX - c->nheld;

	if (!c->held)
		c->held = malloc(HELD_MAX);
	if (!c->held)
		return false;
	n = n < room ? n : room;
	memcpy(c->held + c->nheld, p, n);
	c->nheld += n;
	return true;
}

/* Messages from a boundary on. */
static void scrub_messages(struct scrub *s, struct conn *c, uint8_t phase, char *p, size_t n)
{
	while (n) {
		uint64_t bytes = 0;
		int r = scan(c, phase, p, n, &bytes);

		if (r < 0) {
			memset(p, 0, n);
			let_go(c);
			c->in_step = false;
			return;
		}
		if (!r || bytes > n) {
			scrub_message(s, c, phase, p, n);
			c->holding = true;
			c->phase = phase;
			c->bytes = r ? bytes : 0;
			c->passed = n;
			c->nheld = 0;
			c->in_step = append(c, p, n);
			return;
		}
		scrub_message(s, c, phase, p, bytes);
		let_go(c);
		p += bytes;
		n -= bytes;
	}
}

/* n more bytes of the held message. */
static void scrub_more(struct scrub *s, struct conn *c, char *p, size_t n)
{
	size_t before = c->nheld, mine = n;
	int r = 1;

	c->passed += n;
	if (append(c, p, n) && !c->bytes)
		r = scan(c, c->phase, c->held, c->nheld, &c->bytes);
	if (r <= 0)
		c->bytes = 0;
	if (r < 0 || !c->held) {
		memset(p, 0, n);
		let_go(c);
		c->in_step = false;
		return;
	}
	if (c->bytes && c->passed > c->bytes)
		mine = c->bytes > c->passed - n ? c->bytes - (c->passed - n) : 0;
	if (c->nheld > before + mine)
		c->nheld = before + mine;
	scrub_message(s, c, c->phase, c->held, c->nheld);
	memcpy(p, c->held + before, c->nheld - before);
	memset(p + (c->nheld - before), 0, n - (c->nheld - before));
	if (c->bytes ? c->passed >= c->bytes : c->nheld == HELD_MAX) {
		c->in_step = mine == n && c->bytes;
		let_go(c);
	}
}

static void scrub_request(struct scrub *s, struct rec_request *r)
{
	size_t n = r->text_len, lead = r->lead < n ? r->lead : n;
	struct conn *c = conn_of(s, r);
	bool goes_on;

	if (!c) {
		memset(r->text, 0, n);
		return;
	}
	goes_on = c->in_step && r->pos == c->next_pos && c->holding == (lead > 0);
	c->next_pos = r->pos + n;
	if (goes_on && c->holding) {
		scrub_more(s, c, r->text, lead);
	} else if (!goes_on) {
		memset(r->text, 0, lead);
		let_go(c);
		c->in_step = false;
	}
	if (lead == n)
		return;
	let_go(c);
	c->in_step = true;
	scrub_messages(s, c, r->phase, r->text + lead, n - lead);
}

static void forget(struct scrub *s, uint64_t conn)
{
	conn_free(u64map_remove(&s->conns, conn));
}

void scrub_record(struct scrub *s, void *rec, size_t len)
{
	struct rec_hdr *hdr = rec;
	struct rec_request *r = rec;

	if (len < sizeof(*hdr))
		return;
	if (hdr->kind == REC_CLOSE && len >= sizeof(struct rec_close))
		forget(s, ((struct rec_close *)rec)->conn);
	if (hdr->kind != REC_REQUEST)
		return;
	if (hdr->len > len || hdr->len < sizeof(*r) || hdr->len - sizeof(*r) < r->text_len) {
		memset(hdr + 1, 0, len - sizeof(*hdr));
		return;
	}
	scrub_request(s, r);
	memset(r->text + r->text_len, 0, len - sizeof(*r) - r->text_len);
}
