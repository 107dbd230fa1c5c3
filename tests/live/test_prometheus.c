/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus takes what the agent serves: promtool finds nothing wrong, a real Prometheus scrapes it, and
 * a query for each tenant's p99 gives what the tenant's requests really took.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/calls.h"
#include "tests/live/child.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define TENANTS 3
#define SCRAPE_SECONDS 60

/* Each tenant asks for sleeps of its own length. */
static const struct {
	const char *name;
	int ms;
} tenants[TENANTS] = { { "acme", 6 }, { "globex", 23 }, { "initech", 50 } };

static struct server pg, redis;
static int prometheus_port;
static char *calls_of[TENANTS];

static int servers_start(void **state)
{
	(void)state;
	if (!server_pair_start(&pg, &redis))
		return 0;
	for (int i = 0; i < TENANTS; i++) {
		free(postgres_query(&pg, "postgres", "CREATE DATABASE live_%s", tenants[i].name));
		calls_of[i] = calls_prefix();
	}
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

static void need_prometheus(void)
{
	need_live();
	if (!access("/usr/bin/prometheus", X_OK) && !access("/usr/bin/promtool", X_OK))
		return;
	print_message("skip: no prometheus\n");
	skip();
}

static int sleeps_of(int i)
{
	return 4000 / tenants[i].ms;
}

/* Its requests are known by its own clock around its calls on the socket: calls_of[i]. */
static pid_t tenant_start(int i)
{
	char *cgroup = tenant_cgroup(tenants[i].name), *script = file_name("sleep.sql"), text[64];
	pid_t pid;

	snprintf(text, sizeof(text), "SELECT pg_sleep(%d / 1000.0)\n", tenants[i].ms);
	file_write(script, text);
	calls_env(calls_of[i]);
	pid = shell_start(cgroup, "exec pgbench -h %s -p %d -n -f %s -t %d live_%s", pg.dir,
			  pg.port, script, sleeps_of(i), tenants[i].name);
	calls_env(NULL);
	free(cgroup);
	free(script);
	return pid;
}

/* By the client's own clock. */
static struct bracket tenant_p99(int i, uint64_t since_ns)
{
	struct turns t = turns_of_client(calls_of[i], since_ns);
	struct bracket b;

	turns_keep_last(&t, sleeps_of(i));
	b = turns_service(&t, 0.99);
	turns_free(&t);
	return b;
}

static void serve_load(void)
{
	pid_t pids[TENANTS];

	for (int i = 0; i < TENANTS; i++)
		pids[i] = tenant_start(i);
	free(shell(NULL, "redis-benchmark -s %s -t get,set -n 20000 -q", redis.socket));
	for (int i = 0; i < TENANTS; i++)
		shell_end(pids[i]);
}

static void promtool_is_content(void **state)
{
	struct agent agent;
	char *text;

	(void)state;
	need_prometheus();
	agent_serve(&agent, tenant_config, "");
	serve_load();
	nap_ms(300);
	text = shell(NULL,
		     "curl -sf http://127.0.0.1:%d/metrics >%s/scrape && promtool check metrics "
		     "<%s/scrape 2>&1 && grep -c ^tallyman_requests_total %s/scrape",
		     agent.port, workdir(), workdir(), workdir());
	assert_true(atoi(text) >= 2 * (TENANTS + 2));
	free(text);
	text = shell(NULL,
		     "curl -sf -H 'Accept: application/openmetrics-text; version=1.0.0' "
		     "http://127.0.0.1:%d/metrics | tail -n 1",
		     agent.port);
	assert_string_equal(text, "# EOF\n");
	free(text);
	agent_stop(&agent);
}

static pid_t prometheus_start(const struct agent *agent)
{
	char *config = file_name("prometheus.yml"), *log = file_name("prometheus.log");
	char *tsdb = file_name("tsdb");
	char arg[3][160], text[256];
	const char *argv[] = { "prometheus", arg[0], arg[1], arg[2], "--log.level=warn", NULL };
	double end = now_seconds() + 60;
	pid_t pid;

	prometheus_port = port_free();
	snprintf(text, sizeof(text),
		 "global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n"
		 "  - job_name: tallyman\n    static_configs: [{targets: ['127.0.0.1:%d']}]\n",
		 agent->port);
	file_write(config, text);
	snprintf(arg[0], sizeof(arg[0]), "--config.file=%s", config);
	snprintf(arg[1], sizeof(arg[1]), "--storage.tsdb.path=%s", tsdb);
	snprintf(arg[2], sizeof(arg[2]), "--web.listen-address=127.0.0.1:%d", prometheus_port);
	pid = child_start(&(struct child_spec){ .argv = argv, .out = log });
	while (shell_try(NULL, "curl -sf http://127.0.0.1:%d/-/ready", prometheus_port)) {
		if (child_wait(pid, 0) >= 0 || now_seconds() > end)
			fail_msg("Prometheus did not start:\n%s", file_read(log));
		nap_ms(100);
	}
	free(config);
	free(tsdb);
	free(log);
	return pid;
}

/* The only value of an instant query. */
static double promql(const char *query)
{
	char *text = shell(
		NULL, "curl -sf -G http://127.0.0.1:%d/api/v1/query --data-urlencode 'query=%s'",
		prometheus_port, query);
	json_t *answer = json_loads(text, 0, NULL);
	json_t *result = json_object_get(json_object_get(answer, "data"), "result");
	double value;

	if (json_array_size(result) != 1)
		fail_msg("%s: %s", query, text);
	value = atof(json_string_value(
		json_array_get(json_object_get(json_array_get(result, 0), "value"), 1)));
	json_decref(answer);
	free(text);
	return value;
}

static double power_of_two_above(double seconds)
{
	return exp2(ceil(log2(seconds)));
}

static double tenant_requests(int i)
{
	char query[200];

	snprintf(query, sizeof(query),
		 "sum(tallyman_requests_total{role=\"server\", operation=\"SELECT\", "
		 "tenant=\"%s\"} or vector(0))",
		 tenants[i].name);
	return promql(query);
}

/* Until Prometheus has a scrape of after the load, however long it takes here. */
static void wait_for_scrape(void)
{
	double end = now_seconds() + SCRAPE_SECONDS;
	int seen;

	do {
		nap_ms(500);
		seen = 0;
		for (int i = 0; i < TENANTS; i++)
			seen += (int)tenant_requests(i) >= sleeps_of(i);
	} while (seen < TENANTS && now_seconds() < end);
}

/* In the bucket of the client's p99; where a bound is within what the client can say, in either. */
static bool compare(int i, uint64_t since_ns)
{
	struct bracket truth = tenant_p99(i, since_ns);
	char query[400];
	double p99;

	snprintf(
		query, sizeof(query),
		"histogram_quantile(0.99, sum by (le) (tallyman_request_service_seconds_"
		"bucket{role=\"client\", protocol=\"postgresql\", operation=\"SELECT\", tenant=\"%s\"}))",
		tenants[i].name);
	p99 = promql(query);
	print_message("%s: client's p99 %.4f to %.4f s, PromQL p99 %.4f s\n", tenants[i].name,
		      truth.low_ns / 1e9, truth.high_ns / 1e9, p99);
	assert_int_equal((int)tenant_requests(i), sleeps_of(i));
	return p99 >= power_of_two_above(truth.low_ns / 1e9) / 2 &&
	       p99 <= power_of_two_above(truth.high_ns / 1e9);
}

static bool p99_agree(void *arg)
{
	uint64_t since_ns = monotonic_ns();
	struct agent agent;
	bool right;
	pid_t pid;

	(void)arg;
	agent_serve(&agent, tenant_config, "");
	pid = prometheus_start(&agent);
	serve_load();
	wait_for_scrape();
	right = promql("up{job=\"tallyman\"}") == 1;
	for (int i = 0; i < TENANTS; i++)
		right &= compare(i, since_ns);
	child_stop(pid, SIGTERM, 30);
	agent_stop(&agent);
	return right;
}

static void tenants_p99(void **state)
{
	(void)state;
	need_prometheus();
	truth_holds(p99_agree, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promtool_is_content),
		cmocka_unit_test(tenants_p99),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
