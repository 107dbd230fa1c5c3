/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server's request and what it asks PostgreSQL and Redis are one work. Each of its five routes uses a
 * word of SQL that no other one does, and counts what it asks: with workers that serve one request at a
 * time all of it carries the route's workflow, with threads that interleave none carries another's.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/truth.h"

#define WORKERS 4
#define REQUESTS (getenv("TALLYMAN_QUICK") ? 2000 : 10002) /* as many of each client */
#define OF "kind=requests protocol=%s role=%s "

static const char config[] = "workflows:\n"
			     "  - match: {http.route: \"/{name}\"}\n"
			     "    name: \"{name}\"\n";
static const char *const roles[] = { "server", "client" };
static const struct {
	const char *name;
	const char *operation;
} routes[] = { { "orders", "SELECT" },
	       { "warehouse", "INSERT" },
	       { "dispatch", "UPDATE" },
	       { "invoices", "DELETE" },
	       { "portal", "SET" } };

#define ROUTES (sizeof(routes) / sizeof(*routes))

static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (server_pair_start(&pg, &redis))
		free(postgres_query(&pg, "postgres", "CREATE TABLE stock_quant (id int)"));
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

/* What was traced, and what the server says of itself. */
static json_t *run(const char *kind, int requests, int clients, char **said)
{
	char port_text[16], pg_port[16], *out = file_name("said");
	const char *argv[] = { "tests/live/context_server.py",
			       port_text,
			       pg.dir,
			       pg_port,
			       redis.socket,
			       kind,
			       "4",
			       NULL };
	int port = port_free();
	struct agent agent;
	json_t *facts;
	char *answered;
	pid_t pid;

	snprintf(port_text, sizeof(port_text), "%d", port);
	snprintf(pg_port, sizeof(pg_port), "%d", pg.port);
	agent_record(&agent, config, "");
	pid = child_start(&(struct child_spec){ .argv = argv, .out = out });
	/* The port is open before the workers are. */
	for (int i = 0; i < 100 && shell_try(NULL, "ss -Hltn 'sport = :%d' | grep -q .", port); i++)
		nap_ms(100);
	answered = shell(NULL, "tests/live/context_client.py %d %d %d", port, requests, clients);
	assert_int_equal(atoi(answered), requests / clients * clients);
	child_stop(pid, SIGTERM, 10);
	facts = agent_finish(&agent);
	*said = file_read(out);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	free(answered);
	free(out);
	return facts;
}

static long count(const json_t *facts, const char *protocol, const char *role, const char *workflow,
		  const char *operation)
{
	return facts_sum(facts, "count", OF "workflow=%s operation=%s", protocol, role, workflow,
			 operation);
}

static void one_at_a_time(void **state)
{
	char *said, *line, name[32];
	long statements, commands, requests = 0;
	json_t *facts;

	(void)state;
	need_live();
	facts = run("prefork", REQUESTS, WORKERS + 2, &said);
	line = said;
	for (size_t i = 0; i < ROUTES; i++, line = strchr(line, '\n') + 1) {
		if (sscanf(line, "%31s %ld %ld", name, &statements, &commands) != 3)
			fail_msg("the server said: %s", said);
		assert_string_equal(name, routes[i].name);
		requests += commands;
		for (int r = 0; r < 2; r++) {
			print_message("%s, %s: %ld statements, traced %ld; %ld commands, %ld\n",
				      name, roles[r], statements,
				      count(facts, "postgresql", roles[r], name,
					    routes[i].operation),
				      commands, count(facts, "redis", roles[r], name, "GET"));
			assert_int_equal(count(facts, "postgresql", roles[r], name,
					       routes[i].operation),
					 statements);
			assert_int_equal(facts_sum(facts, "count", OF "workflow=%s", "postgresql",
						   roles[r], name),
					 statements);
			assert_int_equal(count(facts, "redis", roles[r], name, "GET"), commands);
		}
	}
	assert_int_equal(requests, REQUESTS / (WORKERS + 2) * (WORKERS + 2));
	truth_figure("context: backends' work under its HTTP route's workflow", "100 %",
		     "100 %%: %ld requests, %zu workflows, %d workers", requests, ROUTES, WORKERS);
	/* What is done after the reply. */
	for (int r = 0; r < 2; r++)
		assert_in_range(count(facts, "postgresql", roles[r], "unattributed", "SHOW"),
				requests - WORKERS, requests);
	json_decref(facts);
	free(said);
}

/* Not all that it serves is interleaved from the start: what was not may be known, but must be right. */
static void interleaved(void **state)
{
	long right = 0, wrong = 0, all = 0;
	json_t *facts;
	char *said;

	(void)state;
	need_live();
	facts = run("threads", REQUESTS / 5, WORKERS, &said);
	for (size_t i = 0; i < ROUTES; i++)
		for (size_t j = 0; j < ROUTES; j++) {
			long n = count(facts, "postgresql", "server", routes[i].name,
				       routes[j].operation);

			/* That is what the table says on its own. */
			if (strcmp(routes[i].name, "warehouse"))
				*(i == j ? &right : &wrong) += n;
		}
	for (size_t i = 0; i < ROUTES; i++)
		all += facts_sum(facts, "count", OF "operation=%s", "postgresql", "server",
				 routes[i].operation);
	print_message("%ld of %ld statements were known, %ld of them wrong\n", right, all, wrong);
	assert_int_equal(wrong, 0);
	assert_true(right < all / 2);
	json_decref(facts);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(interleaved),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
