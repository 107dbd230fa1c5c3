/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose client's end only tells when it read: one client-role event for each request of the
 * server's end, whatever comes first, is lost, or ends early.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/pair.h"

/* Feeds at once. Requests are "PING\r\n", 6 bytes; replies 10. */
static void served(uint32_t seq, uint64_t read_ns, uint64_t reply_ns)
{
	struct rec_request *r = request_rec(SERVER, 6 * seq, "PING\r\n", 6, read_ns);
	struct rec_reply reply = reply_rec(SERVER, seq, 1, 10 * (seq + 1), reply_ns);

	r->seq = seq;
	r->requests = 1;
	feed(r);
	feed(&reply);
}

/* Behind bytes that were not read yet. */
static void arrived(uint32_t seq, uint32_t n, uint64_t time_ns)
{
	struct rec_progress p = progress_rec(PROGRESS_ARRIVAL, 6 * seq, 6 * n, time_ns);

	feed(&p);
}

static void did_read(uint32_t seq, uint32_t n, uint64_t time_ns)
{
	struct rec_progress p = progress_rec(PROGRESS_REPLY, 10 * seq, 10 * n, time_ns);

	feed(&p);
}

static void closed(uint64_t id)
{
	struct rec_close r = close_rec(id);

	feed(&r);
}

/* The client-role events are these, by their service times. */
static void client_events(int n, ...)
{
	int at = 0;
	va_list ap;

	assert_int_equal(of_role(ROLE_CLIENT), n);
	va_start(ap, n);
	for (int i = 0; i < n; i++) {
		while (fx.events[at].role != ROLE_CLIENT)
			at++;
		assert_int_equal(fx.events[at].service_ns, va_arg(ap, int));
		assert_int_equal(fx.events[at].queue_ns, 0);
		assert_int_equal(fx.events[at].request_bytes, 6);
		assert_int_equal(fx.events[at].reply_bytes, 10);
		assert_string_equal(fx.events[at].statement->operation, "PING");
		assert_int_equal(fx.events[at].subject->cgroup, 100 + CLIENT);
		assert_int_equal(fx.events[at].subject->client_cgroup, 0);
		at++;
	}
	va_end(ap);
}

/* ---- one request ---- */

static void any_order_of_one_request(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		restart();
		join();
		if (order == 0)
			served(0, 20, 50); /* arrived 3 ns before it was read */
		did_read(0, 1, 70);
		if (order == 1)
			served(0, 20, 50);
		client_events(1, 53);
		assert_int_equal(of_role(ROLE_SERVER), 1);
		assert_int_equal(fx.events[0].role, ROLE_SERVER);
		assert_int_equal(fx.events[0].service_ns, 30);
	}
}

/* Of a client's end that nobody told of, only the server's times are known. */
static void ends_may_be_known_late(void **state)
{
	struct rec_conn s = conn_rec(SERVER, PROTO_REDIS), c = conn_rec(CLIENT, PROTO_REDIS);

	(void)state;
	feed(&s);
	served(0, 20, 50);
	assert_int_equal(of_role(ROLE_CLIENT), 1);
	assert_int_equal(fx.events[1].service_ns, 33);
	restart();
	feed(&c);
	did_read(0, 1, 70);
	feed(&s);
	served(0, 20, 50);
	client_events(1, 53);
	feed(&s); /* told again: nothing changes */
	served(1, 81, 82);
	feed(&s);
	feed(&c);
	did_read(1, 1, 90);
	client_events(2, 53, 12);
}

/* Two requests that one read brought, and one that came when it was over. */
static void what_arrives_behind_unread_bytes_has_its_own_time(void **state)
{
	(void)state;
	join();
	arrived(1, 1, 19);
	served(0, 20, 50);
	served(1, 20, 60);
	served(2, 80, 90);
	did_read(0, 3, 100);
	client_events(3, 83, 81, 23);
	assert_int_equal(fx.events[0].queue_ns, 3);
	assert_int_equal(fx.events[1].queue_ns, 1);
	assert_int_equal(fx.events[2].queue_ns, 3);
}

