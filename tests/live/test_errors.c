/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are counted by what the server called them: SQLSTATEs over the simple and the extended
 * protocol, and Redis' error words, each a known number of times, at both ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (!server_pair_start(&pg, &redis))
		return 0;
	free(postgres_query(&pg, "postgres", "CREATE DATABASE live_acme"));
	free(postgres_query(&pg, "live_acme", "CREATE TABLE sale_order (id int PRIMARY KEY)"));
	free(postgres_query(&pg, "live_acme", "INSERT INTO sale_order VALUES (1)"));
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

static const char *const roles[] = { "server", "client" };

/* How often each error was counted at that end. */
static long failed(const json_t *facts, const char *role, const char *outcome)
{
	return facts_sum(facts, "errors", "kind=requests role=%s outcome=%s", role, outcome);
}

static void sqlstates(const char *library)
{
	struct agent agent;
	json_t *facts;

	need_live();
	agent_record(&agent, tenant_config, "");
	free(shell(
		NULL,
		"tests/live/errors.py postgres %s %d live_acme %s 22012=7 42P01=11 42601=13 23505=17",
		pg.dir, pg.port, library));
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(failed(facts, roles[i], "22012"), 7);
		assert_int_equal(failed(facts, roles[i], "42P01"), 11);
		assert_int_equal(failed(facts, roles[i], "42601"), 13);
		assert_int_equal(failed(facts, roles[i], "23505"), 17);
		assert_int_equal(facts_sum(facts, "errors", "kind=requests tenant=acme role=%s",
					   roles[i]),
				 48);
	}
	json_decref(facts);
}

static void simple_protocol(void **state)
{
	(void)state;
	sqlstates("psycopg2");
}

static void extended_protocol(void **state)
{
	(void)state;
	sqlstates("psycopg");
}

static void redis_words(void **state)
{
	struct agent agent;
	json_t *facts;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "");
	free(shell(NULL, "tests/live/errors.py redis %s WRONGTYPE=5 ERR=9 NOSCRIPT=3",
		   redis.socket));
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(failed(facts, roles[i], "WRONGTYPE"),
				 redis_failed(&redis, "lpush"));
		assert_int_equal(failed(facts, roles[i], "WRONGTYPE"), 5);
		assert_int_equal(failed(facts, roles[i], "NOSCRIPT"), 3);
		/* redis-py may say hello in ways that this server does not know. */
		assert_int_equal(facts_sum(facts, "errors",
					   "kind=requests role=%s operation=INCR outcome=ERR",
					   roles[i]),
				 9);
	}
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple_protocol),
		cmocka_unit_test(extended_protocol),
		cmocka_unit_test(redis_words),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
