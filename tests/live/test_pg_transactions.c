/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's transactions, rows and refusals. The truth is the server's own (pg_stat_database, pg_stat_statements) and
 * the client's clock.
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
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define TX "kind=transactions tenant=acme"
#define IDLE_MS 200

static const char workflows[] = "workflows:\n"
				"  - match: {sql.table: stock}\n"
				"    name: warehouse\n"
				"  - match: {sql.table: pgbench_history}\n"
				"    name: bank\n";

static struct server pg;

static int server_begin(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	postgres_start(&pg);
	postgres_bench(&pg, "live_acme");
	free(postgres_query(&pg, "live_acme",
			    "CREATE TABLE stock (id int PRIMARY KEY, n int, "
			    "UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)"));
	free(postgres_query(&pg, "live_acme",
			    "INSERT INTO stock SELECT g, g FROM generate_series(1, 100) g"));
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&pg);
	return 0;
}

/* The server's backends are gone, and what they counted is in its tables. */
static void settle(void)
{
	double end = now_seconds() + 30;

	while (postgres_number(&pg, "postgres",
			       "SELECT count(*) FROM pg_stat_activity WHERE datname = 'live_acme'"))
		if (now_seconds() > end)
			fail_msg("sessions stay");
}

static long counted(const char *column)
{
	return postgres_number(&pg, "postgres",
			       "SELECT %s FROM pg_stat_database WHERE datname = 'live_acme'",
			       column);
}

static void begin(struct agent *agent)
{
	char *config;

	if (asprintf(&config, "%s%s", tenant_config, workflows) < 0)
		abort();
	agent_record(agent, config, "");
	free(config);
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

static void run(PGconn *conn, const char *sql)
{
	PQclear(PQexec(conn, sql));
}

static void run_extended(PGconn *conn, const char *sql)
{
	PQclear(PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0));
}

/* 4 committed, 3 rolled back, 5 failed, 1 abandoned; the session leaves in the last one. */
static void session(PGconn *conn, void (*exec)(PGconn *conn, const char *sql))
{
	static const char *const statements[] = {
		"SELECT 1",
		"BEGIN",
		"UPDATE stock SET n = n WHERE id = 1",
		"SELECT n FROM stock WHERE id = 1",
		"COMMIT",
		"START TRANSACTION",
		"UPDATE stock SET n = n WHERE id = 2",
		"ROLLBACK",
		"SELECT 1 / 0", /* alone */
		"BEGIN",
		"SELECT 1 / 0",
		"SELECT 1", /* 25P02 */
		"ROLLBACK",
		"BEGIN",
		"SELEC 1",
		"COMMIT", /* is a ROLLBACK */
		"BEGIN",
		"SAVEPOINT s",
		"SELECT 1 / 0",
		"ROLLBACK TO s", /* and goes on */
		"UPDATE stock SET n = n WHERE id = 3",
		"END",
		"BEGIN",
		"UPDATE stock SET n = 5 WHERE id = 4",
		"COMMIT", /* breaks the deferred constraint */
		"BEGIN",
		"INSERT INTO stock VALUES (1, 1)",
		"ABORT",
		"BEGIN",
		"UPDATE stock SET n = n WHERE id = 3",
		"COMMIT AND CHAIN",
		"UPDATE stock SET n = n WHERE id = 4",
		"ABORT",
		"BEGIN",
		"ROLLBACK",
		"BEGIN",
		"UPDATE stock SET n = n WHERE id = 5",
	};

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		exec(conn, statements[i]);
	PQfinish(conn);
}

static long ended(const json_t *facts, const char *how)
{
	return facts_sum(facts, how, TX);
}

