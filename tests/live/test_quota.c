/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container floods the tracer, and the tracer has a budget. The others' requests keep their details, the flood is
 * named within seconds, and every total is what the clients themselves counted. When the flood is over, what was done
 * without comes back.
 */
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
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define RATE \
	500L /* of each of the others, a second; the flood is what the machine gives, 20 times that */
#define SECONDS 14
#define FLOOD 400000L
#define ASKED_BEFORE 2 /* by redis-benchmark, of the server's settings */
#define NAMED_SECONDS 5.0
#define BACK_SECONDS 60
#define LOST_PER_MILLION 1000.0

static const char *const others[] = { "acme", "globex" };
static struct server redis;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter("cache");
	redis_start(&redis);
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_stop(&redis);
	return 0;
}

/* The sum of the samples of a family that have all these labels in their line; NULL: any. */
static double sum(const char *metrics, const char *family, const char *label, const char *label2)
{
	size_t len = strlen(family);
	double total = 0;

	for (const char *line = metrics; line; line = strchr(line, '\n')) {
		char text[1024];

		line += *line == '\n';
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
		if (!strncmp(text, family, len) && strchr("{ ", text[len]) &&
		    (!label || strstr(text, label)) && (!label2 || strstr(text, label2)))
			total += atof(strrchr(text, ' '));
	}
	return total;
}

static double now_sum(const struct agent *a, const char *family, const char *label,
		      const char *label2)
{
	char *metrics = agent_get(a, "/metrics");
	double total = sum(metrics, family, label, label2);

	free(metrics);
	return total;
}

static const char *tenant_label(const char *tenant)
{
	static char label[64];

	snprintf(label, sizeof(label), "tenant=\"%s\"", tenant);
	return label;
}

/* By the client's own count: all are counted. Returns how many in a million had no details. */
static double without_details(const char *metrics, const char *tenant, long sent)
{
	const char *label = tenant_label(tenant);
	double counted = sum(metrics, "tallyman_requests_total", "role=\"client\"", label);
	double coarse = sum(metrics, "tallyman_coarse_requests_total", "role=\"client\"", label);

	print_message("%s: sent %ld, counted %.0f, without details %.0f\n", tenant, sent, counted,
		      coarse);
	assert_int_equal(counted, sent);
	return coarse * 1e6 / sent;
}

/* Until the tier is (1) or is not (0) shed; how long that took, in seconds. */
static double until_shed(const struct agent *a, const char *tier, int shed, double most)
{
	double begin = now_seconds();

	while (now_sum(a, "tallyman_shed", tier, NULL) != shed) {
		if (now_seconds() - begin > most)
			fail_msg("%s is not %d after %.0f s", tier, shed, most);
		nap_ms(1000); /* each look costs a little of the budget */
	}
	return now_seconds() - begin;
}

static bool flood_is_reported(const struct agent *a)
{
	double begin = now_seconds(), took;

	while (!now_sum(a, "tallyman_coarse_requests_total", "cause=\"quota\",role=\"client\"",
			tenant_label("initech"))) {
		if (now_seconds() - begin > 2 * NAMED_SECONDS)
			fail_msg("the flood is not reported");
		nap_ms(100);
	}
	took = now_seconds() - begin;
	truth_figure("quota: a flood is named after", "5 s", "%.1f s", took);
	return took <= NAMED_SECONDS;
}

static bool flooded(void *arg)
{
	char *cgroups[2], *flood_cgroup = tenant_cgroup("initech"), *out[2], *metrics, *flood_out;
	struct agent agent;
	pid_t clients[2], flood;
	long calls = redis_calls(&redis, "get"), sent[2];
	bool holds;

	(void)arg;
	agent_serve(&agent, tenant_config, "--cpu-budget 1");
	for (int i = 0; i < 2; i++) {
		cgroups[i] = tenant_cgroup(others[i]);
		out[i] = file_name(others[i]);
		clients[i] = shell_start(cgroups[i], "tests/live/paced.py %d %ld %d >%s",
					 redis.port, RATE, SECONDS, out[i]);
	}
	nap_ms(3000);
	flood_out = file_name("flood");
	flood = shell_start(flood_cgroup,
			    "redis-benchmark -h 127.0.0.1 -p %d -t get -n %ld -c 50 -q >%s",
			    redis.port, FLOOD, flood_out);
	holds = flood_is_reported(&agent);
	shell_end(flood);
	for (int i = 0; i < 2; i++) {
		char *text;

		shell_end(clients[i]);
		text = file_read(out[i]);
		sent[i] = atol(text);
		free(text);
	}
	nap_ms(1500);
	metrics = agent_get(&agent, "/metrics");
	assert_int_equal(redis_calls(&redis, "get") - calls, FLOOD + sent[0] + sent[1]);
	without_details(metrics, "initech", FLOOD + ASKED_BEFORE);
	for (int i = 0; i < 2; i++) {
		double lost = without_details(metrics, others[i], sent[i]);

		truth_figure("quota: of another's requests beside a flood, without details",
			     "0.1 %", "%.3f %%", lost / 1e4);
		holds &= lost <= LOST_PER_MILLION;
	}
	assert_int_equal(sum(metrics, "tallyman_events_total", "probe=\"sock\"", "fate=\"lost\""),
			 0);
	assert_true(sum(metrics, "tallyman_events_seen_total", "probe=\"sock\"", NULL) ==
		    sum(metrics, "tallyman_events_total", "probe=\"sock\"", NULL));
	agent_stop(&agent);
	free(metrics);
	return holds;
}

static void a_flood_blinds_nobody_else(void **state)
{
	(void)state;
	need_live();
	truth_holds(flooded, NULL);
}

static void what_is_shed_comes_back(void **state)
{
	struct agent agent;
	char *metrics;

	(void)state;
	need_live();
	agent_serve(&agent, tenant_config, "--cpu-budget 1");
	free(shell(NULL, "redis-benchmark -h 127.0.0.1 -p %d -t get -n 200000 -c 20 -q",
		   redis.port));
	until_shed(&agent, "tier=\"requests\"", 1, 5);
	assert_int_equal(now_sum(&agent, "tallyman_shed", "tier=\"text\"", NULL), 1);
	truth_figure("governor: all is back after the load's end", "60 s", "%.0f s",
		     until_shed(&agent, "tier=\"text\"", 0, BACK_SECONDS));
	metrics = agent_get(&agent, "/metrics");
	assert_int_equal(sum(metrics, "tallyman_shed", "tier=\"requests\"", NULL), 0);
	assert_true(sum(metrics, "tallyman_cpu_price_ratio", NULL, NULL) < 0.01);
	assert_true(sum(metrics, "tallyman_cpu_budget_ratio", NULL, NULL) == 0.01);
	assert_int_equal(sum(metrics, "tallyman_events_total", "probe=\"sock\"", "fate=\"lost\""),
			 0);
	free(metrics);
	agent_stop(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_blinds_nobody_else),
		cmocka_unit_test(what_is_shed_comes_back),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
