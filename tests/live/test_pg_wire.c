/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's protocol, cut anywhere: one session with all that there is to it, sent on many connections with the
 * cut at each byte in turn, and read with a cut at each byte, over TCP and over a Unix socket. And messages far
 * larger than any window. What was made is known; pg_stat_statements agrees.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/pg_session.h"
#include "tests/live/pg_wire.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"

#define ACME "kind=requests protocol=postgresql tenant=acme "
#define COPY_BYTES 200000000L
#define ROW_BYTES 50000000L

static const char *const roles[] = { "server", "client" };

static struct server pg;

static int server_begin(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	postgres_start(&pg);
	free(postgres_query(&pg, "postgres", "CREATE DATABASE live_acme"));
	free(postgres_query(&pg, "live_acme", "CREATE TABLE stock (id int, n text)"));
	free(postgres_query(&pg, "live_acme", "ALTER TABLE stock SET (autovacuum_enabled = off)"));
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&pg);
	return 0;
}

/* How often one session has each: see session(). */
static const struct {
	const char *operation, *outcome;
	int times;
	int calls; /* by pg_stat_statements */
} expected[] = { { "SELECT", "ok", 5, 3 },     { "SELECT", "22012", 1, 0 },
		 { "UPDATE", "ok", 2, 2 },     { "COPY", "ok", 2, 2 },
		 { "DELETE", "ok", 1, 1 },     { "DEALLOCATE", "ok", 1, 0 },
		 { "DISCARD", "ok", 1, 1 },    { "FUNCTION", "ok", 1, 0 },
		 { "unknown", "ok", 1, 0 },    { "unknown", "34000", 1, 0 },
		 { "SELECT", "skipped", 1, 0 } };

static void session(struct wire *w)
{
	*w = (struct wire){ .len = 0 };
	wire_put(w, 'Q', "s", "SELECT 1");
	wire_put(w, 'P', "ssh", "", "SELECT $1::int", 0);
	wire_put(w, 'B', "sshhbh", "", "", 0, 1, "17", 0);
	wire_put(w, 'D', "s", "P");
	wire_put(w, 'E', "si", "", 0);
	wire_put(w, 'S', "");
	wire_put(w, 'P', "ssh", "s1", "UPDATE stock SET n = n WHERE id = $1", 0);
	wire_put(w, 'S', "");
	wire_put(w, 'B', "sshhbh", "", "s1", 0, 1, "17", 0);
	wire_put(w, 'E', "si", "", 0);
	wire_put(w, 'B', "sshhbh", "", "s1", 0, 1, "18", 0);
	wire_put(w, 'E', "si", "", 0);
	wire_put(w, 'S', "");
	wire_put(w, 'Q', "s", "SELECT 1 / 0");
	wire_put(w, 'Q', "s", "COPY stock FROM STDIN");
	wire_put(w, 'd', "s", "17\tQ");
	w->bytes[w->len - 1] = '\n';
	wire_put(w, 'c', "");
	/* Three parts of one portal, of which two are suspended. */
	wire_put(w, 'P', "ssh", "", "SELECT g FROM generate_series(1, 5) g", 0);
	wire_put(w, 'B', "sshhh", "p1", "", 0, 0, 0);
	wire_put(w, 'E', "si", "p1", 2);
	wire_put(w, 'E', "si", "p1", 2);
	wire_put(w, 'E', "si", "p1", 2);
	wire_put(w, 'H', "");
	wire_put(w, 'S', "");
	/* s1 again, as another one. */
	wire_put(w, 'C', "s", "Ss1");
	wire_put(w, 'P', "ssh", "s1", "DELETE FROM stock WHERE id = $1", 0);
	wire_put(w, 'B', "sshhbh", "", "s1", 0, 1, "17", 0);
	wire_put(w, 'E', "si", "", 0);
	wire_put(w, 'S', "");
	wire_put(w, 'Q', "s", "");
	wire_put(w, 'F', "ihhbh", 1397, 0, 1, "-5", 0); /* abs(int4) */
	wire_put(w, 'Q', "s", "DEALLOCATE ALL");
	wire_put(w, 'Q', "s", "DISCARD ALL");
	/* No such portal; what follows is passed over. */
	wire_put(w, 'E', "si", "nope", 0);
	wire_put(w, 'P', "ssh", "", "SELECT 2", 0);
	wire_put(w, 'B', "sshhh", "", "", 0, 0, 0);
	wire_put(w, 'E', "si", "", 0);
	wire_put(w, 'S', "");
	/* COPY with a Sync that the server passes over. */
	wire_put(w, 'P', "ssh", "", "COPY stock FROM STDIN", 0);
	wire_put(w, 'B', "sshhh", "", "", 0, 0, 0);
	wire_put(w, 'E', "si", "", 0);
	wire_put(w, 'S', "");
	w->answers--;
	wire_put(w, 'd', "s", "18\tS");
	w->bytes[w->len - 1] = '\n';
	wire_put(w, 'c', "");
	wire_put(w, 'S', "");
}

