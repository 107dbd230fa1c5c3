/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribution is right. Three tenants in three cgroups do five workflows on one PostgreSQL and one
 * Redis, each a known number of requests, by three kinds of client. Every number must be found under
 * its tenant and workflow, at both ends, and nothing that a rule knows may be unattributed.
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
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

#define TENANTS 3
#define WORKFLOWS 5

static const char *const workflows[WORKFLOWS] = { "order_intake", "warehouse", "dispatch",
						  "invoicing", "portal" };

static const struct {
	const char *name;
	const char *style; /* of tenants.py */
	int counts[WORKFLOWS];
} tenants[TENANTS] = {
	{ "acme", "psycopg2", { 211, 97, 31, 53, 301 } },
	{ "globex", "psycopg", { 401, 11, 71, 29, 17 } },
	{ "initech", "prepared", { 13, 503, 7, 101, 211 } },
};

static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (!server_pair_start(&pg, &redis))
		return 0;
	for (int i = 0; i < TENANTS; i++) {
		free(postgres_query(&pg, "postgres", "CREATE DATABASE live_%s", tenants[i].name));
		free(shell(NULL, "psql -q -h %s -p %d -f tests/live/odoo.sql live_%s", pg.dir,
			   pg.port, tenants[i].name));
	}
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

static pid_t tenant_start(int i)
{
	const int *n = tenants[i].counts;
	char *cgroup = tenant_cgroup(tenants[i].name);
	pid_t pid = shell_start(
		cgroup,
		"exec tests/live/tenants.py %s %d live_%s %s %s order_intake=%d warehouse=%d "
		"dispatch=%d invoicing=%d portal=%d",
		pg.dir, pg.port, tenants[i].name, redis.socket, tenants[i].style, n[0], n[1], n[2],
		n[3], n[4]);

	free(cgroup);
	return pid;
}

static void compare(const json_t *facts, const char *role)
{
	for (int i = 0; i < TENANTS; i++) {
		for (int w = 0; w < WORKFLOWS; w++) {
			long traced = facts_sum(facts, "count",
						"kind=requests role=%s tenant=%s workflow=%s", role,
						tenants[i].name, workflows[w]);

			if (traced != tenants[i].counts[w])
				fail_msg("%s of %s, %s: traced %ld, sent %d", workflows[w],
					 tenants[i].name, role, traced, tenants[i].counts[w]);
		}
	}
}

/* psycopg3 and redis-py say hello in statements without tables: those alone have no workflow. */
static void nothing_unattributed(const json_t *facts)
{
	static const char *const operations[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "GET" };

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		for (int t = 0; t < TENANTS; t++)
			assert_int_equal(
				facts_sum(
					facts, "count",
					"kind=requests workflow=unattributed tenant=%s operation=%s",
					tenants[t].name, operations[i]),
				0);
	assert_int_equal(
		facts_sum(facts, "count", "kind=requests tenant=unattributed workflow=portal"), 0);
}

static void five_workflows(void **state)
{
	struct agent agent;
	pid_t pids[TENANTS];
	json_t *facts;
	char *config;

	(void)state;
	need_live();
	if (asprintf(&config,
		     "%sworkflows:\n  - match: {redis.key: \"session:*\"}\n    name: portal\n",
		     tenant_config) < 0)
		abort();
	agent_record(&agent, config, "");
	for (int i = 0; i < TENANTS; i++)
		pids[i] = tenant_start(i);
	for (int i = 0; i < TENANTS; i++)
		shell_end(pids[i]);
	facts = agent_finish(&agent);
	compare(facts, "server");
	compare(facts, "client");
	nothing_unattributed(facts);
	json_decref(facts);
	free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(five_workflows) };

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
