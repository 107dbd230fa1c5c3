/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that come in any pieces: one session of RESP, and one of HTTP, with its requests and its replies cut at
 * every byte in turn, gives the same requests each time, at both ends. The script that is both ends says
 * what it made.
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
#include "tests/live/made.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

static const char *const roles[] = { "server", "client" };

static json_t *torture(const char *protocol, long *sessions)
{
	struct agent agent;
	json_t *facts;
	char *made;

	need_live();
	agent_record(&agent, tenant_config, "");
	made = shell(NULL, "tests/live/torture.py %s", protocol);
	facts = agent_finish(&agent);
	*sessions = atol(made);
	assert_true(made_compare(facts, protocol, made) > 3000);
	made_nothing_lost(facts);
	free(made);
	return facts;
}

static void resp_cut_anywhere(void **state)
{
	long sessions;
	json_t *facts;

	(void)state;
	facts = torture("redis", &sessions);
	sessions /= 3; /* of the first line's PING it has three */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(facts_sum(facts, "hits", "kind=redis_keys role=%s", roles[i]),
				 6 * sessions);
		assert_int_equal(facts_sum(facts, "misses", "kind=redis_keys role=%s", roles[i]),
				 5 * sessions);
		assert_int_equal(facts_sum(facts, "pushed",
					   "kind=redis_keys role=%s pattern=jobs:*", roles[i]),
				 2 * sessions);
		assert_int_equal(facts_sum(facts, "commands",
					   "kind=redis_transactions role=%s outcome=executed",
					   roles[i]),
				 2 * sessions);
	}
	json_decref(facts);
}

static void http_cut_anywhere(void **state)
{
	long sessions;

	(void)state;
	json_decref(torture("http", &sessions));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resp_cut_anywhere),
		cmocka_unit_test(http_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
