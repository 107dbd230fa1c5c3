/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds a lock: between two sessions for a row, a table and an advisory lock, and with three in a line.
 * The records are as the kernel side would write them; who blocks whom is known from who took what,
 * and asked of the server a second time.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/pg_session.h"
#include "tests/live/server.h"
#include "user/lib/clock.h"
#include "user/pg_ask.h"

#define PIECES_MAX 64
#define WAIT_MS 300

static struct server pg;

struct piece {
	uint32_t pid;
	uint64_t from_ns;
	uint64_t to_ns;
	bool last;
	unsigned int nblockers;
	struct pg_ask_blocker blocker;
};

struct asker {
	struct pg_clusters *clusters;
	struct pg_ask *ask;
	struct piece pieces[PIECES_MAX];
	unsigned int npieces;
	uint64_t longest_poll_ns;
};

static int server_begin(void **state)
{
	PGconn *conn;

	(void)state;
	if (!live_possible())
		return 0;
	postgres_start(&pg);
	conn = pg_session(&pg, "postgres");
	pg_run(conn, "CREATE ROLE tallyman LOGIN IN ROLE pg_monitor");
	pg_run(conn, "CREATE TABLE stock (id int PRIMARY KEY, n int)");
	pg_run(conn, "INSERT INTO stock VALUES (1, 1), (2, 2)");
	PQfinish(conn);
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&pg);
	return 0;
}

static void on_cluster(void *ctx, uint32_t postmaster, const struct pg_cluster *cluster)
{
	(void)ctx;
	(void)postmaster;
	(void)cluster;
}

static void on_piece(void *ctx, const struct pg_ask_piece *p)
{
	struct asker *a = ctx;

	assert_true(a->npieces < PIECES_MAX);
	a->pieces[a->npieces++] = (struct piece){ .pid = p->wait->pid,
						  .from_ns = p->from_ns,
						  .to_ns = p->to_ns,
						  .last = p->last,
						  .nblockers = p->nblockers };
	if (p->nblockers)
		a->pieces[a->npieces - 1].blocker = p->blockers[0];
}

static void asker_poll(struct asker *a, long ms)
{
	double end = now_seconds() + (double)ms / 1000;

	do {
		struct pollfd fd = { .fd = pg_ask_fd(a->ask), .events = POLLIN };
		uint64_t begin_ns;

		poll(&fd, 1, 10);
		begin_ns = clock_mono_ns();
		pg_ask_poll(a->ask, begin_ns);
		if (clock_mono_ns() - begin_ns > a->longest_poll_ns)
			a->longest_poll_ns = clock_mono_ns() - begin_ns;
	} while (now_seconds() < end);
}

static void asker_start(struct asker *a, const struct server *s, bool connected, bool tcp)
{
	const char *connect[1];
	char where[256];

	snprintf(where, sizeof(where), "host=%s port=%d user=tallyman dbname=postgres",
		 tcp ? "127.0.0.1" : s->dir, s->port);
	connect[0] = where;
	memset(a, 0, sizeof(*a));
	assert_int_equal(pg_clusters_new(&a->clusters, on_cluster, NULL), 0);
	assert_int_equal(pg_ask_new(&a->ask, &(struct pg_ask_config){ .connect = connect,
								      .nconnect = connected,
								      .after_ns = PG_ASK_AFTER_NS,
								      .clusters = a->clusters,
								      .fn = on_piece,
								      .ctx = a }),
			 0);
	asker_poll(a, 500);
}

static void asker_stop(struct asker *a)
{
	pg_ask_free(a->ask);
	pg_clusters_free(a->clusters);
}

static struct rec_lock record(const struct server *s, PGconn *conn, bool got, uint64_t since_ns)
{
	uint32_t inner = (uint32_t)PQbackendPID(conn), pid = pg_outer_pid(s, (int)inner);

