/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes and goes quickly: containers that live for a moment (500 a minute, FAULT_CHURN_SECONDS long), and forks
 * as fast as the machine makes them. What is served meanwhile is counted exactly, and what is gone is let go.
 */
#define _GNU_SOURCE
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
#include "tests/live/fault.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

#define CHURN_SECONDS 60
#define PER_MINUTE 500
#define REQUESTS 20 /* of one container */
#define RECLAIM_SECONDS 60
#define FORKS 40000

/* Each a pod of its own, its container named after the tenant "churn", as long as one client runs in it. */
static const char churn_script[] =
	"top=$1 port=$2 n=$3 pause=$4 requests=$5\n"
	"for i in $(seq $n); do\n"
	"	pod=$top/pod$i container=$top/pod$i/tenants.slice-churn\n"
	"	mkdir $pod $container\n"
	"	( echo $BASHPID >$container/cgroup.procs\n"
	"	  exec redis-cli -p $port -r $requests incr churn >/dev/null ) &\n"
	"	sleep $pause\n"
	"	wait $!\n"
	"	rmdir $container $pod\n"
	"done\n";

/* Entries of the tracer's map of that name. */
static long entries(const struct agent *a, const char *map)
{
	char *text = shell(
		NULL,
		"for id in $(sed -n 's/^map_id:[[:space:]]*//p' /proc/%d/fdinfo/* | sort -u); do "
		"bpftool map show id $id | grep -q 'name %s ' && "
		"bpftool -j map dump id $id | grep -o '\"key\"' | wc -l; done; true",
		a->pid, map);
	long n = atol(text);

	assert_true(*text);
	free(text);
	return n;
}

static double requests(const char *metrics, const char *tenant)
{
	return fault_sample(metrics, "tallyman_requests_total", "operation=\"INCR\"", tenant);
}

static void containers(void **state)
{
	int seconds = fault_times("FAULT_CHURN_SECONDS", CHURN_SECONDS);
	int n = seconds * PER_MINUTE / 60;
	char *script = file_name("churn.sh"), *top, *metrics;
	double unattributed, end, begin;
	struct agent agent;
	long before, left;

	(void)state;
	need_live();
	top = plain_cgroup("churn");
	file_write(script, churn_script);
	agent_serve(&agent, tenant_config, "");
	nap_ms(1500);
	before = entries(&agent, "owner_numbers");
	begin = now_seconds();
	free(shell(NULL, "bash %s %s %d %d %.3f %d", script, top, fault_redis.port, n,
		   55.0 / PER_MINUTE, REQUESTS));
	print_message("%.0f containers a minute\n", n / (now_seconds() - begin) * 60);
	end = now_seconds() + RECLAIM_SECONDS;
	nap_ms(1500);
	metrics = agent_get(&agent, "/metrics");
	assert_int_equal(fault_balanced(metrics), 0);
	assert_int_equal(redis_calls(&fault_redis, "incr"), (long)n * REQUESTS);
	assert_int_equal(requests(metrics, NULL), 2L * n * REQUESTS);
	unattributed = requests(metrics, "tenant=\"unattributed\"");
	print_message("unattributed: %.0f of %.0f, owners %ld, then %ld\n", unattributed,
		      requests(metrics, NULL), before, entries(&agent, "owner_numbers"));
	assert_true(unattributed <= 0.005 * requests(metrics, NULL));
	assert_true(requests(metrics, "tenant=\"churn\"") >= (1 - 0.005) * n * REQUESTS);
	free(metrics);
	do {
		nap_ms(1000);
		left = entries(&agent, "owner_numbers");
	} while (left > before + n / 20 && now_seconds() < end);
	print_message("owners after %.0f s: %ld\n", now_seconds() - end + RECLAIM_SECONDS, left);
	assert_true(left <= before + n / 20);
	agent_stop(&agent);
	free(script);
	free(top);
}

/* As many as there can be in some seconds, beside a load that is counted. */
static void forks(void **state)
{
	struct agent agent;
	double begin, rate;
	char *metrics;
	long served;

	(void)state;
	need_live();
	served = -fault_served();
	agent_serve(&agent, tenant_config, "");
	begin = now_seconds();
	free(shell(NULL,
		   "python3 tests/bench/forks.py %d & python3 tests/bench/forks.py %d; wait $!",
		   FORKS / 2, FORKS / 2));
	rate = FORKS / (now_seconds() - begin);
	fault_gets(5000);
	print_message("%.0f processes a second\n", rate);
	nap_ms(300);
	metrics = agent_get(&agent, "/metrics");
	served += fault_served();
	assert_int_equal(fault_balanced(metrics), 0);
	fault_counted_all(metrics, served);
	assert_true(fault_sample(metrics, "tallyman_events_seen_total", "probe=\"proc\"", NULL) >=
		    FORKS);
	free(metrics);
	agent_stop(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(containers),
		cmocka_unit_test(forks),
	};

	return cmocka_run_group_tests(tests, fault_begin, fault_end);
}