/* Nonsense: it cannot have arrived after it was read. */
static void an_arrival_after_the_read_is_not_believed(void **state)
{
	(void)state;
	join();
	arrived(0, 1, 21);
	served(0, 20, 50);
	did_read(0, 1, 70);
	client_events(1, 53);
}

static void times_of_a_client_that_is_not_known_are_ignored(void **state)
{
	struct rec_conn s = conn_rec(SERVER, PROTO_REDIS);
	struct rec_progress p = progress_rec(3, 0, 1, 1);

	(void)state;
	feed(&s);
	served(0, 20, 50);
	did_read(0, 1, 70);
	assert_int_equal(of_role(ROLE_CLIENT), 1); /* with the server's times */
	assert_int_equal(decode_record(fx.decode, &p, sizeof(p), see, NULL), -EBADMSG);
	p = progress_rec(PROGRESS_REPLY, UINT64_MAX - 1, 2, 1);
	assert_int_equal(decode_record(fx.decode, &p, sizeof(p), see, NULL), -EBADMSG);
}

static void service_is_never_negative(void **state)
{
	(void)state;
	join();
	served(0, 120, 150);
	did_read(0, 1, 70);
	client_events(1, 0);
}

static void requests_before_it_is_local_are_the_clients_own(void **state)
{
	(void)state;
	join();
	fx.full = true;
	served(0, 20, 50);
	served(1, 60, 70);
	fx.full = false;
	served(2, 80, 90);
	did_read(2, 1, 100);
	client_events(1, 23);
	finish();
	client_events(1, 23);
}

/* ---- loss ---- */

static void a_lost_read_is_covered_by_the_next(void **state)
{
	(void)state;
	join();
	served(0, 20, 50);
	served(1, 120, 150);
	client_events(0);
	did_read(1, 1, 160);
	client_events(2, 143, 43);
}

static void requests_that_were_not_seen_count(void **state)
{
	struct rec_reply r = reply_rec(SERVER, 1, 1, 20, 150);

	(void)state;
	join();
	served(0, 20, 50);
	did_read(0, 1, 60);
	feed(&r);
	did_read(1, 1, 160);
	assert_int_equal(of_role(ROLE_CLIENT), 2);
	assert_string_equal(fx.events[fx.n - 1].statement->operation, "unknown");
	assert_int_equal(fx.events[fx.n - 1].service_ns, 11);
}

/* ---- the end ---- */

static void what_remains_is_told_at_the_end(void **state)
{
	(void)state;
	for (uint64_t id = SERVER; id <= CLIENT; id++) {
		restart();
		join();
		served(0, 20, 50);
		served(1, 52, 60);
		client_events(0);
		closed(id);
		client_events(2, 33, 11);
		closed(id == SERVER ? CLIENT : SERVER);
		did_read(0, 2, 70);
		client_events(2, 33, 11);
	}
}

static void the_server_may_tell_after_the_clients_end(void **state)
{
	(void)state;
	join();
	did_read(0, 1, 70);
	closed(CLIENT);
	served(0, 20, 50);
	served(1, 52, 60);
	client_events(2, 53, 11);
}

static void the_servers_end_tells_all(void **state)
{
	(void)state;
	join();
	served(0, 20, 50);
	served(1, 52, 60);
	closed(SERVER);
	client_events(2, 33, 11);
	did_read(0, 1, 70);
	closed(CLIENT);
	client_events(2, 33, 11);
}

static void what_waits_is_told_when_the_input_ends(void **state)
{
	(void)state;
	join();
	served(0, 20, 50);
	served(1, 52, 60);
	did_read(0, 1, 70);
	client_events(1, 53);
	finish();
	client_events(2, 53, 11);
	finish();
	client_events(2, 53, 11);
}

static void evicted_ends_tell_what_remains(void **state)
{
	(void)state;
	join();
	served(0, 20, 50);
	for (uint64_t id = 10; id < 300; id++) {
		struct rec_conn c = conn_rec(id, PROTO_REDIS);

		c.remote_port = id;
		feed(&c);
	}
	client_events(1, 33);
}