static void judge(const json_t *facts, long sessions)
{
	long calls = 0, total = 0;

	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	assert_int_equal(facts_sum(facts, "coarse", "kind=events probe=sock"), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		for (int role = 0; role < 2; role++) {
			long seen = facts_sum(facts, "count",
					      ACME "role=%s operation=%s outcome=%s", roles[role],
					      expected[i].operation, expected[i].outcome);

			if (seen != expected[i].times * sessions)
				facts_print(facts, "kind=requests tenant=acme");
			assert_int_equal(seen, expected[i].times * sessions);
		}
		calls += expected[i].calls * sessions;
		total += expected[i].times * sessions;
	}
	assert_int_equal(facts_sum(facts, "count", ACME), 2 * total);
	assert_int_equal(postgres_calls(&pg, "live_acme", "%"), calls);
}

static void torture(bool over_unix)
{
	static struct wire w;
	struct agent agent;
	json_t *facts;
	int fd;

	need_live();
	session(&w);
	free(postgres_query(&pg, "postgres", "SELECT pg_stat_statements_reset()"));
	agent_record(&agent, tenant_config, "");
	for (size_t cut = 0; cut < w.len; cut++) {
		fd = wire_connect(&pg, over_unix, "live_acme");
		wire_run(fd, &w, cut, cut);
		close(fd);
	}
	fd = wire_connect(&pg, over_unix, "live_acme");
	wire_run_single(fd, &w);
	close(fd);
	nap_ms(200);
	facts = agent_finish(&agent);
	print_message("%zu bytes, each cut once\n", w.len);
	judge(facts, w.len + 1);
	json_decref(facts);
}

static void torture_unix(void **state)
{
	(void)state;
	torture(true);
}

static void torture_tcp(void **state)
{
	(void)state;
	torture(false);
}

static PGconn *acme_session(bool over_unix)
{
	char where[256];
	PGconn *conn;

	snprintf(where, sizeof(where), "host=%s port=%d user=postgres dbname=live_acme",
		 over_unix ? pg.dir : "127.0.0.1", pg.port);
	conn = PQconnectdb(where);
	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	return conn;
}

static void expect(PGresult *res, ExecStatusType status)
{
	if (PQresultStatus(res) != status)
		fail_msg("%s", PQresultErrorMessage(res));
	PQclear(res);
}

static void copy_out(PGconn *conn)
{
	long bytes = 0;
	char *row;
	int n;

	expect(PQexec(conn, "COPY (SELECT repeat('x', 999) FROM generate_series(1, 200000)) "
			    "TO STDOUT"),
	       PGRES_COPY_OUT);
	while ((n = PQgetCopyData(conn, &row, 0)) > 0) {
		bytes += n;
		PQfreemem(row);
	}
	assert_int_equal(bytes, COPY_BYTES);
	expect(PQgetResult(conn), PGRES_COMMAND_OK);
	assert_null(PQgetResult(conn));
}

static void copy_in(PGconn *conn)
{
	static char rows[100000];
	PGresult *res;

	memset(rows, 'Z', sizeof(rows)); /* looks like messages, and is none */
	for (size_t i = 0; i < sizeof(rows); i += 1000) {
		rows[i] = '1';
		rows[i + 1] = '\t';
		rows[i + 999] = '\n';
	}
	expect(PQexec(conn, "COPY stock FROM STDIN"), PGRES_COPY_IN);
	for (long sent = 0; sent < COPY_BYTES; sent += sizeof(rows))
		assert_int_equal(PQputCopyData(conn, rows, sizeof(rows)), 1);
	assert_int_equal(PQputCopyEnd(conn, NULL), 1);
	while ((res = PQgetResult(conn)))
		expect(res, PGRES_COMMAND_OK);
}

/* A row of that size each way, as a literal and as a bind value. */
static void large_rows(PGconn *conn)
{
	char *text = malloc(ROW_BYTES + 64);
	const char *values[] = { text };

	expect(PQexec(conn, "SELECT repeat('x', 50000000)"), PGRES_TUPLES_OK);
	memset(text, 'C', ROW_BYTES);
	text[ROW_BYTES] = 0;
	expect(PQexecParams(conn, "VALUES (length($1))", 1, NULL, values, NULL, NULL, 0),
	       PGRES_TUPLES_OK);
	memcpy(text, "SHOW /*", 7);
	memcpy(text + ROW_BYTES - 12, "*/ work_mem", 12);
	expect(PQexec(conn, text), PGRES_TUPLES_OK);
	free(text);
}

static long traced(const json_t *facts, const char *role, const char *operation)
{
	return facts_sum(facts, "count", ACME "outcome=ok role=%s operation=%s", role, operation);
}

