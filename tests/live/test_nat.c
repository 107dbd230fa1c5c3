/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service address that is translated on the way, as in Kubernetes: the two ends of a connection know
 * different addresses of each other, and are joined all the same. The server's work is the client's
 * tenant's, to the last request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

#define GETS 5000

static void translated(const char *masquerade)
{
	const char *tenant = tenant_own();
	char *client, *server, *counted;
	struct agent agent;
	json_t *facts;

	need_live();
	client = tenant_cgroup(tenant);
	server = plain_cgroup("shared.redis");
	agent_record(&agent, tenant_config, "");
	counted = shell(NULL, "tests/live/nat.sh %s %s %d %s", client, server, GETS, masquerade);
	facts = agent_finish(&agent);
	assert_int_equal(atol(counted), GETS);
	assert_int_equal(facts_sum(facts, "count",
				   "kind=requests role=client operation=GET tenant=%s", tenant),
			 GETS);
	assert_int_equal(facts_sum(facts, "count",
				   "kind=requests role=server operation=GET tenant=%s", tenant),
			 GETS);
	/* The address that the client calls is translated below its socket: the service's, not the server's. */
	assert_true(facts_sum(facts, "opened", "kind=service tenant=%s service=10.213.9.9:6380",
			      tenant) > 0);
	assert_int_equal(facts_sum(facts, "opened", "kind=service tenant=%s", tenant),
			 facts_sum(facts, "opened",
				   "kind=service tenant=%s service=10.213.9.9:6380 peer=%s", tenant,
				   server + strlen(cgroup_root())));
	/* Both ends are joined: the network's part is measured, not estimated, and there is some. */
	assert_int_equal(facts_sum(facts, "count", "kind=trip basis=measured tenant=%s", tenant),
			 facts_sum(facts, "count", "kind=requests role=client tenant=%s", tenant));
	assert_true(facts_sum(facts, "network_ns", "kind=trip tenant=%s", tenant) > 0);
	assert_true(facts_sum(facts, "service_ns", "kind=trip tenant=%s", tenant) > 0);
	assert_int_equal(facts_sum(facts, "count", "kind=trip basis=estimated tenant=%s", tenant),
			 0);
	json_decref(facts);
	free(counted);
	free(client);
	free(server);
}

static void service_address(void **state)
{
	(void)state;
	translated("");
}

static void both_addresses(void **state)
{
	(void)state;
	translated("masquerade");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_address),
		cmocka_unit_test(both_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
