/* SPDX-License-Identifier: Apache-2.0 */
/* In: a Redis' own count of its commands and the tracer's metrics. Out: nothing, or a failed test that says where. */
#define _GNU_SOURCE
#include "tests/live/fault.h"

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

#include "tests/live/child.h"
#include "tests/live/tenant.h"

#define GETS 5000

struct server fault_redis;
static char tenant_label[64];

int fault_begin(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter(tenant_own());
	snprintf(tenant_label, sizeof(tenant_label), "tenant=\"%s\"", tenant_own());
	redis_start(&fault_redis);
	return 0;
}

int fault_end(void **state)
{
	(void)state;
	server_stop(&fault_redis);
	return 0;
}

int fault_times(const char *variable, int usual)
{
	const char *text = getenv(variable);
	int n = text ? atoi(text) : usual;

	assert_true(n > 0);
	return n;
}

pid_t fault_load_start(void)
{
	long before = fault_served();
	pid_t load =
		shell_start(NULL,
			    "exec nice -n 19 redis-benchmark -h 127.0.0.1 -p %d -t get,set -c 2 "
			    "-l -q",
			    fault_redis.port);

	while (fault_served() < before + 1000)
		nap_ms(20);
	return load;
}

void fault_load_end(pid_t load)
{
	assert_int_equal(child_wait(load, 0), -1);
	assert_int_equal(child_stop(load, SIGTERM, 10), 128 + SIGTERM);
}

void fault_gets(long n)
{
	free(shell(NULL, "redis-benchmark -h 127.0.0.1 -p %d -t get -n %ld -c 20 -q",
		   fault_redis.port, n));
}

long fault_served(void)
{
	static long asked;
	char *text;
	long n;

	text = shell(NULL,
		     "redis-cli -s %s info stats | sed -n 's/^total_commands_processed:"
		     "\\([0-9]*\\).*/\\1/p'",
		     fault_redis.socket);
	n = atol(text) - asked++;
	free(text);
	return n;
}

static bool has(const char *line, const char *word)
{
	const char *end = strchrnul(line, '\n');

	return !word || memmem(line, end - line, word, strlen(word));
}

double fault_sample(const char *metrics, const char *name, const char *word, const char *other)
{
	size_t len = strlen(name);
	double sum = 0;

	for (const char *line = metrics; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) || (line[len] != '{' && line[len] != ' ') ||
		    !has(line, word) || !has(line, other))
			continue;
		const char *value = line[len] == '{' ? strstr(line, "} ") + 1 : line + len;

		sum += strtod(value, NULL);
	}
	return sum;
}

long fault_balanced(const char *metrics)
{
	const char *name = "tallyman_events_total";
	long seen = fault_sample(metrics, "tallyman_events_seen_total", "probe=\"sock\"", NULL);
	long detailed = fault_sample(metrics, name, "probe=\"sock\"", "fate=\"detailed\"");
	long coarse = fault_sample(metrics, name, "probe=\"sock\"", "fate=\"coarse\"");
	long lost = fault_sample(metrics, name, "probe=\"sock\"", "fate=\"lost\"");

	print_message("seen %ld, detailed %ld, coarse %ld, lost %ld\n", seen, detailed, coarse,
		      lost);
	assert_int_equal(seen, detailed + coarse + lost);
	return lost;
}

/* Less the asking whether the tracer is ready. What is coarse may be of no protocol: its connection was new. */
long fault_counted(const char *metrics)
{
	const char *name = "tallyman_requests_total";

	return fault_sample(metrics, name, tenant_label, NULL) -
	       fault_sample(metrics, name, tenant_label, "protocol=\"http\"");
}

void fault_counted_all(const char *metrics, long served)
{
	long counted = fault_counted(metrics);

	if (counted != 2 * served)
		for (const char *line = metrics; line; line = strchr(line + 1, '\n'))
			if (strstr(line, "\ntallyman_requests_total{") == line)
				print_message("%.*s\n", (int)strcspn(line + 1, "\n"), line + 1);
	assert_int_equal(counted, 2 * served);
}

void fault_all_well(const char *config)
{
	struct agent agent;
	char *metrics;
	long served;

	served = -fault_served();
	agent_serve(&agent, config, "");
	fault_gets(GETS);
	nap_ms(300);
	metrics = agent_get(&agent, "/metrics");
	served += fault_served();
	assert_true(served >= GETS);
	assert_int_equal(fault_balanced(metrics), 0);
	fault_counted_all(metrics, served);
	free(metrics);
	agent_stop(&agent);
}
