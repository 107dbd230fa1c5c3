/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decode stage and the socket decoder: who works for whom, times, outcomes, loss, bounds, and
 * records that are not what they should be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/session.h"
#include "user/statement.h"
#include "user/subject.h"

/* The events of a test, as they were during the call. */
struct seen {
	struct decode *decode;
	struct event events[512];
	unsigned int n;
};

static struct seen seen;

static void see(void *ctx, const struct event *ev)
{
	(void)ctx;
	if (seen.n < 512)
		seen.events[seen.n] = *ev;
	seen.n++;
}

static const struct event_request *last(void)
{
	return &seen.events[seen.n - 1].request;
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	seen.decode = decode_new(&(struct decode_config){ .conns_max = 64, .subjects_max = 100 });
	return !seen.decode;
}

static int teardown(void **state)
{
	(void)state;
	decode_free(seen.decode);
	return 0;
}

static int feed(void *rec)
{
	return decode_record(seen.decode, rec, ((struct rec_hdr *)rec)->len, see, NULL);
}

static struct rec_conn conn(uint64_t id, int role, int family)
{
	struct rec_conn r = { .hdr = { REC_CONN, sizeof(r), 0, 1 },
			      .conn = id,
			      .cgroup = 100 + id,
			      .role = role,
			      .protocol = PROTO_REDIS,
			      .family = family,
			      .netns = 1 };

	sprintf(r.comm, "proc%u", (unsigned int)id);
	return r;
}

static void request(uint64_t id, uint32_t seq, uint64_t pos, const char *text, uint64_t time_ns,
		    uint64_t arrival_ns, uint32_t lead, uint16_t requests)
{
	static union {
		struct rec_request r;
		char room[1024];
	} u;

	u.r = (struct rec_request){ .hdr = { REC_REQUEST, sizeof(u.r) + strlen(text), 0, time_ns },
				    .conn = id,
				    .arrival_ns = arrival_ns,
				    .pos = pos,
				    .seq = seq,
				    .lead = lead,
				    .requests = requests,
				    .text_len = strlen(text),
				    .role = ROLE_SERVER,
				    .protocol = PROTO_REDIS,
				    .phase = PHASE_READY };
	memcpy(u.r.text, text, strlen(text));
	assert_int_equal(feed(&u.r), 0);
}

static void reply(uint64_t id, uint32_t seq, uint16_t count, uint64_t time_ns)
{
	struct rec_reply r = { .hdr = { REC_REPLY, REC_REPLY_FIXED, 0, time_ns },
			       .conn = id,
			       .first_ns = time_ns - 1,
			       .seq = seq,
			       .count = count,
			       .reply_bytes = 10,
			       .role = ROLE_SERVER,
			       .protocol = PROTO_REDIS };

	assert_int_equal(feed(&r), 0);
}

static void ask(uint64_t id)
{
	request(id, 0, 0, "PING\r\n", 20, 15, 0, 1);
	reply(id, 0, 1, 50);
}

static void times(void **state)
{
	(void)state;
	ask(1);
	assert_int_equal(last()->queue_ns, 5);
	assert_int_equal(last()->service_ns, 30);
	/* The first byte counts, not the last. */
	request(1, 1, 6, "*1\r\n$4\r\nPI", 100, 90, 0, 0);
	request(1, 1, 16, "NG\r\n*1\r\n$4\r\nPING\r\n", 200, 195, 4, 2);
	reply(1, 1, 2, 300);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.events[1].request.queue_ns, 10);
	assert_int_equal(seen.events[1].request.service_ns, 200);
	assert_int_equal(last()->queue_ns, 5);
	assert_int_equal(last()->service_ns, 100);
	/* Clocks that make no sense make no time. */
	request(1, 3, 34, "PING\r\n", 400, 500, 0, 1);
	reply(1, 3, 1, 350);
	assert_int_equal(last()->queue_ns, 0);
	assert_int_equal(last()->service_ns, 0);
}

static void reply_bytes_add_up(void **state)
{
	(void)state;
	request(1, 0, 0, "PING\r\nPING\r\nPING\r\n", 20, 15, 0, 3);
	reply(1, 0, 3, 50);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.events[0].request.reply_bytes, 4);
	assert_int_equal(seen.events[1].request.reply_bytes, 3);
	assert_int_equal(seen.events[2].request.reply_bytes, 3);
}

