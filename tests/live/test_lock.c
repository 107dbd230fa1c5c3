/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for PostgreSQL's locks between two tenants: a row, a table, an advisory lock. The truth is the
 * server's: who blocks whom (pg_blocking_pids), and since when (pg_locks).
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

#define WAIT_MS 300
#define POLL_SECONDS 30
#define PSQL "psql -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p %d live "
#define WAITS "kind=waits resource=lock waiter_tenant=acme "

static const char workflows[] = "workflows:\n"
				"  - match: {sql.table: stock}\n"
				"    name: warehouse\n"
				"  - match: {sql.table: invoice}\n"
				"    name: invoicing\n";

struct contest {
	const char *name;
	const char *take; /* in a transaction of globex, which is idle then */
	const char *want; /* by acme */
	const char *holder_workflow;
	const char *waiter_workflow;
};

/* Of a request, or of a row of parts. */
struct spent {
	double all_ns;
	double lock_ns;
	unsigned int lines;
	unsigned int named; /* with the holder as culprit */
};

static struct server pg;
static PGconn *judge;

static int server_begin(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	postgres_start(&pg);
	judge = pg_session(&pg, "postgres");
	pg_run(judge, "CREATE ROLE tallyman LOGIN IN ROLE pg_monitor");
	pg_run(judge, "CREATE DATABASE live");
	free(shell(NULL,
		   PSQL "-c 'CREATE TABLE stock (id int PRIMARY KEY, n int)' "
			"-c 'CREATE TABLE invoice (id int PRIMARY KEY, n int)' "
			"-c 'INSERT INTO stock VALUES (1, 1), (2, 2)' "
			"-c 'INSERT INTO invoice VALUES (1, 1), (2, 2)'",
		   pg.port));
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	PQfinish(judge);
	server_stop(&pg);
	return 0;
}

static char *config_of(bool connected)
{
	char *text;
	int n;

	if (connected)
		n = asprintf(&text,
			     "%s%spostgresql:\n"
			     "  - connect: \"host=%s port=%d user=tallyman dbname=postgres\"\n",
			     tenant_config, workflows, pg.dir, pg.port);
	else
		n = asprintf(&text, "%s%s", tenant_config, workflows);
	if (n < 0)
		abort();
	return text;
}

static void poll_until(const char *sql)
{
	double end = now_seconds() + POLL_SECONDS;
	bool is = false;

	while (!is) {
		char *value = pg_value(judge, "%s", sql);

		is = !strcmp(value, "t");
		free(value);
		if (now_seconds() > end)
			fail_msg("never true: %s", sql);
		nap_ms(is ? 0 : 10);
	}
}

static double number(const char *sql)
{
	char *text = pg_value(judge, "%s", sql);
	double n = strtod(text, NULL);

	free(text);
	return n;
}

/* Globex takes, acme wants and waits, globex lets go. Returns how long acme waited at least. */
static double fight(const struct contest *c)
{
	char *acme = tenant_cgroup("acme"), *globex = tenant_cgroup("globex");
	char *gate = file_name("gate"), *blocker;
	pid_t holder, waiter;
	double waited_ns;

	file_write(gate, "");
	holder = shell_start(globex,
			     "PGAPPNAME=holder " PSQL "<<'EOF'\nBEGIN;\n%s;\n"
			     "\\! while [ -e %s ]; do sleep 0.02; done\nCOMMIT;\nEOF",
			     pg.port, c->take, gate);
	poll_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'holder' "
		   "AND state = 'idle in transaction' "
		   "AND clock_timestamp() - state_change > '300 ms'");
	waiter = shell_start(acme, "PGAPPNAME=waiter " PSQL "-c '%s'", pg.port, c->want);
	poll_until("SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'waiter' "
		   "AND wait_event_type = 'Lock'");
	nap_ms(WAIT_MS);
	blocker = pg_value(judge, "SELECT string_agg(b.application_name, ' ') "
				  "FROM pg_stat_activity w, pg_stat_activity b "
				  "WHERE w.application_name = 'waiter' "
				  "AND b.pid = ANY(pg_blocking_pids(w.pid))");
	waited_ns = number("SELECT extract(epoch FROM clock_timestamp() - waitstart) * 1e9 "
			   "FROM pg_locks WHERE NOT granted");
	unlink(gate);
	shell_end(waiter);
	shell_end(holder);
	assert_string_equal(blocker, "holder");
	free(blocker);
	free(gate);
	free(acme);
	free(globex);
	return waited_ns;
}