static void outcomes(bool over_unix, void (*exec)(PGconn *conn, const char *sql))
{
	long commits, rollbacks;
	struct agent agent;
	json_t *facts;

	need_live();
	settle();
	commits = counted("xact_commit");
	rollbacks = counted("xact_rollback");
	begin(&agent);
	for (int i = 0; i < 3; i++)
		session(acme_session(over_unix), exec);
	facts = agent_finish(&agent);
	settle();
	facts_print(facts, "kind=transactions");
	/* Letting a session in is a transaction of the server's own. */
	assert_int_equal(ended(facts, "committed"), counted("xact_commit") - commits - 3);
	assert_int_equal(ended(facts, "rolled_back") + ended(facts, "failed") +
				 ended(facts, "abandoned"),
			 counted("xact_rollback") - rollbacks);
	assert_int_equal(ended(facts, "committed"), 3 * 4);
	assert_int_equal(ended(facts, "rolled_back"), 3 * 3);
	assert_int_equal(ended(facts, "failed"), 3 * 5);
	assert_int_equal(ended(facts, "abandoned"), 3 * 1);
	assert_int_equal(ended(facts, "unknown"), 0);
	assert_int_equal(facts_sum(facts, "statements", TX), 3 * 37);
	assert_int_equal(facts_sum(facts, "count", TX), 3 * 13);
	/* Those that touched the table, by any of their statements. */
	assert_int_equal(facts_sum(facts, "committed", TX " workflow=warehouse"), 3 * 3);
	json_decref(facts);
}

static void outcomes_simple(void **state)
{
	(void)state;
	outcomes(false, run);
}

static void outcomes_extended(void **state)
{
	(void)state;
	outcomes(true, run_extended);
}

/* pgbench says itself how long its transactions took, on average. */
static bool durations_agree(void *arg)
{
	double took_ms, service_ms, ms;
	struct agent agent;
	json_t *facts;
	char *text;

	(void)arg;
	begin(&agent);
	text = shell(NULL,
		     "pgbench -h 127.0.0.1 -p %d -n -c 2 -t 500 live_acme 2>&1 | "
		     "sed -n 's/^latency average = \\([0-9.]*\\) ms/\\1/p'",
		     pg.port);
	took_ms = atof(text);
	free(text);
	facts = agent_finish(&agent);
	assert_int_equal(facts_sum(facts, "committed", TX " workflow=bank"), 1000);
	assert_int_equal(facts_sum(facts, "statements", TX " workflow=bank"), 7000);
	/* What ends a transaction is of its workflow, at both ends. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			facts_sum(facts, "count",
				  "kind=requests role=%s operation=END workflow=bank",
				  i ? "client" : "server") +
				facts_sum(facts, "count",
					  "kind=requests role=%s operation=COMMIT workflow=bank",
					  i ? "client" : "server"),
			1000);
	ms = facts_sum(facts, "sum_ns", TX " workflow=bank") / 1e6 / 1000;
	service_ms = facts_sum(facts, "service_sum_ns",
			       "kind=requests role=server tenant=acme outcome=ok") /
		     1e6 / 1000;
	print_message("by the client %.3f ms, as a span %.3f ms, its requests alone %.3f ms\n",
		      took_ms, ms, service_ms);
	json_decref(facts);
	return ms <= took_ms * 1.02 && ms >= took_ms * 0.7 && ms > service_ms;
}

static void durations(void **state)
{
	(void)state;
	need_live();
	truth_holds(durations_agree, NULL);
}

/* The client sleeps between its statements, and knows how long. */
static bool idle_is_told(void *arg)
{
	double idle_s = 0, all_s, from, idle, all;
	struct agent agent;
	json_t *facts;
	PGconn *conn;

	(void)arg;
	begin(&agent);
	conn = acme_session(false);
	from = now_seconds();
	run(conn, "BEGIN");
	for (int i = 0; i < 3; i++) {
		double asleep = now_seconds();

		nap_ms(IDLE_MS);
		idle_s += now_seconds() - asleep;
		run(conn, "UPDATE stock SET n = n WHERE id = 1");
	}
	run(conn, "SELECT pg_sleep(0.3)");
	run(conn, "COMMIT");
	all_s = now_seconds() - from;
	nap_ms(IDLE_MS); /* in no transaction */
	PQfinish(conn);
	facts = agent_finish(&agent);
	idle = facts_sum(facts, "idle_ns", TX) / 1e9;
	all = facts_sum(facts, "sum_ns", TX) / 1e9;
	print_message("idle %.3f s, seen %.3f s; of %.3f s, seen %.3f s\n", idle_s, idle, all_s,
		      all);
	assert_int_equal(facts_sum(facts, "count", TX), 1);
	assert_true(all <= all_s);
	json_decref(facts);
	return idle >= idle_s - 0.001 && idle <= idle_s + 0.05 && all >= all_s - 0.02;
}

static void idle_in_transaction(void **state)
{
	(void)state;
	need_live();
	truth_holds(idle_is_told, NULL);
}

static void rows(void **state)
{
	static const char *const roles[] = { "server", "client" };
	struct agent agent;
	json_t *facts;
	PGconn *conn;

	(void)state;
	need_live();
	free(postgres_query(&pg, "postgres", "SELECT pg_stat_statements_reset()"));
	begin(&agent);
	conn = acme_session(false);
	for (int i = 1; i <= 10; i++) {
		char *sql;

		if (asprintf(&sql, "SELECT * FROM generate_series(1, %d)", i * i * i) < 0)
			abort();
		run(conn, sql);
		run_extended(conn, sql);
		free(sql);
	}
	run(conn, "UPDATE stock SET n = n"); /* returns none */
	run(conn, "UPDATE stock SET n = n RETURNING id");
	PQfinish(conn);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(facts_sum(facts, "rows",
					   "kind=requests tenant=acme role=%s operation=SELECT",
					   roles[i]),
				 postgres_number(&pg, "postgres",
						 "SELECT sum(rows) FROM pg_stat_statements "
						 "WHERE query LIKE '%%generate_series%%'"));
		assert_int_equal(facts_sum(facts, "rows",
					   "kind=requests tenant=acme role=%s operation=UPDATE",
					   roles[i]),
				 100);
	}
	json_decref(facts);
}

