/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request context through the decoder: a process (50) that serves HTTP on two connections and asks a Redis
 * server on a third one, told by the server's end and by its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "probes/sock/context.h"
#include "probes/sock/parts.h"
#include "user/decode.h"

#define PID 50

enum { WEB = 1, WEB2, CLIENT, BACKEND };

static struct decode *decode;
static struct event_request seen[4096];
static uint64_t seen_parts[PART_MAX]; /* of the newest that has any */
static unsigned int nseen;
static uint32_t seqs[8];
static uint64_t positions[8];

static void see(void *ctx, const struct event *ev)
{
	(void)ctx;
	if (ev->kind != EVENT_REQUEST || nseen == 4096)
		return;
	seen[nseen++] = ev->request;
	if (ev->request.parts_ns)
		memcpy(seen_parts, ev->request.parts_ns, sizeof(seen_parts));
}

static void feed(void *rec)
{
	assert_int_equal(decode_record(decode, rec, ((struct rec_hdr *)rec)->len, see, NULL), 0);
}

static bool is_server(int id)
{
	return id != CLIENT;
}

static int protocol_of(int id)
{
	return id == WEB || id == WEB2 ? PROTO_HTTP : PROTO_REDIS;
}

static void conn(int id, uint32_t pid)
{
	struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 1 },
			      .conn = id,
			      .cgroup = 100 + id,
			      .pid = pid,
			      .role = is_server(id) ? ROLE_SERVER : ROLE_CLIENT,
			      .protocol = protocol_of(id),
			      .family = CONN_UNIX,
			      .peer_conn = id == BACKEND ? CLIENT : 0 };

	feed(&r);
}

static void request(int id, const char *text, uint64_t time_ns)
{
	static union {
		struct rec_request r;
		char room[1024];
	} u;
	size_t n = strlen(text);

	u.r = (struct rec_request){ .hdr = { REC_REQUEST, sizeof(u.r) + n, 0, time_ns },
				    .conn = id,
				    .arrival_ns = time_ns,
				    .pos = positions[id],
				    .seq = seqs[id],
				    .requests = 1,
				    .chunk_bytes = n,
				    .text_len = n,
				    .role = is_server(id) ? ROLE_SERVER : ROLE_CLIENT,
				    .protocol = protocol_of(id),
				    .phase = PHASE_READY };
	memcpy(u.r.text, text, n);
	positions[id] += n;
	feed(&u.r);
}

static const struct event_request *reply(int id, uint64_t time_ns)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, time_ns },
			       .conn = id,
			       .first_ns = time_ns - 1,
			       .seq = seqs[id]++,
			       .count = 1,
			       .reply_bytes = 10,
			       .role = is_server(id) ? ROLE_SERVER : ROLE_CLIENT,
			       .protocol = protocol_of(id),
			       .flags = REPLY_FOLLOWED };

	feed(&r);
	return &seen[nseen - 1];
}

static void get(int id, const char *route, uint64_t time_ns)
{
	char text[128];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", route);
	request(id, text, time_ns);
}

/* The route of what is asked at that time and answered 10 later; NULL: no context. */
static const char *asked(int id, uint64_t time_ns)
{
	const struct event_request *e;

	request(id, "*1\r\n$4\r\nPING\r\n", time_ns);
	e = reply(id, time_ns + 10);
	assert_string_equal(e->statement->operation, "PING");
	return e->context ? e->context->key_pattern : NULL;
}

static void start(void)
{
	decode_free(decode);
	decode = decode_new(&(struct decode_config){ .conns_max = 64 });
	nseen = 0;
	memset(seqs, 0, sizeof(seqs));
	memset(positions, 0, sizeof(positions));
	conn(WEB, PID);
	conn(WEB2, PID);
	conn(CLIENT, PID);
}