static void ends(struct rec_conn *server, struct rec_conn *client, uint8_t net, uint16_t port)
{
	uint8_t s[4] = { net, 0, 0, 1 }, c[4] = { net, 0, 0, 2 };

	memcpy(server->local_addr, s, 4);
	memcpy(server->remote_addr, c, 4);
	memcpy(client->local_addr, c, 4);
	memcpy(client->remote_addr, s, 4);
	server->local_port = client->remote_port = 6379;
	server->remote_port = client->local_port = port;
}

static void is_joined(uint64_t server, uint64_t client)
{
	char comm[16] = "";

	ask(server);
	assert_int_equal(last()->subject->cgroup, 100 + server);
	assert_int_equal(last()->subject->client_cgroup, client ? 100 + client : 0);
	if (client)
		sprintf(comm, "proc%u", (unsigned int)client);
	assert_string_equal(last()->subject->client_process, comm);
}

static void the_server_works_for_the_client(void **state)
{
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_INET), c = conn(2, ROLE_CLIENT, CONN_INET);

	(void)state;
	ends(&s, &c, 10, 4000);
	c.netns = 2; /* addresses that are no loopback's are unique on the node */
	feed(&c);
	feed(&s);
	is_joined(1, 2);
	ask(2);
	assert_int_equal(last()->subject->client_cgroup, 0);
}

static void the_client_may_come_later(void **state)
{
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_INET), c = conn(2, ROLE_CLIENT, CONN_INET);

	(void)state;
	ends(&s, &c, 10, 4000);
	feed(&s);
	is_joined(1, 0);
	feed(&c);
	is_joined(1, 2);
}

static void loopback_needs_the_same_namespace(void **state)
{
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_INET), c = conn(2, ROLE_CLIENT, CONN_INET);

	(void)state;
	ends(&s, &c, 127, 4000);
	c.netns = 2;
	feed(&c);
	feed(&s);
	is_joined(1, 0);
	c.conn = 3;
	c.cgroup = 103;
	strcpy(c.comm, "proc3");
	c.netns = 1;
	feed(&c);
	is_joined(1, 3);
}

static void mapped_addresses_are_the_same(void **state)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_INET6), c = conn(2, ROLE_CLIENT, CONN_INET);

	(void)state;
	ends(&s, &c, 127, 4000);
	memmove(s.local_addr + 12, s.local_addr, 4);
	memmove(s.remote_addr + 12, s.remote_addr, 4);
	memcpy(s.local_addr, prefix, 12);
	memcpy(s.remote_addr, prefix, 12);
	feed(&c);
	feed(&s);
	is_joined(1, 2);
}

static void unix_sockets_know_their_peer(void **state)
{
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_UNIX), c = conn(2, ROLE_CLIENT, CONN_UNIX);

	(void)state;
	s.peer_conn = 2;
	feed(&c);
	feed(&s);
	is_joined(1, 2);
	s = conn(3, ROLE_SERVER, CONN_UNIX);
	c = conn(4, ROLE_CLIENT, CONN_UNIX);
	s.peer_conn = 4;
	feed(&s);
	is_joined(3, 0);
	feed(&c);
	is_joined(3, 4);
}

static void a_port_used_again_is_another_client(void **state)
{
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_INET), c = conn(2, ROLE_CLIENT, CONN_INET);

	(void)state;
	ends(&s, &c, 10, 4000);
	feed(&c);
	feed(&s);
	is_joined(1, 2);
	/* Neither close was seen. */
	c = conn(3, ROLE_CLIENT, CONN_INET);
	s = conn(4, ROLE_SERVER, CONN_INET);
	ends(&s, &c, 10, 4000);
	feed(&c);
	feed(&s);
	is_joined(4, 3);
}

static void a_closed_connection_is_forgotten(void **state)
{
	struct rec_close close = { .hdr = { REC_CLOSE, sizeof(close), 0, 1 },
				   .conn = 1,
				   .reason = CLOSE_REJECTED };
	struct rec_conn s = conn(1, ROLE_SERVER, CONN_INET);

	(void)state;
	feed(&s);
	request(1, 0, 0, "PING\r\n", 20, 15, 0, 1);
	feed(&close);
	assert_int_equal(seen.n, 0);
	feed(&close);
	reply(1, 0, 1, 50);
	assert_int_equal(seen.n, 1);
	assert_string_equal(last()->statement->operation, "unknown");
	assert_int_equal(last()->subject->cgroup, 0);
	assert_int_equal(last()->service_ns, 1);
}

