/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that were open before the tracer came: 500 of them, in every state that a client can have
 * one in. Each request that is sent after that is compared with the client's own clock and text: what the
 * tracer tells of it is right, or it is counted as not known.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

#define CONNECTIONS 500
#define ROUNDS 4
#define ODD (CONNECTIONS / 8) /* in the middle of something */
#define TENANTS 2

static const char *const tenants[TENANTS] = { "acme", "globex" };
static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter("bench");
	servers_with_tls();
	server_pair_start(&pg, &redis);
	postgres_bench(&pg, "live_bench");
	free(postgres_query(&pg, "live_bench", "CREATE TABLE late_copy (t text)"));
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

/* The clients of a tenant, all connected; they go on when the file `go` is there. */
struct clients {
	pid_t pid;
	char *lines;
};

static void clients_start(struct clients *c, const char *tenant, const char *go, int first,
			  bool tls)
{
	char *cgroup = tenant_cgroup(tenant), tls_port[16] = "";

	if (tls)
		snprintf(tls_port, sizeof(tls_port), "%d", redis.tls_port);
	c->lines = file_name("lines");
	c->pid = shell_start(cgroup,
			     "(until [ -e %s ]; do sleep 0.05; done; echo) | "
			     "tests/live/late_clients.py %s %d live_bench %s %d %d %d %d %s > %s",
			     go, pg.dir, pg.port, redis.socket, redis.port, first, CONNECTIONS / 2,
			     ROUNDS, tls_port, c->lines);
	free(cgroup);
}

static long of(const json_t *facts, const char *field)
{
	return json_integer_value(json_object_get(json_array_get(facts, 0), field));
}

/* Each request that was seen is told right: its text, its client, its time. */
static void nothing_wrong(const json_t *checked, bool tls)
{
	assert_int_equal(of(checked, "asked"), CONNECTIONS * ROUNDS);
	assert_int_equal(of(checked, "lies"), 0);
	assert_int_equal(of(checked, "wrong_times"), 0);
	assert_int_equal(of(checked, "twice"), 0);
	assert_int_equal(of(checked, "unanswered"), 0);
	/* In step at the first boundary, the client's end one later. */
	assert_int_equal(of(checked, "late_in_round_2"), 0);
	assert_int_equal(of(checked, "tcp_servers"), tls ? CONNECTIONS : CONNECTIONS / 2);
	assert_int_equal(of(checked, "unix_servers"), tls ? 0 : CONNECTIONS / 2);
	assert_int_equal(of(checked, "peers"), CONNECTIONS);
}

/* And all others are counted: at both ends, with what was begun before and ended after. */
static void nothing_missing(const json_t *facts, const json_t *checked)
{
	long seen = facts_sum(facts, "seen", "kind=events probe=sock");
	long detailed = facts_sum(facts, "detailed", "kind=events probe=sock");
	long lost = facts_sum(facts, "lost", "kind=events probe=sock");
	long others = seen - 2 * CONNECTIONS * ROUNDS;

	print_message("seen %ld = detailed %ld + lost %ld\n", seen, detailed, lost);
	assert_int_equal(seen, detailed + lost);
	assert_true(others >= 0 && others <= 2 * ODD);
	assert_int_equal(facts_sum(facts, "coarse", "kind=events probe=sock"), 0);
	assert_int_equal(facts_sum(facts, "count", "kind=requests"), detailed);
	for (int i = 0; i < TENANTS; i++)
		assert_int_equal(facts_sum(facts, "count", "kind=requests role=server tenant=%s",
					   tenants[i]),
				 of(checked, "server") / TENANTS);
	assert_int_equal(facts_sum(facts, "count", "kind=requests role=server"),
			 of(checked, "server"));
}

static void opened_before(bool tls)
{
	struct clients clients[TENANTS];
	char *text, *go = file_name("go");
	json_t *facts, *checked;
	struct agent agent;

	need_live();
	for (int i = 0; i < TENANTS; i++)
		clients_start(&clients[i], tenants[i], go, i * CONNECTIONS / TENANTS, tls);
	for (int i = 0; i < TENANTS; i++)
		shell_says(clients[i].pid, clients[i].lines, "ready");
	agent_record(&agent, tenant_config, tls ? "--raw --tls" : "--raw");
	file_write(go, "");
	for (int i = 0; i < TENANTS; i++)
		shell_end(clients[i].pid);
	facts = agent_finish(&agent);
	text = shell(NULL, "tests/live/late_check.py %s %s %s", agent.tape, clients[0].lines,
		     clients[1].lines);
	print_message("%s", text);
	checked = facts_parse(text);
	nothing_wrong(checked, tls);
	nothing_missing(facts, checked);
	json_decref(checked);
	json_decref(facts);
	free(text);
	free(go);
}

static void plain(void **state)
{
	(void)state;
	opened_before(false);
}

static void tls(void **state)
{
	(void)state;
	opened_before(true);
}

/* One session that is called nightly, and later daily. */
static const char session_client[] =
	"import os, sys, time, psycopg2\n"
	"c = psycopg2.connect(host=sys.argv[1], port=sys.argv[2], dbname='live_bench', "
	"application_name='nightly')\n"
	"c.autocommit = True\n"
	"q = c.cursor()\n"
	"print('ready', flush=True)\n"
	"while not os.path.exists(sys.argv[3]): time.sleep(0.05)\n"
	"for _ in range(3): q.execute('SELECT 1'); time.sleep(0.5)\n"
	"for _ in range(20): q.execute('SELECT 1')\n"
	"q.execute(\"SET application_name = 'daily'\")\n"
	"for _ in range(10): q.execute('SELECT 1')\n";

static const char session_config[] =
	"cgroup_hierarchy: unified\n"
	"workflows:\n"
	"  - match: {application_name: \"{name}ly\"}\n"
	"    name: \"{name}ly\"\n"
	"postgresql:\n"
	"  - connect: \"host=%s port=%d user=tallyman dbname=postgres\"\n";

/* The server is asked whose session it is; until it has answered it is nobody's. */
static void asked_for(void **state)
{
	char *go = file_name("go"), *client = file_name("client.py"), config[512];
	struct clients session = { .lines = file_name("lines") };
	struct agent agent;
	long nightly;
	json_t *facts;

	(void)state;
	need_live();
	free(postgres_query(&pg, "postgres", "CREATE ROLE tallyman LOGIN"));
	file_write(client, session_client);
	session.pid = shell_start(NULL, "/usr/bin/python3 %s %s %d %s > %s", client, pg.dir,
				  pg.port, go, session.lines);
	shell_says(session.pid, session.lines, "ready");
	snprintf(config, sizeof(config), session_config, pg.dir, pg.port);
	agent_record(&agent, config, "");
	file_write(go, "");
	shell_end(session.pid);
	facts = agent_finish(&agent);
	nightly = facts_sum(facts, "count",
			    "kind=requests role=server operation=SELECT workflow=nightly");
	assert_in_range(nightly, 20, 23);
	assert_int_equal(facts_sum(facts, "count",
				   "kind=requests role=server operation=SELECT workflow=daily"),
			 10);
	json_decref(facts);
	free(client);
	free(go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(tls),
		cmocka_unit_test(asked_for),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