static bool text_is(const json_t *o, const char *field, const char *value)
{
	const char *s = json_string_value(json_object_get(o, field));

	return s && !strcmp(s, value);
}

static void spent_add(struct spent *s, const json_t *o)
{
	const json_t *parts = json_object_get(o, "parts_ns");
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)parts, name, value)
		s->all_ns += (double)json_integer_value(value);
	s->lock_ns += (double)json_integer_value(json_object_get(parts, "lock"));
}

/* Of acme's requests in that workflow: all of them, or with `line` "request" the slow ones. */
static struct spent spent_of(const json_t *facts, const char *line, const struct contest *c)
{
	struct spent s = { 0 };
	json_t *o;
	size_t i;

	json_array_foreach(facts, i, o) {
		if (!text_is(o, "kind", line) || !text_is(o, "tenant", "acme") ||
		    !text_is(o, "workflow", c->waiter_workflow))
			continue;
		spent_add(&s, o);
		s.named += text_is(o, "culprit_tenant", "globex") &&
			   text_is(o, "culprit_workflow", c->holder_workflow);
		s.lines++;
	}
	return s;
}

/* Whatever else runs on the node is not ours to compare. */
static bool is_ours(const json_t *o)
{
	return text_is(o, "resource", "lock") || text_is(o, "kind", "sleeps") ||
	       text_is(o, "tenant", "acme") || text_is(o, "tenant", "globex");
}

static void check_same(const json_t *live, const json_t *again)
{
	unsigned int ours = 0;
	json_t *o;
	size_t i;

	assert_int_equal(json_array_size(live), json_array_size(again));
	json_array_foreach(live, i, o) {
		if (!is_ours(o))
			continue;
		assert_true(json_equal(o, json_array_get(again, i)));
		ours++;
	}
	assert_true(ours > 5);
}

/* The slow requests of the recording, whose lines must be the live ones. */
static json_t *replayed(const struct agent *a, const char *config, const json_t *live)
{
	char *path = agent_config(config), *text;
	json_t *slow, *again;

	text = shell(NULL, "%s replay %s --config %s --json", agent_binary(), a->tape, path);
	again = facts_parse(text);
	check_same(live, again);
	json_decref(again);
	free(text);
	text = shell(NULL, "%s requests --replay %s --config %s --slower 200ms --json",
		     agent_binary(), a->tape, path);
	slow = facts_parse(text);
	free(text);
	free(path);
	return slow;
}

static void figures(const struct contest *c, const struct spent *one, double charged, double told,
		    bool connected)
{
	char what[96];

	snprintf(what, sizeof(what), "lock (%s): of the waiter's time, told as lock", c->name);
	truth_figure(what, "at least 95 %", "%.2f %%", 100 * one->lock_ns / one->all_ns);
	snprintf(what, sizeof(what), "lock (%s): of the wait, charged to %s", c->name,
		 connected ? "the holder's tenant and workflow" : "unknown, without a connection");
	truth_figure(what, "at least 95 %", "%.2f %%", 100 * told / charged);
}