static void every_reply_is_counted(void **state)
{
	(void)state;
	request(1, 0, 0, "PING\r\n", 20, 15, 0, 1);
	request(1, 7, 900, "GET a\r\n", 20, 15, 0, 1); /* six were lost */
	reply(1, 0, 8, 50);
	assert_int_equal(seen.n, 8);
	assert_string_equal(seen.events[0].request.statement->operation, "PING");
	for (int i = 1; i < 7; i++)
		assert_string_equal(seen.events[i].request.statement->operation, "unknown");
	assert_string_equal(last()->statement->operation, "GET");
	assert_int_equal(decode_counts(seen.decode).unknown_requests, 6);
}

static void outcomes(void **state)
{
	struct rec_reply r = { .hdr = { REC_REPLY, sizeof(r), 0, 90 },
			       .conn = 1,
			       .count = 8,
			       .role = ROLE_SERVER,
			       .protocol = PROTO_REDIS,
			       .flags = REPLY_MORE_ERRORS,
			       .nerrors = 4,
			       .errors = { { 0, "ERR" },
					   { 2, "MYOWN" },
					   { 3, "not a word" },
					   { 5, "AAAAAAAAAAAAAAAAAAAAA" } } };
	static const char *const expected[] = { "ERR",	   "ok",     "MYOWN",
						"error",   "ok",     "AAAAAAAAAAAAAAAAAAAAA",
						"unknown", "unknown" };

	(void)state;
	assert_int_equal(feed(&r), 0);
	for (int i = 0; i < 8; i++)
		assert_string_equal(seen.events[i].request.outcome, expected[i]);
	for (int i = 0; i < 3000; i++) {
		sprintf(r.errors[0].text, "MADEUP%d", i);
		r.nerrors = 1;
		r.count = 1;
		feed(&r);
	}
	seen.n = 0;
	feed(&r);
	assert_string_equal(last()->outcome, "other");
	strcpy(r.errors[0].text, "WRONGTYPE");
	feed(&r);
	assert_string_equal(last()->outcome, "WRONGTYPE");
}

static void tables_are_bounded(void **state)
{
	struct decode_counts n;

	(void)state;
	for (uint64_t id = 1; id <= 1000; id++) {
		struct rec_conn s = conn(id, ROLE_SERVER, CONN_INET);

		s.local_port = id;
		feed(&s);
	}
	n = decode_counts(seen.decode);
	assert_int_equal(n.evicted_conns, 1000 - 64);
	assert_true(n.subjects <= 201);
	assert_true(n.reduced_subjects > 0);
}

static void statements_are_bounded(void **state)
{
	struct statements *t = statements_new(10);
	struct statement_facts f = { .protocol = PROTO_REDIS,
				     .operation = STR("GET"),
				     .summary = STR("GET"),
				     .key_pattern = STR("") };
	const struct statement *first = NULL, *st = NULL;
	char text[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		f.text = (struct str){ text, sprintf(text, "GET %c", 'A' + i) };
		st = statement_intern(t, &f);
		if (!i)
			first = st;
	}
	assert_string_equal(st->text, "other");
	assert_string_equal(st->operation, "GET");
	assert_int_equal(statements_reduced(t), 40);
	assert_int_equal(statements_count(t), 11);
	f.text = STR("GET A");
	assert_ptr_equal(statement_intern(t, &f), first);
	assert_int_equal(first->id, 1);
	f.ntables = 1;
	f.tables[0] = STR("x");
	assert_ptr_not_equal(statement_intern(t, &f), first);
	statements_free(t);
}

static void subjects_are_interned_and_clean(void **state)
{
	struct subjects *t = subjects_new(100);
	struct subject f = { .cgroup = 1, .database = "a\x01\xc3\xa9\xc3", .user = NULL };
	const struct subject *s = subject_intern(t, &f);

	(void)state;
	assert_string_equal(s->database, "a?\xc3\xa9?");
	assert_string_equal(s->user, "");
	assert_ptr_equal(subject_intern(t, &f), s);
	f.user = "a?";
	assert_ptr_not_equal(subject_intern(t, &f), s);
	f.user = "0123456789012345678901234567890123456789012345678901234567890123456789";
	assert_int_equal(strlen(subject_intern(t, &f)->user), 63);
	subjects_free(t);
}