/* Nothing is out of step behind it: what is asked next is what is seen next. */
static void large(bool over_unix)
{
	struct agent agent;
	json_t *facts;
	PGconn *conn;

	need_live();
	agent_record(&agent, tenant_config, "");
	conn = acme_session(over_unix);
	copy_out(conn);
	expect(PQexec(conn, "LISTEN news"), PGRES_COMMAND_OK);
	copy_in(conn);
	expect(PQexec(conn, "UPDATE stock SET n = '' WHERE id = 2"), PGRES_COMMAND_OK);
	large_rows(conn);
	expect(PQexec(conn, "TRUNCATE stock"), PGRES_COMMAND_OK);
	PQfinish(conn);
	facts = agent_finish(&agent);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	for (int i = 0; i < 2; i++) {
		static const char *const once[] = { "LISTEN", "UPDATE", "SELECT",
						    "VALUES", "SHOW",	"TRUNCATE" };

		assert_int_equal(traced(facts, roles[i], "COPY"), 2);
		for (size_t op = 0; op < sizeof(once) / sizeof(once[0]); op++)
			assert_int_equal(traced(facts, roles[i], once[op]), 1);
		assert_int_equal(facts_sum(facts, "count", ACME "role=%s", roles[i]), 8);
		/* Each row of COPY is a message of its own: a header of five bytes, and the data. */
		assert_true(facts_sum(facts, "reply_bytes", ACME "role=%s operation=COPY",
				      roles[i]) >= COPY_BYTES + 5 * 200000);
		assert_true(facts_sum(facts, "request_bytes", ACME "role=%s operation=COPY",
				      roles[i]) >= COPY_BYTES);
		assert_true(facts_sum(facts, "reply_bytes", ACME "role=%s operation=SELECT",
				      roles[i]) >= ROW_BYTES);
		assert_true(facts_sum(facts, "request_bytes", ACME "role=%s operation=VALUES",
				      roles[i]) >= ROW_BYTES);
	}
	json_decref(facts);
}

static void large_tcp(void **state)
{
	(void)state;
	large(false);
}

static void large_unix(void **state)
{
	(void)state;
	large(true);
}

/* Another connection asks for it; it says nothing else, is answered nothing, and is no request. */
static void cancel(void **state)
{
	struct agent agent;
	char error[256];
	PGcancel *asked;
	json_t *facts;
	PGconn *conn;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "");
	conn = acme_session(false);
	for (int i = 0; i < 3; i++) {
		asked = PQgetCancel(conn);
		assert_int_equal(PQsendQuery(conn, "SELECT pg_sleep(30)"), 1);
		nap_ms(100);
		assert_int_equal(PQcancel(asked, error, sizeof(error)), 1);
		PQfreeCancel(asked);
		expect(PQgetResult(conn), PGRES_FATAL_ERROR);
		assert_null(PQgetResult(conn));
	}
	expect(PQexec(conn, "LISTEN news"), PGRES_COMMAND_OK);
	PQfinish(conn);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(facts_sum(facts, "count",
					   ACME "role=%s operation=SELECT outcome=57014", roles[i]),
				 3);
		assert_int_equal(facts_sum(facts, "count", "kind=requests role=%s", roles[i]), 4);
	}
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	json_decref(facts);
}

static long commands(const char *command)
{
	char *text = shell(NULL, "grep -c 'received replication command: %s' %s/log || true",
			   command, workdir());
	long n = atol(text);

	free(text);
	return n;
}

/* A backup with its stream of WAL, and a replica's: COPY both ways. The server's log says what it was asked. */
static void walsenders(void **state)
{
	static const char *const all[] = { "IDENTIFY_SYSTEM", "BASE_BACKUP", "START_REPLICATION",
					   "CREATE_REPLICATION_SLOT", "READ_REPLICATION_SLOT" };
	struct agent agent;
	json_t *facts;

	(void)state;
	need_live();
	free(postgres_query(&pg, "postgres", "ALTER SYSTEM SET log_replication_commands = on"));
	free(postgres_query(&pg, "postgres", "SELECT pg_reload_conf()"));
	nap_ms(200);
	agent_record(&agent, tenant_config, "");
	free(shell(NULL, "pg_basebackup -h 127.0.0.1 -p %d -D %s/backup -X stream -c fast 2>&1",
		   pg.port, workdir()));
	shell_try(NULL, "mkdir %s/wal && timeout -s INT 2 pg_receivewal -h %s -p %d -D %s/wal",
		  workdir(), pg.dir, pg.port, workdir());
	free(shell(NULL,
		   "psql -X 'host=127.0.0.1 port=%d dbname=live_acme replication=database' "
		   "-c IDENTIFY_SYSTEM -c 'SELECT 1'",
		   pg.port));
	facts = agent_finish(&agent);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		long made = commands(all[i]);

		print_message("%s: %ld\n", all[i], made);
		for (int role = 0; role < 2; role++) {
			long seen = facts_sum(facts, "count", "kind=requests role=%s operation=%s",
					      roles[role], all[i]);

			if (seen != made)
				facts_print(facts, "kind=requests");
			assert_int_equal(seen, made);
		}
	}
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=unknown"), 0);
	assert_int_equal(facts_count(facts, "kind=transactions"), 0);
	assert_int_equal(traced(facts, "server", "SELECT"), 1);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torture_unix), cmocka_unit_test(torture_tcp),
		cmocka_unit_test(large_tcp),	cmocka_unit_test(large_unix),
		cmocka_unit_test(cancel),	cmocka_unit_test(walsenders),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