static bool check(const json_t *facts, const json_t *slow, const struct contest *c, double truth_ns,
		  bool connected)
{
	struct spent all = spent_of(facts, "parts", c);
	struct spent one = spent_of(slow, "request", c);
	double named = facts_sum(facts, "wait_ns",
				 WAITS "cause=neighbour waiter_workflow=%s occupant_tenant=globex "
				       "occupant_workflow=%s",
				 c->waiter_workflow, c->holder_workflow);
	double unknown = facts_sum(facts, "wait_ns", WAITS "cause=unknown");
	double charged =
		facts_sum(facts, "wait_ns", WAITS "waiter_workflow=%s", c->waiter_workflow);

	print_message("%s: server %.1f ms; request %.1f ms, lock %.1f; charged %.1f, named %.1f, "
		      "unknown %.1f\n",
		      c->want, truth_ns / 1e6, one.all_ns / 1e6, one.lock_ns / 1e6, charged / 1e6,
		      named / 1e6, unknown / 1e6);
	if (one.lock_ns < 0.95 * one.all_ns || one.named != (connected ? one.lines : 0) ||
	    (connected ? named : unknown) < 0.95 * charged) {
		facts_print(facts, WAITS);
		facts_print(slow, "kind=request");
	}
	figures(c, &one, charged, connected ? named : unknown, connected);
	assert_true(truth_ns >= WAIT_MS * 1e6);
	assert_true(all.lock_ns >= one.lock_ns);
	assert_int_equal(one.lines, 1);
	return one.named == connected && one.lock_ns >= 0.95 * truth_ns &&
	       one.lock_ns >= 0.95 * one.all_ns && charged >= 0.95 * one.lock_ns &&
	       charged <= 1.05 * one.all_ns && (connected ? named : unknown) >= 0.95 * charged &&
	       (connected ? unknown : named) <= 0.05 * charged;
}

static bool contest_is_told(const struct contest *c, bool connected)
{
	char *config = config_of(connected);
	struct agent agent;
	json_t *facts, *slow;
	double truth_ns;
	bool right;

	agent_record(&agent, config, "");
	if (connected) /* until the tracer is connected */
		poll_until("SELECT count(*) = 1 FROM pg_stat_activity "
			   "WHERE usename = 'tallyman' AND state = 'idle'");
	truth_ns = fight(c);
	facts = agent_finish(&agent);
	slow = replayed(&agent, config, facts);
	right = check(facts, slow, c, truth_ns, connected);
	json_decref(facts);
	json_decref(slow);
	free(config);
	return right;
}

static bool asked(void *arg)
{
	return contest_is_told(arg, true);
}

static bool not_asked(void *arg)
{
	return contest_is_told(arg, false);
}

static void contest(const struct contest *c, bool connected)
{
	need_live();
	truth_holds(connected ? asked : not_asked, (void *)c);
}

static const struct contest row = {
	"row",
	"UPDATE stock SET n = n + 1 WHERE id = 1",
	"UPDATE stock SET n = n + 1 WHERE id = 1",
	"warehouse",
	"warehouse",
};
static const struct contest table = {
	"table",
	"UPDATE stock SET n = n + 1 WHERE id = 2;\nLOCK TABLE invoice IN ACCESS EXCLUSIVE MODE",
	"SELECT count(*) FROM invoice",
	"invoicing",
	"invoicing",
};
/* The statement that took it belongs to no workflow: the transaction does. */
static const struct contest advisory = {
	"advisory",
	"UPDATE invoice SET n = n + 1 WHERE id = 1;\nSELECT pg_advisory_xact_lock(42)",
	"SELECT pg_advisory_xact_lock(42)",
	"invoicing",
	"unattributed",
};

static void row_lock(void **state)
{
	(void)state;
	contest(&row, true);
}

static void table_lock(void **state)
{
	(void)state;
	contest(&table, true);
}

static void advisory_lock(void **state)
{
	(void)state;
	contest(&advisory, true);
}

static void without_a_connection(void **state)
{
	(void)state;
	contest(&row, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_lock),
		cmocka_unit_test(table_lock),
		cmocka_unit_test(advisory_lock),
		cmocka_unit_test(without_a_connection),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