/* Each with a word that must not be told. */
static void refused(void **state)
{
	struct agent agent;
	json_t *facts;
	char *text;

	(void)state;
	need_live();
	free(postgres_query(&pg, "postgres", "CREATE ROLE odoo LOGIN PASSWORD 'right'"));
	free(postgres_query(&pg, "postgres", "CREATE ROLE nobody NOLOGIN"));
	free(shell(
		NULL,
		"sed -i '1i host live_acme odoo 127.0.0.1/32 scram-sha-256\\n"
		"local live_acme odoo md5\\nhost all banned 127.0.0.1/32 reject' %s/data/pg_hba.conf",
		pg.dir));
	free(postgres_query(&pg, "postgres", "SELECT pg_reload_conf()"));
	nap_ms(300);
	begin(&agent);
	for (int i = 0; i < 3; i++)
		shell_try(
			NULL,
			"PGPASSWORD=S3cr3t psql -X -h 127.0.0.1 -p %d -U odoo live_acme -c 'SELECT 1'",
			pg.port);
	for (int i = 0; i < 2; i++)
		shell_try(NULL,
			  "PGPASSWORD=S3cr3t psql -X -h %s -p %d -U odoo live_acme -c 'SELECT 1'",
			  pg.dir, pg.port);
	shell_try(NULL, "psql -X -h 127.0.0.1 -p %d -U nobody live_acme -c 'SELECT 1'", pg.port);
	shell_try(NULL, "psql -X -h 127.0.0.1 -p %d -U banned live_acme -c 'SELECT 1'", pg.port);
	shell_try(NULL, "psql -X -h 127.0.0.1 -p %d live_nothing -c 'SELECT 1'", pg.port);
	assert_int_equal(shell_try(NULL,
				   "PGPASSWORD=right psql -X -h 127.0.0.1 -p %d -U odoo live_acme "
				   "-c 'SELECT 1'",
				   pg.port),
			 0);
	text = file_read(agent.tape);
	assert_null(strstr(text, "S3cr3t"));
	free(text);
	facts = agent_finish(&agent);
	facts_print(facts, "kind=refused");
#define REFUSED "kind=refused tenant=acme "
	assert_int_equal(
		facts_sum(facts, "count", REFUSED "outcome=28P01 user=odoo source=127.0.0.1"), 3);
	assert_int_equal(facts_sum(facts, "count", REFUSED "outcome=28P01 user=odoo source=local"),
			 2);
	assert_int_equal(facts_sum(facts, "count", REFUSED "outcome=28000 user=nobody"), 1);
	assert_int_equal(facts_sum(facts, "count", REFUSED "outcome=28000 user=banned"), 1);
	assert_int_equal(facts_sum(facts, "count",
				   "kind=refused tenant=nothing outcome=3D000 user=postgres"),
			 1);
	assert_int_equal(facts_sum(facts, "count", "kind=refused"), 8);
	assert_int_equal(facts_sum(facts, "count",
				   "kind=requests tenant=acme role=server operation=SELECT"),
			 1);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_simple),
		cmocka_unit_test(outcomes_extended),
		cmocka_unit_test(durations),
		cmocka_unit_test(idle_in_transaction),
		cmocka_unit_test(rows),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