static void one_at_a_time(void **state)
{
	(void)state;
	start();
	assert_null(asked(CLIENT, 10000));
	get(WEB, "/orders", 20000);
	assert_string_equal(asked(CLIENT, 21000), "/orders");
	assert_string_equal(asked(CLIENT, 22000), "/orders");
	assert_null(reply(WEB, 30000)->context);
	assert_null(asked(CLIENT, 40000));
	get(WEB2, "/stock", 50000);
	assert_string_equal(asked(CLIENT, 51000), "/stock");
	reply(WEB2, 60000);
	/* A request that was read while its HTTP request was served, and is told later. */
	get(WEB, "/late", 70000);
	reply(WEB, 80000);
	assert_string_equal(asked(CLIENT, 75000), "/late");
	assert_null(asked(CLIENT, 85000));
}

static void the_backend_has_it_too(void **state)
{
	(void)state;
	start();
	conn(BACKEND, 60);
	get(WEB, "/orders", 20000);
	assert_string_equal(asked(BACKEND, 21000), "/orders");
	reply(WEB, 30000);
	assert_null(asked(BACKEND, 40000));
	/* Another process' request is its own. */
	conn(CLIENT, PID + 1);
	get(WEB, "/orders", 50000);
	assert_null(asked(BACKEND, 51000));
}

static void interleaving_ends_it(void **state)
{
	uint64_t t = 100000;

	(void)state;
	start();
	get(WEB, "/a", 20000);
	get(WEB2, "/b", 21000);
	assert_null(asked(CLIENT, 22000));
	reply(WEB, 23000);
	assert_null(asked(CLIENT, 24000));
	reply(WEB2, 25000);
	for (int i = 0; i < CONTEXT_TRUST - 1; i++, t += 100) {
		get(WEB, "/a", t);
		if (i % 100 == 0)
			assert_null(asked(CLIENT, t + 20));
		reply(WEB, t + 50);
	}
	get(WEB, "/a", t);
	assert_string_equal(asked(CLIENT, t + 20), "/a");
}

static void a_closed_connection_serves_nothing(void **state)
{
	struct rec_close r = { .hdr = { REC_CLOSE, sizeof(r), 0, 30000 }, .conn = WEB };

	(void)state;
	start();
	get(WEB, "/a", 20000);
	feed(&r);
	assert_null(asked(CLIENT, 40000));
	get(WEB2, "/b", 50000);
	assert_string_equal(asked(CLIENT, 51000), "/b");
}

static void downstream_is_a_part(void **state)
{
	struct rec_parts p = { .hdr = { REC_PARTS, sizeof(p), 0, 30000 }, .conn = WEB };
	const struct event_request *e;
	uint64_t sum = 0;

	(void)state;
	start();
	get(WEB, "/orders", 20000);
	for (int i = 0; i < 3; i++)
		asked(CLIENT, 21000 + 1000 * i);
	p.parts[PART_OTHER] = 100;
	feed(&p);
	e = reply(WEB, 30000);
	/* Each was unanswered for 10. */
	assert_int_equal(seen_parts[PART_DOWNSTREAM], 30);
	assert_int_equal(seen_parts[PART_OTHER], 70);
	for (int i = 0; i < PART_MAX; i++)
		sum += seen_parts[i];
	assert_int_equal(sum, e->queue_ns + e->service_ns);
}

static void parts_add_up(void **state)
{
	uint64_t parts[PART_MAX], sum;
	__u64 off[PART_MAX];
	uint32_t x = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t queue = (x = x * 1664525 + 1013904223) >> 8;
		uint64_t service = (x = x * 1664525 + 1013904223) >> 8;

		for (int j = 0; j < PART_MAX; j++)
			off[j] = (x = x * 1664525 + 1013904223) >> (10 + i % 20);
		parts_fill(parts, i % 3 ? off : NULL, queue, service);
		parts_downstream(parts, off[i % PART_MAX]);
		sum = 0;
		for (int j = 0; j < PART_MAX; j++)
			sum += parts[j];
		assert_int_equal(sum, queue + service);
	}
}

static int teardown(void **state)
{
	(void)state;
	decode_free(decode);
	decode = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_at_a_time, teardown),
		cmocka_unit_test_teardown(the_backend_has_it_too, teardown),
		cmocka_unit_test_teardown(interleaving_ends_it, teardown),
		cmocka_unit_test_teardown(a_closed_connection_serves_nothing, teardown),
		cmocka_unit_test_teardown(downstream_is_a_part, teardown),
		cmocka_unit_test(parts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
