/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's clients, each in its own ways. The truth is the server's (pg_stat_statements, by kind of
 * statement) and the client's (how often each SQLSTATE was raised): what was seen, at both ends, is what was
 * made. Both over TCP and over a Unix socket.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <signal.h>
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

#define ACME "kind=requests protocol=postgresql tenant=acme "
#define POOLER "/usr/sbin/pgbouncer"

static const char *const roles[] = { "server", "client" };

static struct server pg;

static int server_begin(void **state)
{
	(void)state;
	if (live_possible())
		postgres_start(&pg);
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&pg);
	return 0;
}

/* A new, empty database of tenant acme, and the server's counts from nothing. */
static void database_new(void)
{
	free(postgres_query(&pg, "postgres", "DROP DATABASE IF EXISTS live_acme"));
	free(postgres_query(&pg, "postgres", "CREATE DATABASE live_acme"));
	free(postgres_query(&pg, "postgres", "SELECT pg_stat_statements_reset()"));
}

/* Calls of statements that begin with that word, or mean the same; "": all. */
static long calls_of(const char *operation)
{
	const char *synonym = !strcmp(operation, "COMMIT") ? "END" : operation;

	return postgres_number(&pg, "postgres",
			       "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements p "
			       "JOIN pg_database d ON d.oid = p.dbid WHERE datname = 'live_acme' "
			       "AND toplevel AND ltrim(query) ~* '^(%s|%s)'",
			       operation, synonym);
}

/* PostgreSQL 15 counts a prepared statement that is none of the planner's only when it is executed first. */
static bool is_planned(const char *operation)
{
	return !strcmp(operation, "SELECT") || !strcmp(operation, "INSERT") ||
	       !strcmp(operation, "UPDATE") || !strcmp(operation, "DELETE");
}

/*
 * Every kind of statement of that tenant that was seen was made as often; with `all`, the other way round, too. The
 * number of them.
 */
static long calls_agree(const json_t *facts, const char *who, const char *role, bool prepared,
			bool all)
{
	long total = 0;
	json_t *line;
	size_t i;

	json_array_foreach(facts, i, line) {
		const char *operation = json_string_value(json_object_get(line, "operation"));
		const char *outcome = json_string_value(json_object_get(line, "outcome"));
		const char *of = json_string_value(json_object_get(line, "role"));
		const char *tenant = json_string_value(json_object_get(line, "tenant"));
		long seen, made;

		if (!outcome || strcmp(outcome, "ok") || strcmp(of, role) || strcmp(tenant, who) ||
		    !strcmp(operation, "DEALLOCATE") || (prepared && !is_planned(operation)))
			continue;
		seen = facts_sum(facts, "count",
				 "kind=requests tenant=%s outcome=ok role=%s operation=%s", who,
				 role, operation);
		made = calls_of(operation);
		if (seen != made)
			print_message("%s %s: seen %ld, made %ld\n", role, operation, seen, made);
		assert_int_equal(seen, made);
		total += json_integer_value(json_object_get(line, "count"));
	}
	if (all)
		assert_int_equal(total, calls_of(""));
	return total;
}

/* "SQLSTATE count" lines: these failed, and no others. */
static void errors_agree(const json_t *facts, const char *role, const char *told)
{
	long total = 0, n;
	char sqlstate[16];
	int len;

	for (; sscanf(told, " %15s %ld%n", sqlstate, &n, &len) == 2; told += len) {
		assert_int_equal(
			facts_sum(facts, "count", ACME "role=%s outcome=%s", role, sqlstate), n);
		total += n;
	}
	assert_int_equal(facts_sum(facts, "errors", ACME "role=%s", role),
			 total + facts_sum(facts, "count", ACME "role=%s outcome=skipped", role));
}

static void nothing_lost(const json_t *facts)
{
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	assert_int_equal(facts_sum(facts, "coarse", "kind=events probe=sock"), 0);
	assert_int_equal(facts_sum(facts, "count", ACME "operation=unknown outcome=ok"), 0);
}

