/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts are exact. 100,000 Redis commands and 100,000 PostgreSQL queries from benchmark clients; the
 * truth is the servers' own count. In the end the same load with the smallest ring: requests then lose
 * their details, but not one is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define COMMANDS 100000L
#define CLIENTS 20

static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter("bench");
	server_pair_start(&pg, &redis);
	postgres_bench(&pg, "live_bench");
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

/*
 * Nothing is ever lost. Details may be, if the tracer does not get a CPU until the ring is full, which is the
 * machine's doing: then those requests are coarse.
 */
static bool all_detailed(const json_t *facts)
{
	long seen = facts_sum(facts, "seen", "kind=events probe=sock");
	long detailed = facts_sum(facts, "detailed", "kind=events probe=sock");
	long coarse = facts_sum(facts, "coarse", "kind=events probe=sock");

	print_message("seen %ld, detailed %ld, coarse %ld\n", seen, detailed, coarse);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	assert_int_equal(seen, detailed + coarse);
	return !coarse;
}

/* By that role in this test's tenant: all, each with what was asked, unless some are coarse. */
static void same_count(const json_t *facts, const char *role, const char *operation, long sent)
{
	long named = facts_sum(facts, "count",
			       "kind=requests tenant=bench role=%s operation=%s outcome=ok", role,
			       operation);
	long coarse = facts_sum(facts, "coarse", "kind=requests tenant=bench role=%s", role);

	assert_true(named <= sent && named >= sent - coarse);
}

static void load_redis(const char *command, int depth)
{
	free(shell(NULL, "redis-benchmark -h 127.0.0.1 -p %d -t %s -n %ld -c %d -P %d -q",
		   redis.port, command, COMMANDS, CLIENTS, depth));
}

static const char *const roles[] = { "server", "client" };

/* Whatever was asserted of them, as a line of docs/accuracy.md. */
static void figure(const char *what, long sent, const json_t *facts)
{
	truth_figure(what, "seen - sent = 0, lost 0", "0 of %ld, lost %lld, coarse %lld", sent,
		     facts_sum(facts, "lost", "kind=events probe=sock"),
		     facts_sum(facts, "coarse", "kind=events probe=sock"));
}

static bool redis_counted(void *depth)
{
	static const char *const names[][2] = { { "get", "GET" }, { "set", "SET" } };
	long before[2], sent;
	struct agent agent;
	json_t *facts;
	bool detailed;

	for (int i = 0; i < 2; i++)
		before[i] = redis_calls(&redis, names[i][0]);
	agent_record(&agent, tenant_config, "");
	load_redis("get,set", *(int *)depth);
	facts = agent_finish(&agent);
	detailed = all_detailed(facts);
	for (int i = 0; i < 2; i++) {
		sent = redis_calls(&redis, names[i][0]) - before[i];
		assert_int_equal(sent, COMMANDS);
		for (int r = 0; r < 2; r++)
			same_count(facts, roles[r], names[i][1], sent);
	}
	figure(*(int *)depth == 1 ? "counts: Redis GET and SET, both ends"
				  : "counts: Redis, pipelines of 16, both ends",
	       4 * COMMANDS, facts);
	json_decref(facts);
	return detailed;
}

static void redis_one_by_one(void **state)
{
	int depth = 1;

	(void)state;
	need_live();
	truth_holds(redis_counted, &depth);
}

/* Some million a second, of which two CPUs that also serve them leave the tracer little: some are coarse. */
static void redis_pipelined(void **state)
{
	int depth = 16;

	(void)state;
	need_live();
	redis_counted(&depth);
}

static void load_pgbench(const char *mode)
{
	free(shell(NULL, "pgbench -h 127.0.0.1 -p %d -n -S -M %s -c 4 -j 2 -t %ld live_bench 2>&1",
		   pg.port, mode, COMMANDS / 4));
}

static bool postgres_counted(void *mode)
{
	long before, sent;
	struct agent agent;
	char what[64];
	json_t *facts;
	bool detailed;

	before = postgres_calls(&pg, "live_bench", "%");
	agent_record(&agent, tenant_config, "");
	load_pgbench(mode);
	facts = agent_finish(&agent);
	detailed = all_detailed(facts);
	sent = postgres_calls(&pg, "live_bench", "%") - before;
	assert_int_equal(sent, COMMANDS + 2); /* pgbench looks for its tables first */
	for (int r = 0; r < 2; r++)
		same_count(facts, roles[r], "SELECT", sent);
	snprintf(what, sizeof(what), "counts: PostgreSQL, %s, both ends", (char *)mode);
	figure(what, 2 * sent, facts);
	json_decref(facts);
	return detailed;
}

static void postgres_counts(char *mode)
{
	need_live();
	truth_holds(postgres_counted, mode);
}

static void postgres_simple(void **state)
{
	(void)state;
	postgres_counts("simple");
}

static void postgres_extended(void **state)
{
	(void)state;
	postgres_counts("extended");
}

static void postgres_prepared(void **state)
{
	(void)state;
	postgres_counts("prepared");
}

static long redis_all_calls(void)
{
	char *text = shell(NULL,
			   "redis-cli -s %s info stats | sed -n 's/^total_commands_processed:"
			   "\\([0-9]*\\).*/\\1/p'",
			   redis.socket);
	long n = atol(text);

	free(text);
	return n;
}

/* How many requests the servers have served so far, the asking left out. */
static long served(void)
{
	static long asked;

	return redis_all_calls() - asked++ + postgres_calls(&pg, "live_bench", "%");
}

/*
 * seen = detailed + coarse + lost, and every request of both ends is in one of them. What else uses sockets
 * on this machine at the same time is seen too, but under no tenant.
 */
static void smallest_ring(void **state)
{
	long sent, seen, others, sum[3];
	struct agent agent;
	json_t *facts;

	(void)state;
	need_live();
	sent = -served();
	agent_record(&agent, tenant_config, "--ring-size 4096");
	load_redis("get,set", 16);
	load_pgbench("prepared");
	facts = agent_finish(&agent);
	sent += served();
	sent *= 2;
	assert_int_equal(facts_sum(facts, "count", "kind=requests tenant=bench"), sent);
	others = facts_sum(facts, "count", "kind=requests") - sent;
	seen = facts_sum(facts, "seen", "kind=events probe=sock");
	sum[0] = facts_sum(facts, "detailed", "kind=events probe=sock");
	sum[1] = facts_sum(facts, "coarse", "kind=events probe=sock");
	sum[2] = facts_sum(facts, "lost", "kind=events probe=sock");
	print_message("sent %ld, others %ld, seen %ld, detailed %ld, coarse %ld, lost %ld\n", sent,
		      others, seen, sum[0], sum[1], sum[2]);
	truth_figure("counts: smallest ring, detailed + coarse + lost - sent", "0",
		     "%ld of %ld; coarse %ld, lost %ld", sum[0] + sum[1] + sum[2] - others - sent,
		     sent, sum[1], sum[2]);
	assert_int_equal(seen, sent + others);
	assert_int_equal(seen, sum[0] + sum[1] + sum[2]);
	assert_int_equal(sum[1], facts_sum(facts, "coarse", "kind=requests"));
	assert_true(sum[1] > 0);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis_one_by_one),  cmocka_unit_test(redis_pipelined),
		cmocka_unit_test(postgres_simple),   cmocka_unit_test(postgres_extended),
		cmocka_unit_test(postgres_prepared), cmocka_unit_test(smallest_ring),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