static void bad_records_are_refused(void **state)
{
	union {
		struct rec_hdr hdr;
		struct rec_request request;
		struct rec_reply reply;
		struct rec_cgroup cgroup;
		char bytes[512];
	} u;

	(void)state;
	for (unsigned int kind = 0; kind < REC_KIND_MAX + 3; kind++) {
		memset(&u, 0, sizeof(u));
		u.hdr.kind = kind;
		u.hdr.len = sizeof(struct rec_hdr);
		assert_int_equal(decode_record(seen.decode, &u, sizeof(u), see, NULL), -EBADMSG);
		u.hdr.len = 200;
		assert_int_equal(decode_record(seen.decode, &u, 199, see, NULL), -EBADMSG);
		assert_int_equal(decode_record(seen.decode, &u, 3, see, NULL), -EBADMSG);
	}
	memset(&u, 0, sizeof(u));
	u.hdr.kind = REC_REQUEST;
	u.hdr.len = sizeof(u.request) + 10;
	u.request.text_len = 11;
	assert_int_equal(feed(&u), -EBADMSG);
	memset(&u, 0, sizeof(u));
	u.hdr.kind = REC_REPLY;
	u.hdr.len = REC_REPLY_FIXED;
	u.reply.nerrors = 1;
	assert_int_equal(feed(&u), -EBADMSG);
	memset(&u, 0, sizeof(u));
	u.hdr.kind = REC_CGROUP;
	u.hdr.len = sizeof(u.cgroup) + 4;
	u.cgroup.path_len = 5;
	assert_int_equal(feed(&u), -EBADMSG);
	assert_int_equal(seen.n, 0);
	u.cgroup.path_len = 4;
	assert_int_equal(feed(&u), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.events[0].kind, EVENT_CGROUP);
	assert_ptr_equal(seen.events[0].cgroup, &u.cgroup);
}

static void drained_records_are_events(void **state)
{
	static const struct {
		uint16_t kind, len, event;
	} kinds[] = {
		{ REC_SCHED, sizeof(struct rec_sched), EVENT_SCHED },
		{ REC_COARSE, sizeof(struct rec_coarse), EVENT_COARSE },
		{ REC_COUNTS, sizeof(struct rec_counts), EVENT_COUNTS },
		{ REC_PROGRAM, sizeof(struct rec_program), EVENT_PROGRAM },
		{ REC_EVENT, sizeof(struct rec_event), EVENT_SLEEP },
		{ REC_LOCK, sizeof(struct rec_lock), EVENT_LOCK },
	};
	uint64_t room[128] = { 0 };
	struct rec_hdr *hdr = (void *)room;

	(void)state;
	for (int i = 0; i < 6; i++) {
		*hdr = (struct rec_hdr){ kinds[i].kind, kinds[i].len, 0, 77 };
		assert_int_equal(feed(hdr), 0);
		assert_int_equal(seen.n, i + 1);
		assert_int_equal(seen.events[i].kind, kinds[i].event);
		assert_int_equal(seen.events[i].time_ns, 77);
		assert_ptr_equal(seen.events[i].sched, room);
		hdr->len--;
		assert_int_equal(feed(hdr), -EBADMSG);
	}
	*hdr = (struct rec_hdr){ REC_PROCESS, sizeof(struct rec_process), 0, 77 };
	assert_int_equal(feed(hdr), 0);
	assert_int_equal(seen.n, 6);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(times),
		T(reply_bytes_add_up),
		T(the_server_works_for_the_client),
		T(the_client_may_come_later),
		T(loopback_needs_the_same_namespace),
		T(mapped_addresses_are_the_same),
		T(unix_sockets_know_their_peer),
		T(a_port_used_again_is_another_client),
		T(a_closed_connection_is_forgotten),
		T(every_reply_is_counted),
		T(outcomes),
		T(tables_are_bounded),
		T(statements_are_bounded),
		T(subjects_are_interned_and_clean),
		T(bad_records_are_refused),
		T(drained_records_are_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