/* `skipped`: requests that the server passed over after an error in their pipeline; -1: not known. */
static void judge(json_t *facts, const char *errors, long skipped, bool prepared)
{
	nothing_lost(facts);
	for (int i = 0; i < 2; i++) {
		calls_agree(facts, "acme", roles[i], prepared, !prepared);
		errors_agree(facts, roles[i], errors);
		if (skipped >= 0)
			assert_int_equal(facts_sum(facts, "count", ACME "role=%s outcome=skipped",
						   roles[i]),
					 skipped);
	}
	json_decref(facts);
}

static void script(const char *command, long skipped)
{
	const char *const hosts[] = { "127.0.0.1", pg.dir };
	struct agent agent;
	char *errors;

	need_live();
	for (int i = 0; i < 2; i++) {
		database_new();
		agent_record(&agent, tenant_config, "");
		errors = shell(NULL, "%s %s %d live_acme", command, hosts[i], pg.port);
		judge(agent_finish(&agent), errors, skipped, false);
		free(errors);
	}
}

static void psycopg2(void **state)
{
	(void)state;
	script("tests/live/pg_clients.py psycopg2", 0);
}

static void psycopg(void **state)
{
	(void)state;
	script("tests/live/pg_clients.py psycopg", -1);
}

/* scripts/setup.sh unpacks Debian's package there. */
#define NODE_PG "NODE_PATH=build/debian/usr/share/nodejs node "

static void node_pg(void **state)
{
	(void)state;
	need_live();
	if (shell_try(NULL, NODE_PG "-e 'require(\"pg\")'")) {
		print_message("skip: node cannot load pg: scripts/setup.sh has not run\n");
		skip();
	}
	script(NODE_PG "tests/live/pg_node.js", 0);
}

static const char psql_script[] =
	"CREATE TABLE stock (id int PRIMARY KEY, n int);\n"
	"INSERT INTO stock SELECT g, g FROM generate_series(1, 100) g;\n"
	"\\set FETCH_COUNT 9\n"
	"SELECT id FROM stock;\n" /* BEGIN, DECLARE, 12 FETCH, CLOSE, COMMIT */
	"\\unset FETCH_COUNT\n"
	"BEGIN;\nUPDATE stock SET n = 1;\nROLLBACK;\n"
	"SELECT 1 / 0;\nSELEC 1;\nSELECT nothing FROM stock;\nSELECT nothing FROM stock;\n"
	"COPY stock TO STDOUT;\n"
	"COPY stock FROM STDIN;\n1000\t1\n1001\t1\n\\.\n"
	"\\copy stock to '/dev/null'\n"
	"SELECT id FROM stock WHERE id = 5 \\gset\n"
	"SELECT 'DELETE FROM stock WHERE id = ' || id FROM stock WHERE id < 4 \\gexec\n"
	"VACUUM stock;\n";

static void psql(void **state)
{
	const char *const hosts[] = { "127.0.0.1", pg.dir };
	char *path = NULL;
	struct agent agent;

	(void)state;
	need_live();
	for (int i = 0; i < 2; i++) {
		database_new();
		path = file_name("script");
		file_write(path, psql_script);
		agent_record(&agent, tenant_config, "");
		free(shell(NULL, "psql -X -q -h %s -p %d live_acme -f %s 2>&1", hosts[i], pg.port,
			   path));
		judge(agent_finish(&agent), "22012 1 42601 1 42703 2", 0, false);
		free(path);
	}
}