static void what_waits_is_bounded(void **state)
{
	(void)state;
	join();
	for (uint32_t i = 0; i < 5000; i++)
		served(i, 100 + i, 101 + i);
	assert_int_equal(of_role(ROLE_CLIENT), 5000 - 4096);
	did_read(0, 5000, 9000);
	assert_int_equal(of_role(ROLE_CLIENT), 5000);
	closed(CLIENT);
	assert_int_equal(of_role(ROLE_CLIENT), 5000);
}

static void a_port_used_again_is_another_pair(void **state)
{
	struct rec_conn c = conn_rec(3, PROTO_REDIS), s = conn_rec(4, PROTO_REDIS);

	(void)state;
	join();
	served(0, 20, 50);
	c.local_port = 4000;
	s = conn_rec(SERVER, PROTO_REDIS);
	s.conn = 4;
	c = conn_rec(CLIENT, PROTO_REDIS);
	c.conn = 3;
	feed(&c);
	feed(&s);
	client_events(1, 33);
	served(1, 120, 150);
	assert_int_equal(of_role(ROLE_CLIENT), 2);
}

/* ---- PostgreSQL ---- */

static void pg_feed(void *ctx, void *rec, size_t len)
{
	(void)ctx;
	(void)len;
	feed(rec);
}

static void postgresql_begins_with_its_first_message(void **state)
{
	static struct session s;
	struct rec_conn server = conn_rec(SERVER, PROTO_POSTGRESQL);
	struct rec_conn client = conn_rec(CLIENT, PROTO_POSTGRESQL);
	struct rec_progress p;
	size_t parse;

	(void)state;
	memset(&s, 0, sizeof(s));
	s = (struct session){ .protocol = PROTO_POSTGRESQL, .role = ROLE_SERVER, .conn = SERVER };
	s.tell = pg_feed;
	pg_startup(&s, "user", "odoo", "database", "shop", NULL);
	session_reply(&s, 0);
	pg(&s, 'Q', "s", "SET application_name = 'stock'");
	session_reply(&s, 1);
	parse = s.len;
	pg(&s, 'P', "ssh", "", "SELECT 1 FROM sale_order", 0);
	pg(&s, 'B', "sshhh", "", "", 0, 0, 0);
	pg(&s, 'E', "si", "", 0);
	pg(&s, 'S', "");
	session_reply(&s, 1)->flags = REPLY_LOCAL;
	feed(&client);
	feed(&server);
	p = progress_rec(PROGRESS_ARRIVAL, parse, 1, 4000);
	feed(&p);
	session_tell(&s, NULL, NULL);
	assert_int_equal(fx.n, 2);
	p = progress_rec(PROGRESS_REPLY, 100, 99, 7000);
	feed(&p);
	assert_int_equal(fx.n, 2);
	p = progress_rec(PROGRESS_REPLY, 199, 1, 7200);
	feed(&p);
	assert_int_equal(fx.n, 3);
	assert_int_equal(fx.events[2].role, ROLE_CLIENT);
	assert_int_equal(fx.events[2].service_ns, 3200);
	assert_int_equal(fx.events[2].request_bytes, fx.events[1].request_bytes);
	assert_ptr_equal(fx.events[2].statement, fx.events[1].statement);
	assert_string_equal(fx.events[2].statement->summary, "SELECT sale_order");
	/* The client's end, with what only the server's end has read. */
	assert_int_equal(fx.events[2].subject->cgroup, 100 + CLIENT);
	assert_string_equal(fx.events[2].subject->database, "shop");
	assert_string_equal(fx.events[2].subject->application_name, "stock");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(any_order_of_one_request),
		T(ends_may_be_known_late),
		T(what_arrives_behind_unread_bytes_has_its_own_time),
		T(an_arrival_after_the_read_is_not_believed),
		T(times_of_a_client_that_is_not_known_are_ignored),
		T(service_is_never_negative),
		T(requests_before_it_is_local_are_the_clients_own),
		T(a_lost_read_is_covered_by_the_next),
		T(requests_that_were_not_seen_count),
		T(what_remains_is_told_at_the_end),
		T(the_server_may_tell_after_the_clients_end),
		T(the_servers_end_tells_all),
		T(what_waits_is_told_when_the_input_ends),
		T(evicted_ends_tell_what_remains),
		T(what_waits_is_bounded),
		T(a_port_used_again_is_another_pair),
		T(postgresql_begins_with_its_first_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