	return (struct rec_lock){ .hdr = { .kind = REC_LOCK,
					   .len = sizeof(struct rec_lock),
					   .time_ns = got ? clock_mono_ns() : since_ns },
				  .since_ns = since_ns,
				  .pid = pid,
				  .server_pid = inner,
				  .change = got ? LOCK_GOT : LOCK_WAIT };
}

/* Pieces of one waiter follow each other from the beginning to the end. */
static void check_sum(const struct asker *a, const struct rec_lock *got)
{
	uint64_t at_ns = got->since_ns;
	bool last = false;

	for (unsigned int i = 0; i < a->npieces; i++) {
		if (a->pieces[i].pid != got->pid)
			continue;
		assert_false(last);
		assert_int_equal(a->pieces[i].from_ns, at_ns);
		at_ns = a->pieces[i].to_ns;
		last = a->pieces[i].last;
	}
	assert_true(last);
	assert_int_equal(at_ns, got->hdr.time_ns);
}

/* Of a waiter's time, how much was charged to that session; 0 to 100. */
static double share(const struct asker *a, uint32_t pid, uint32_t blocker)
{
	uint64_t all_ns = 0, part_ns = 0;

	for (unsigned int i = 0; i < a->npieces; i++) {
		const struct piece *p = &a->pieces[i];

		if (p->pid != pid)
			continue;
		all_ns += p->to_ns - p->from_ns;
		if (p->nblockers == 1 && p->blocker.server_pid == blocker)
			part_ns += p->to_ns - p->from_ns;
	}
	return all_ns ? 100.0 * (double)part_ns / (double)all_ns : 0;
}

static void finish(PGconn *conn)
{
	PGresult *res;

	while ((res = PQgetResult(conn)))
		PQclear(res);
}

/* `take` in an open transaction of one session, `want` in another's. */
static void two_sessions(const struct server *s, struct asker *a, const char *take,
			 const char *want)
{
	PGconn *holder = pg_session(s, "postgres"), *waiter = pg_session(s, "postgres");
	PGconn *judge = pg_session(s, "postgres");
	struct rec_lock begin, end;
	char *truth;

	pg_run(holder, "BEGIN");
	free(pg_value(holder, "%s", take));
	assert_true(PQsendQuery(waiter, want));
	begin = record(s, waiter, false, clock_mono_ns());
	assert_int_equal(pg_ask_lock(a->ask, &begin), 0);
	asker_poll(a, WAIT_MS);
	truth = pg_value(judge, "SELECT (pg_blocking_pids(%d))[1]", PQbackendPID(waiter));
	pg_run(holder, "COMMIT");
	end = record(s, waiter, true, begin.since_ns);
	assert_int_equal(pg_ask_lock(a->ask, &end), 0);
	finish(waiter);
	assert_int_equal(atoi(truth), PQbackendPID(holder));
	check_sum(a, &end);
	assert_true(share(a, begin.pid, (uint32_t)PQbackendPID(holder)) == 100);
	assert_int_equal(a->pieces[a->npieces - 1].blocker.pid,
			 pg_outer_pid(s, PQbackendPID(holder)));
	free(truth);
	PQfinish(holder);
	PQfinish(waiter);
	PQfinish(judge);
}

static void kinds(bool tcp)
{
	struct asker a;

	need_live();
	asker_start(&a, &pg, true, tcp);
	two_sessions(&pg, &a, "UPDATE stock SET n = n + 1 WHERE id = 1",
		     "UPDATE stock SET n = n + 1 WHERE id = 1");
	two_sessions(&pg, &a, "LOCK TABLE stock IN ACCESS EXCLUSIVE MODE",
		     "SELECT count(*) FROM stock");
	two_sessions(&pg, &a, "SELECT pg_advisory_xact_lock(42)",
		     "SELECT pg_advisory_xact_lock(42)");
	print_message("longest poll %.1f ms\n", (double)a.longest_poll_ns / 1e6);
	asker_stop(&a);
}

static void by_unix_socket(void **state)
{
	(void)state;
	kinds(false);
}