/* One message with several statements is one request, and several calls. */
static void psql_several_at_once(void **state)
{
	struct agent agent;
	json_t *facts;

	(void)state;
	need_live();
	database_new();
	agent_record(&agent, tenant_config, "");
	for (int i = 0; i < 5; i++)
		free(shell(NULL,
			   "psql -X -h 127.0.0.1 -p %d live_acme "
			   "-c 'SELECT 1; SELECT 2; DELETE FROM pg_class WHERE false' -c 'SELECT 3'",
			   pg.port));
	shell_try(NULL, "psql -X -h 127.0.0.1 -p %d live_acme -c 'SELECT 1; SELECT 1 / 0'",
		  pg.port);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(facts_sum(facts, "count", ACME "role=%s outcome=ok", roles[i]),
				 10);
		assert_int_equal(facts_sum(facts, "count", ACME "role=%s outcome=22012", roles[i]),
				 1);
	}
	nothing_lost(facts);
	json_decref(facts);
}

/* Of the default script, which is a transaction of seven statements, in each of pgbench's modes. */
static void pgbench(const char *mode)
{
	struct agent agent;
	json_t *facts;

	need_live();
	free(postgres_query(&pg, "postgres", "DROP DATABASE IF EXISTS live_acme"));
	postgres_bench(&pg, "live_acme");
	free(postgres_query(&pg, "postgres", "SELECT pg_stat_statements_reset()"));
	agent_record(&agent, tenant_config, "");
	free(shell(NULL, "pgbench -h 127.0.0.1 -p %d -n -M %s -c 4 -j 2 -t 250 live_acme 2>&1",
		   pg.port, mode));
	facts = agent_finish(&agent);
	assert_int_equal(calls_of("UPDATE"), 3000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			facts_sum(facts, "count", ACME "role=%s operation=BEGIN", roles[i]), 1000);
		assert_int_equal(
			facts_sum(facts, "count", ACME "role=%s operation=COMMIT", roles[i]), 1000);
	}
	judge(facts, "", 0, !strcmp(mode, "prepared"));
}

static void pgbench_simple(void **state)
{
	(void)state;
	pgbench("simple");
}

static void pgbench_extended(void **state)
{
	(void)state;
	pgbench("extended");
}

static void pgbench_prepared(void **state)
{
	(void)state;
	pgbench("prepared");
}

/* PgBouncer in a cgroup of its own, in transaction mode: fewer sessions than clients. Its port. */
static int pooler_start(pid_t *pid)
{
	char *ini = file_name("pgbouncer.ini"), *text, *cgroup = tenant_cgroup("pooler");
	const char *argv[] = { POOLER, ini, NULL };
	int port = port_free();

	if (asprintf(&text,
		     "[databases]\nlive_acme = host=127.0.0.1 port=%d user=postgres\n"
		     "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
		     "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n",
		     pg.port, port) < 0)
		abort();
	file_write(ini, text);
	*pid = child_start(&(struct child_spec){ .argv = argv,
						 .cgroup = cgroup,
						 .user = "postgres",
						 .out = file_name("pgbouncer.log"),
						 .stop_signal = SIGINT });
	for (int i = 0; i < 200; i++) {
		if (!shell_try(NULL, "psql -X -h 127.0.0.1 -p %d live_acme -c 'SELECT 1'", port))
			break;
		nap_ms(50);
	}
	free(text);
	free(cgroup);
	return port;
}

/* Both hops: the clients' to the pooler (tenant acme by its database), and the pooler's to the server. */
static void pgbouncer(void **state)
{
	static const char *const modes[] = { "simple", "extended" };
	struct agent agent;
	json_t *facts;
	pid_t pid;
	int port;

	(void)state;
	need_live();
	if (access(POOLER, X_OK)) {
		print_message("skip: no " POOLER "\n");
		skip();
	}
	free(postgres_query(&pg, "postgres", "DROP DATABASE IF EXISTS live_acme"));
	postgres_bench(&pg, "live_acme");
	free(postgres_query(&pg, "postgres", "SELECT pg_stat_statements_reset()"));
	agent_record(&agent, tenant_config, "");
	port = pooler_start(&pid);
	for (int i = 0; i < 2; i++)
		free(shell(NULL,
			   "pgbench -h 127.0.0.1 -p %d -n -M %s -c 8 -j 2 -t 100 live_acme 2>&1",
			   port, modes[i]));
	facts = agent_finish(&agent);
	child_stop(pid, SIGINT, 30);
	nothing_lost(facts);
	for (int i = 0; i < 2; i++) {
		assert_true(calls_agree(facts, "acme", roles[i], false, false) >= 2 * 800 * 7);
		calls_agree(facts, "pooler", roles[i], false, true);
		assert_int_equal(facts_sum(facts, "errors", "kind=requests role=%s", roles[i]), 0);
	}
	json_decref(facts);
}

