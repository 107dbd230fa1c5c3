/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Redis commands come to besides their time: waiting for data that is no latency, transactions by how
 * they ended, queues by what is left in them, and who says that it asks. The truth is the server's keys and the
 * client's clock.
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
#include "tests/live/made.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

static struct server redis;
static const char *const roles[] = { "server", "client" };

static int server_begin(void **state)
{
	(void)state;
	if (live_possible())
		redis_start(&redis);
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&redis);
	return 0;
}

/* What the client said is the caller's to free. */
static json_t *traced(const char *config, const char *task, const char *version, char **said)
{
	struct agent agent;
	json_t *facts;

	free(shell(NULL, "redis-cli -s %s flushall", redis.socket));
	agent_record(&agent, config, "");
	*said = shell(NULL, "tests/live/redis_client.py %d %s %s", redis.port, task, version);
	facts = agent_finish(&agent);
	made_nothing_lost(facts);
	return facts;
}

static bool blocking_is_told(void *arg)
{
	double waited, told, service;
	bool right = true;
	json_t *facts;
	long count;
	char *said;

	(void)arg;
	facts = traced(tenant_config, "blocking", "2", &said);
	assert_int_equal(sscanf(said, "%ld %lf", &count, &waited), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(facts_sum(facts, "count", "kind=redis_blocked role=%s", roles[i]),
				 count);
		told = facts_sum(facts, "blocked_ns", "kind=redis_blocked role=%s", roles[i]);
		print_message("%s: waited %.1f ms by the client's clock, %.1f ms told\n", roles[i],
			      waited / 1e6, told / 1e6);
		assert_true(told <= waited);
		/* None of it is service: what is left took no time to speak of. */
		assert_int_equal(facts_sum(facts, "service_sum_ns",
					   "kind=requests protocol=redis role=%s operation=BLPOP",
					   roles[i]),
				 0);
		service = facts_sum(facts, "service_sum_ns", "kind=requests protocol=redis role=%s",
				    roles[i]);
		right &= told > 0.9 * waited && service < 0.2 * waited;
	}
	/* One XREAD did not say BLOCK. */
	assert_int_equal(facts_sum(facts, "count", "kind=requests role=server operation=XREAD") -
				 facts_sum(facts, "count",
					   "kind=redis_blocked role=server operation=XREAD"),
			 1);
	free(said);
	json_decref(facts);
	return right;
}

static void blocked(void **state)
{
	(void)state;
	need_live();
	truth_holds(blocking_is_told, NULL);
}

static long transactions_of(const json_t *facts, const char *field, const char *role,
			    const char *outcome)
{
	return facts_sum(facts, field, "kind=redis_transactions role=%s outcome=%s", role, outcome);
}

static void transactions(void **state)
{
	json_t *facts;
	char *said;

	(void)state;
	need_live();
	facts = traced(tenant_config, "transactions", "2", &said);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(transactions_of(facts, "count", roles[i], "executed"), 10 + 1 + 1);
		assert_int_equal(transactions_of(facts, "commands", roles[i], "executed"),
				 10 * 3 + 0 + 2);
		assert_int_equal(transactions_of(facts, "count", roles[i], "conflict"), 7);
		assert_int_equal(transactions_of(facts, "commands", roles[i], "conflict"), 7);
		assert_int_equal(transactions_of(facts, "count", roles[i], "aborted"), 5);
		assert_int_equal(transactions_of(facts, "count", roles[i], "discarded"), 3);
		assert_int_equal(transactions_of(facts, "commands", roles[i], "discarded"), 6);
		/* In one a command failed, the transaction did not. */
		assert_int_equal(facts_sum(facts, "errors", "kind=requests role=%s operation=EXEC",
					   roles[i]),
				 5);
		assert_int_equal(facts_sum(facts, "hits", "kind=redis_keys role=%s", roles[i]), 0);
	}
	free(said);
	json_decref(facts);
}

static long backlog(const json_t *facts, const char *role, const char *pattern)
{
	return facts_sum(facts, "pushed", "kind=redis_keys role=%s pattern=%s", role, pattern) -
	       facts_sum(facts, "popped", "kind=redis_keys role=%s pattern=%s", role, pattern);
}

static void queues(const char *version)
{
	long mails, jobs, events;
	json_t *facts;
	char *said;

	need_live();
	facts = traced(tenant_config, "queues", version, &said);
	assert_int_equal(sscanf(said, "%ld %ld %ld", &mails, &jobs, &events), 3);
	assert_true(mails > 0 && jobs > 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(backlog(facts, roles[i], "mail:*"), mails);
		assert_int_equal(backlog(facts, roles[i], "jobs:*"), jobs);
		assert_int_equal(backlog(facts, roles[i], "events:*"), events);
		assert_int_equal(backlog(facts, roles[i], "nothing:*"), 0);
	}
	free(said);
	json_decref(facts);
}

static void queues_2(void **state)
{
	(void)state;
	queues("2");
}

static void queues_3(void **state)
{
	(void)state;
	queues("3");
}

/* SETNAME is an application's name, SELECT no database as PostgreSQL's are; AUTH that failed says nothing. */
static void who_asks(void **state)
{
	struct agent agent;
	char *config;
	json_t *facts;

	(void)state;
	need_live();
	if (asprintf(&config,
		     "%sworkflows:\n"
		     "  - match: {application_name: tester*}\n"
		     "    name: testing\n"
		     "  - match: {database: \"*\"}\n"
		     "    name: never\n"
		     "  - match: {user: nobody}\n"
		     "    name: never\n",
		     tenant_config) < 0)
		abort();
	agent_record(&agent, config, "");
	free(shell(NULL,
		   "printf '%%s\\n' 'select 3' 'set a 1' 'get a' 'auth nobody wrong' 'get a' "
		   "'client setname tester-1' 'get a' 'get a' 'get a' | redis-cli -p %d",
		   redis.port));
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(facts_sum(facts, "count",
					   "kind=requests role=%s operation=GET workflow=testing",
					   roles[i]),
				 3);
		assert_int_equal(facts_sum(facts, "count", "kind=requests role=%s workflow=never",
					   roles[i]),
				 0);
	}
	json_decref(facts);
	free(config);
}

static void prometheus(void **state)
{
	struct agent agent;
	char *page;

	(void)state;
	need_live();
	free(shell(NULL, "redis-cli -s %s flushall", redis.socket));
	agent_serve(&agent, tenant_config, "");
	free(shell(NULL, "tests/live/redis_client.py %d queues 2", redis.port));
	free(shell(NULL, "tests/live/redis_client.py %d transactions 2", redis.port));
	nap_ms(300);
	page = agent_get(&agent, "/metrics");
	assert_non_null(strstr(page, "\ntallyman_redis_queue_backlog{pattern=\"events:*\""));
	assert_non_null(strstr(page, "\ntallyman_redis_transactions_total{outcome=\"conflict\""));
	assert_non_null(
		strstr(page, "\ntallyman_redis_queue_items_total{op=\"push\",pattern=\"mail:*\""));
	free(shell(NULL, "curl -s http://127.0.0.1:%d/metrics | promtool check metrics",
		   agent.port));
	agent_stop(&agent);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocked),  cmocka_unit_test(transactions),
		cmocka_unit_test(queues_2), cmocka_unit_test(queues_3),
		cmocka_unit_test(who_asks), cmocka_unit_test(prometheus),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
