/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every table full: connections, tasks' owners, containers, series. What finds no room is counted, by cause; the
 * tracer goes on, its sums hold, and when there is room again it counts exactly.
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
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/fault.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

#define PAIRS 8500	 /* 17,000 ends: more than the 16,384 connections that there is room for */
#define CONTAINERS 16500 /* of 16,384 */
#define OWNERS 1200	 /* of some 1,020 */
#define FREED_SECONDS 60 /* the sweep comes every 10 s */

/* One request and reply on each of so many pairs of sockets, which stay open until the process is told to end. */
static const char pairs_script[] =
	"import signal, socket, sys, time\n"
	"pairs = [socket.socketpair() for _ in range(int(sys.argv[1]))]\n"
	"for a, b in pairs:\n"
	"    a.send(b'PING\\r\\n'); b.recv(64); b.send(b'+PONG\\r\\n'); a.recv(64)\n"
	"print('open', flush=True)\n"
	"signal.pause()\n";

/* Of requests, by that cause. */
static double lost(const char *metrics, const char *probe, const char *cause)
{
	char label[64];

	snprintf(label, sizeof(label), "probe=\"%s\"", probe);
	return fault_sample(metrics, "tallyman_events_total", label, cause);
}

static void connections_full(void **state)
{
	char *script = file_name("pairs.py"), *log = file_name("pairs"), *metrics;
	struct agent agent;
	long before, served;
	double end;
	pid_t pairs;

	(void)state;
	need_live();
	file_write(script, pairs_script);
	agent_serve(&agent, tenant_config, "");
	pairs = shell_start(NULL, "ulimit -n 20000; exec python3 %s %d >%s", script, PAIRS, log);
	shell_says(pairs, log, "open");
	metrics = agent_get(&agent, "/metrics");
	before = fault_balanced(metrics) + fault_counted(metrics);
	assert_true(lost(metrics, "sock", "cause=\"table_full\"") >= 2 * PAIRS - 16384);
	free(metrics);
	fault_gets(2000); /* there is no room for these: each is lost at least once, by its cause */
	nap_ms(200); /* what is served may be as old as the last reading, if that is no older than 100 ms */
	metrics = agent_get(&agent, "/metrics");
	assert_true(fault_balanced(metrics) + fault_counted(metrics) >= before + 2 * 2000);
	free(metrics);
	child_stop(pairs, SIGTERM, 30);
	end = now_seconds() + FREED_SECONDS;
	do { /* until a connection finds room again */
		nap_ms(1000);
		metrics = agent_get(&agent, "/metrics");
		before = fault_balanced(metrics);
		served = -fault_counted(metrics);
		free(metrics);
		fault_gets(100);
		nap_ms(200);
		metrics = agent_get(&agent, "/metrics");
		served += fault_counted(metrics);
		before -= fault_balanced(metrics);
		free(metrics);
	} while ((before || served < 200) && now_seconds() < end);
	assert_int_equal(before, 0);
	assert_true(served >= 200);
	agent_stop(&agent);
	fault_all_well(tenant_config);
	free(script);
	free(log);
}

static void containers_make(const char *top, int n)
{
	char path[256];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/c%d", top, i);
		if (mkdir(path, 0755))
			fail_msg("cannot make %s", path);
	}
}

static void containers_remove(const char *top, int n)
{
	char path[256];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/c%d", top, i);
		rmdir(path);
	}
}

/* The same process in one container after the other: each is an owner of CPU time. */
static void containers_visit(const char *top, int n)
{
	free(shell(NULL,
		   "for i in $(seq 0 %d); do echo $$ >%s/c$i/cgroup.procs; sleep 0.001; done; "
		   "echo $$ >%s/cgroup.procs",
		   n - 1, top, top));
}

static void containers_and_owners_full(void **state)
{
	char *top, *metrics, *told;
	struct agent agent;
	long served;

	(void)state;
	need_live();
	top = plain_cgroup("many");
	served = -fault_served();
	agent_serve(&agent, tenant_config, "");
	containers_make(top, CONTAINERS);
	containers_visit(top, OWNERS);
	fault_gets(5000);
	nap_ms(1500);
	metrics = agent_get(&agent, "/metrics");
	served += fault_served();
	fault_balanced(metrics);
	print_message("containers refused: %.0f; no owner: %.0f\n",
		      fault_sample(metrics, "tallyman_containers_refused_total", NULL, NULL),
		      lost(metrics, "sched", "cause=\"table_full\""));
	assert_true(fault_sample(metrics, "tallyman_containers_refused_total", NULL, NULL) >=
		    CONTAINERS - 16384);
	assert_true(lost(metrics, "sched", "cause=\"table_full\"") > 0);
	fault_counted_all(metrics, served);
	free(metrics);
	containers_remove(top, CONTAINERS);
	agent_stop(&agent);
	told = file_read(agent.err);
	assert_null(strstr(told, "!="));
	assert_non_null(strstr(told, "found no room in the table of containers"));
	free(told);
	free(top);
	fault_all_well(tenant_config);
}

/* What is over the limit is "other"'s; the sums are all the same. */
static void series_full(void **state)
{
	char *metrics, *config;
	struct agent agent;
	long served;
	double other;

	(void)state;
	need_live();
	if (asprintf(&config, "%sseries_limit: 4\n", tenant_config) < 0)
		abort();
	served = -fault_served();
	agent_serve(&agent, config, "--ring-size 4096");
	free(shell(NULL,
		   "redis-benchmark -h 127.0.0.1 -p %d -n 3000 -P 8 -q "
		   "-t set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd",
		   fault_redis.port));
	nap_ms(1500);
	metrics = agent_get(&agent, "/metrics");
	served += fault_served();
	assert_int_equal(fault_balanced(metrics), 0);
	other = fault_sample(metrics, "tallyman_requests_total", "tenant=\"other\"", NULL);
	print_message("of %ld requests at both ends %.0f are other's\n", 2 * served, other);
	assert_true(other > 0);
	assert_int_equal(fault_sample(metrics, "tallyman_requests_total", NULL, NULL),
			 fault_sample(metrics, "tallyman_events_seen_total", "probe=\"sock\"",
				      NULL));
	assert_true(fault_counted(metrics) + other >= 2 * served);
	free(metrics);
	agent_stop(&agent);
	free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(series_full),
		cmocka_unit_test(connections_full),
		cmocka_unit_test(containers_and_owners_full),
	};

	return cmocka_run_group_tests(tests, fault_begin, fault_end);
}