#define PIPE_QUERIES 1000

static PGconn *acme_session(void)
{
	char where[256];
	PGconn *conn;

	snprintf(where, sizeof(where), "host=127.0.0.1 port=%d user=postgres dbname=live_acme",
		 pg.port);
	conn = PQconnectdb(where);
	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	return conn;
}

/* Results until the pipeline's next Sync; how many were errors (aborted ones included). */
static int pipe_results(PGconn *conn)
{
	int errors = 0, nulls = 0;

	while (nulls < 2) {
		PGresult *res = PQgetResult(conn);
		ExecStatusType status = res ? PQresultStatus(res) : PGRES_FATAL_ERROR;

		nulls = res ? 0 : nulls + 1;
		PQclear(res);
		if (!res)
			continue;
		if (status == PGRES_PIPELINE_SYNC)
			return errors;
		errors += status == PGRES_FATAL_ERROR || status == PGRES_PIPELINE_ABORTED;
	}
	fail_msg("no Sync");
	return -1;
}

static void pipe_send(PGconn *conn, const char *sql, int value)
{
	char text[16];
	const char *values[] = { text };

	snprintf(text, sizeof(text), "%d", value);
	assert_int_equal(PQsendQueryParams(conn, sql, 1, NULL, values, NULL, NULL, 0), 1);
}

/*
 * libpq's pipeline mode: many queries up to one Sync, a Sync after each of them without waiting for any, and an
 * error every so often, after which the server passes over all up to the next Sync.
 */
static void pipeline(void **state)
{
	struct agent agent;
	PGconn *conn;

	(void)state;
	need_live();
	database_new();
	agent_record(&agent, tenant_config, "");
	conn = acme_session();
	assert_int_equal(PQenterPipelineMode(conn), 1);
	for (int i = 0; i < PIPE_QUERIES; i++)
		pipe_send(conn, "SELECT $1::int", i);
	assert_int_equal(PQpipelineSync(conn), 1);
	assert_int_equal(pipe_results(conn), 0);
	for (int i = 0; i < PIPE_QUERIES; i++) {
		pipe_send(conn, "SELECT 1 / ($1::int % 10)", i);
		assert_int_equal(PQpipelineSync(conn), 1);
	}
	for (int i = 0; i < PIPE_QUERIES; i++)
		assert_int_equal(pipe_results(conn), i % 10 == 0);
	for (int i = 0; i < 20; i++)
		pipe_send(conn, "SELECT 1 / ($1::int - 4)", i);
	assert_int_equal(PQpipelineSync(conn), 1);
	assert_int_equal(pipe_results(conn), 16);
	assert_int_equal(PQexitPipelineMode(conn), 1);
	PQfinish(conn);
	judge(agent_finish(&agent), "22012 101", 15, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(psql),
		cmocka_unit_test(psql_several_at_once),
		cmocka_unit_test(pgbench_simple),
		cmocka_unit_test(pgbench_extended),
		cmocka_unit_test(pgbench_prepared),
		cmocka_unit_test(psycopg2),
		cmocka_unit_test(psycopg),
		cmocka_unit_test(pipeline),
		cmocka_unit_test(pgbouncer),
		cmocka_unit_test(node_pg),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