static void by_tcp(void **state)
{
	(void)state;
	kinds(true);
}

/* The first holds, the second gets it and holds on: the third waits for both, then for the second. */
static void in_a_line(void **state)
{
	static const char take[] = "SELECT pg_advisory_xact_lock(7)";
	PGconn *one, *two, *three;
	struct rec_lock second, third, got, end;
	struct asker a;

	(void)state;
	need_live();
	asker_start(&a, &pg, true, false);
	one = pg_session(&pg, "postgres");
	two = pg_session(&pg, "postgres");
	three = pg_session(&pg, "postgres");
	pg_run(one, "BEGIN");
	pg_run(two, "BEGIN");
	free(pg_value(one, take));
	assert_true(PQsendQuery(two, take));
	second = record(&pg, two, false, clock_mono_ns());
	pg_ask_lock(a.ask, &second);
	asker_poll(&a, 200);
	assert_true(PQsendQuery(three, take));
	third = record(&pg, three, false, clock_mono_ns());
	pg_ask_lock(a.ask, &third);
	asker_poll(&a, 200);
	pg_run(one, "COMMIT");
	finish(two);
	got = record(&pg, two, true, second.since_ns);
	pg_ask_lock(a.ask, &got);
	asker_poll(&a, 300);
	pg_run(two, "COMMIT");
	finish(three);
	end = record(&pg, three, true, third.since_ns);
	pg_ask_lock(a.ask, &end);
	check_sum(&a, &got);
	check_sum(&a, &end);
	assert_int_equal(a.npieces, 3);
	assert_true(share(&a, second.pid, (uint32_t)PQbackendPID(one)) == 100);
	/* The third's first piece ends when the second got its lock. */
	assert_int_equal(a.pieces[1].nblockers, 2);
	assert_int_equal(a.pieces[1].to_ns, got.hdr.time_ns);
	assert_int_equal(a.pieces[2].nblockers, 1);
	assert_int_equal(a.pieces[2].blocker.server_pid, PQbackendPID(two));
	PQfinish(one);
	PQfinish(two);
	PQfinish(three);
	asker_stop(&a);
}

/* Without a connection, or too short to be asked for: the whole wait, and nobody is named. */
static void unknown(void **state)
{
	struct rec_lock begin, end;
	struct asker a;
	PGconn *conn;

	(void)state;
	need_live();
	conn = pg_session(&pg, "postgres");
	for (int connected = 0; connected < 2; connected++) {
		asker_start(&a, &pg, connected, false);
		begin = record(&pg, conn, false, clock_mono_ns());
		pg_ask_lock(a.ask, &begin);
		asker_poll(&a, connected ? 0 : 100);
		end = record(&pg, conn, true, begin.since_ns);
		pg_ask_lock(a.ask, &end);
		asker_poll(&a, 100);
		check_sum(&a, &end);
		assert_int_equal(a.npieces, 1);
		assert_int_equal(a.pieces[0].nblockers, 0);
		asker_stop(&a);
	}
	PQfinish(conn);
}

/* The server's numbers are its own: blockers come in ours. */
static void in_a_namespace(void **state)
{
	struct server inner;
	struct asker a;
	PGconn *conn;

	(void)state;
	need_live();
	postgres_start_inside(&inner);
	conn = pg_session(&inner, "postgres");
	pg_run(conn, "CREATE ROLE tallyman LOGIN IN ROLE pg_monitor");
	PQfinish(conn);
	asker_start(&a, &inner, true, false);
	two_sessions(&inner, &a, "SELECT pg_advisory_xact_lock(42)",
		     "SELECT pg_advisory_xact_lock(42)");
	asker_stop(&a);
	server_stop_inside(&inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_unix_socket), cmocka_unit_test(by_tcp),
		cmocka_unit_test(in_a_line),	  cmocka_unit_test(unknown),
		cmocka_unit_test(in_a_namespace),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
