/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: servers with TLS. Drives them with their own clients, traced with --tls, and compares counts. Knows
 * nothing of the library that they use.
 */
#include "tests/live/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/tenant.h"

void tls_load_redis(int port, const char *certificate)
{
	free(shell(NULL,
		   "redis-benchmark --tls --cacert %s -h 127.0.0.1 -p %d -t get,set -n %ld -c %d -q",
		   certificate, port, TLS_COMMANDS, TLS_CLIENTS));
}

void tls_load_pgbench(const struct server *pg, const char *cgroup, const char *mode)
{
	free(shell(cgroup,
		   "PGSSLMODE=require pgbench -h 127.0.0.1 -p %d -n -S -M %s -c 4 -j 2 -t %ld "
		   "live_bench 2>&1",
		   pg->tls_port, mode, TLS_COMMANDS / 4));
}

void tls_nothing_lost(const json_t *facts)
{
	assert_int_equal(facts_sum(facts, "coarse", "kind=requests tenant=bench"), 0);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
}

void tls_redis_counts(const struct server *redis, const char *certificate, const char *command)
{
	static const char *const names[][2] = { { "get", "GET" }, { "set", "SET" } };
	static const char *const roles[] = { "server", "client" };
	long before[2], sent;
	struct agent agent;
	json_t *facts;

	for (int i = 0; i < 2; i++)
		before[i] = redis_calls(redis, names[i][0]);
	agent_record(&agent, tenant_config, "--tls");
	if (command)
		free(shell(NULL, "%s", command));
	else
		tls_load_redis(redis->tls_port, certificate);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		sent = redis_calls(redis, names[i][0]) - before[i];
		assert_int_equal(sent, TLS_COMMANDS);
		for (int k = 0; k < 2; k++)
			assert_int_equal(facts_sum(facts, "count",
						   "kind=requests protocol=redis role=%s "
						   "operation=%s outcome=ok",
						   roles[k], names[i][1]),
					 sent);
		assert_true(facts_sum(facts, "queue_sum_ns",
				      "kind=requests role=server operation=%s", names[i][1]) > 0);
	}
	tls_nothing_lost(facts);
	json_decref(facts);
}

void tls_postgres_counts(const struct server *pg, const char *mode)
{
	long before, sent;
	struct agent agent;
	json_t *facts;

	before = postgres_calls(pg, "live_bench", "%");
	agent_record(&agent, tenant_config, "--tls");
	tls_load_pgbench(pg, NULL, mode);
	facts = agent_finish(&agent);
	sent = postgres_calls(pg, "live_bench", "%") - before;
	assert_int_equal(sent, TLS_COMMANDS + 2); /* pgbench looks for its tables first */
	assert_int_equal(facts_sum(facts, "count",
				   "kind=requests tenant=bench operation=SELECT outcome=ok "
				   "role=server"),
			 sent);
	assert_int_equal(facts_sum(facts, "count",
				   "kind=requests tenant=bench operation=SELECT outcome=ok "
				   "role=client"),
			 sent);
	tls_nothing_lost(facts);
	json_decref(facts);
}
