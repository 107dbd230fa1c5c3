/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of a connection with both ends on this node: a decoder, the two ends' records, and the
 * request events that came of them.
 */
#ifndef TALLYMAN_TEST_PAIR_H
#define TALLYMAN_TEST_PAIR_H

#include <stdbool.h>

#include "tests/unit/session.h"

#define SERVER 1
#define CLIENT 2
#define RECS 512
#define EVENTS 16384

/* One end's records, in its order. */
struct end {
	struct rec_hdr *recs[RECS];
	int n, at;
};

struct fixture {
	struct decode *decode;
	struct end server, client;
	struct event_request events[EVENTS];
	struct event_trip trips[EVENTS]; /* of those that have one */
	int n;
	bool full; /* the client's end is not local: it tells its requests itself */
};

static struct fixture fx;

static inline void see(void *ctx, const struct event *ev)
{
	(void)ctx;
	if (ev->kind != EVENT_REQUEST || fx.n == EVENTS)
		return;
	if (ev->request.trip)
		fx.trips[fx.n] = *ev->request.trip;
	fx.events[fx.n++] = ev->request;
}

static inline void feed(void *rec)
{
	assert_int_equal(decode_record(fx.decode, rec, ((struct rec_hdr *)rec)->len, see, NULL), 0);
}

static inline void restart(void)
{
	decode_free(fx.decode);
	fx.decode = decode_new(&(struct decode_config){ .conns_max = 64 });
	fx.n = fx.server.at = fx.client.at = 0;
}

/* The records end here. */
static inline void finish(void)
{
	decode_finish(fx.decode, see, NULL);
}

static inline int setup(void **state)
{
	(void)state;
	restart();
	return !fx.decode;
}

static inline void end_clear(struct end *e)
{
	while (e->n)
		free(e->recs[--e->n]);
}

static inline int teardown(void **state)
{
	(void)state;
	decode_free(fx.decode);
	end_clear(&fx.server);
	end_clear(&fx.client);
	memset(&fx, 0, sizeof(fx));
	return 0;
}

/* ---- records ---- */

static inline void put(struct end *e, const void *rec)
{
	size_t len = ((const struct rec_hdr *)rec)->len;

	assert_true(e->n < RECS);
	e->recs[e->n] = malloc(len);
	memcpy(e->recs[e->n++], rec, len);
}

static inline struct rec_conn conn_rec(uint64_t id, int protocol)
{
	bool server = id == SERVER;
	struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 1 },
			      .conn = id,
			      .cgroup = 100 + id,
			      .family = CONN_INET,
			      .local_addr = { 10, 0, 0, server },
			      .remote_addr = { 10, 0, 0, !server },
			      .local_port = server ? 6379 : 4000,
			      .remote_port = server ? 4000 : 6379,
			      .role = server ? ROLE_SERVER : ROLE_CLIENT,
			      .protocol = protocol };

	return r;
}

static inline struct rec_request *request_rec(uint64_t id, uint64_t pos, const char *text, size_t n,
					      uint64_t time_ns)
{
	static union {
		struct rec_request r;
		char room[4096];
	} u;

	u.r = (struct rec_request){ .hdr = { REC_REQUEST, sizeof(u.r) + n, 0, time_ns },
				    .conn = id,
				    .arrival_ns = time_ns - (id == SERVER ? 3 : 0),
				    .pos = pos,
				    .text_len = n,
				    .role = id == SERVER ? ROLE_SERVER : ROLE_CLIENT,
				    .protocol = PROTO_REDIS,
				    .phase = PHASE_READY };
	memcpy(u.r.text, text, n);
	return &u.r;
}

static inline struct rec_reply reply_rec(uint64_t id, uint32_t seq, uint16_t count, uint64_t pos,
					 uint64_t time_ns)
{
	return (struct rec_reply){ .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, time_ns },
				   .conn = id,
				   .first_ns = time_ns - 1,
				   .pos = pos,
				   .seq = seq,
				   .count = count,
				   .reply_bytes = 10 * count,
				   .role = id == SERVER ? ROLE_SERVER : ROLE_CLIENT,
				   .flags = id == SERVER && !fx.full ? REPLY_LOCAL : 0,
				   .protocol = PROTO_REDIS };
}

static inline struct rec_progress progress_rec(int direction, uint64_t pos, uint32_t bytes,
					       uint64_t time_ns)
{
	return (struct rec_progress){ .hdr = { REC_PROGRESS, sizeof(struct rec_progress), 0,
					       time_ns },
				      .conn = direction == PROGRESS_ARRIVAL ? SERVER : CLIENT,
				      .pos = pos,
				      .bytes = bytes,
				      .direction = direction };
}

static inline struct rec_close close_rec(uint64_t id)
{
	return (struct rec_close){ .hdr = { REC_CLOSE, sizeof(struct rec_close), 0, 1 },
				   .conn = id };
}

static inline void join(void)
{
	struct rec_conn s = conn_rec(SERVER, PROTO_REDIS), c = conn_rec(CLIENT, PROTO_REDIS);

	feed(&c);
	feed(&s);
}

static inline int of_role(enum role role)
{
	int n = 0;

	for (int i = 0; i < fx.n; i++)
		n += fx.events[i].role == role;
	return n;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
