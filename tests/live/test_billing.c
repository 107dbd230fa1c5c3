/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared server's CPU time is billed to those it worked for. Two tenants in two cgroups do different
 * work, each alone and then both, on one PostgreSQL and one Redis with cgroups of their own: what
 * is billed adds up to what the server's processes used, by the kernel's own count, and is split as
 * each tenant's work alone would be.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
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
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define TENANTS 2
#define SCALE (getenv("TALLYMAN_QUICK") ? 1 : 3)

static const char *const tenants[TENANTS] = { "acme", "globex" };
static struct server pg, redis;
static char *cgroups[TENANTS];
static char pg_name[64], redis_name[64]; /* their containers, as the ends of labels */

static void enter(const char *cgroup)
{
	char procs[512];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
	file_write(procs, "0");
}

static int servers_start(void **state)
{
	char *of_pg, *of_redis;

	(void)state;
	if (!live_possible())
		return 0;
	of_pg = plain_cgroup("sharedpg");
	of_redis = plain_cgroup("sharedredis");
	snprintf(pg_name, sizeof(pg_name), "-%d/sharedpg", getpid());
	snprintf(redis_name, sizeof(redis_name), "-%d/sharedredis", getpid());
	enter(of_pg);
	postgres_start(&pg);
	enter(of_redis);
	redis_start(&redis);
	tenant_enter(tenant_own());
	for (int i = 0; i < TENANTS; i++)
		cgroups[i] = tenant_cgroup(tenants[i]);
	postgres_bench(&pg, "bench");
	free(of_pg);
	free(of_redis);
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	for (int i = 0; i < TENANTS; i++)
		free(cgroups[i]);
	return 0;
}

/* Seconds of CPU time that the process and its children, also those that are gone, used so far. */
static double used_by(pid_t pid)
{
	double ticks =
		atof(shell(NULL,
			   "cat /proc/%d/stat $(pgrep -P %d | sed 's|.*|/proc/&/stat|') "
			   "2>/dev/null | sed 's/.*) //' | "
			   "awk 'NR == 1 { n = $14 + $15 } { n += $12 + $13 } END { print n }'",
			   pid, pid));

	return ticks / sysconf(_SC_CLK_TCK);
}

/*
 * One tenant's work; the same at each call. Nearly all of its time is the requests' own, and enough of them
 * wait: what surrounds them (a write that wakes a client up, a server that wakes up for one request or for ten)
 * costs less for both together. Pipelines of GETs, next to which scripts got cheaper by a tenth, were 7 points off.
 */
typedef pid_t (*work_fn)(int tenant);

static pid_t work_postgres(int tenant)
{
	if (!tenant)
		return shell_start(
			cgroups[0],
			"echo 'SELECT count(*) FROM pgbench_branches, "
			"generate_series(1, 3000)' | pgbench -n -M prepared -f /dev/stdin "
			"-h %s -p %d -c 2 -R 400 -t %d bench",
			pg.dir, pg.port, 800 * SCALE);
	return shell_start(cgroups[1],
			   "echo 'SELECT sum(i) FROM generate_series(1, 20000) i' | "
			   "pgbench -n -f /dev/stdin -h 127.0.0.1 -p %d -c 1 -R 120 -t %d bench",
			   pg.port, 480 * SCALE);
}

static pid_t work_redis(int tenant)
{
	if (!tenant)
		return shell_start(cgroups[0],
				   "redis-benchmark -p %d -c 10 -P 16 -n %d -q EVAL 'local x = 0 "
				   "for i = 1, 500 do x = x + i end return x' 0",
				   redis.port, 60000 * SCALE);
	return shell_start(cgroups[1],
			   "redis-benchmark -p %d -c 10 -n %d -q EVAL 'local x = 0 for i = 1, 3000 "
			   "do x = x + i end return x' 0",
			   redis.port, 15000 * SCALE);
}

/* What it uses is more with the tracer than without, so it is there. */
static double alone(const struct server *s, work_fn work, int tenant)
{
	struct agent agent;
	double used;

	agent_record(&agent, tenant_config, "");
	used = used_by(s->pid);
	shell_end(work(tenant));
	nap_ms(200);
	used = used_by(s->pid) - used;
	json_decref(agent_finish(&agent));
	return used;
}

/* Of that container, over all workflows; NULL: of any tenant. */
static double billed_to(const json_t *facts, const char *container, const char *tenant)
{
	size_t i, len = strlen(container), n;
	const json_t *line;
	double ns = 0;

	json_array_foreach((json_t *)facts, i, line) {
		const char *in = json_string_value(json_object_get(line, "container"));
		const char *of = json_string_value(json_object_get(line, "tenant"));

		n = in ? strlen(in) : 0;
		if (n >= len && !strcmp(in + n - len, container) &&
		    (!tenant || !strcmp(of, tenant)))
			ns += json_integer_value(json_object_get(line, "cpu_ns"));
	}
	return ns / 1e9;
}

struct bill {
	const char *what;
	const struct server *server;
	const char *container;
	work_fn work;
	double tolerance;
};

static void bill_figures(const struct bill *b, double billed, double used, double off)
{
	char what[96], bound[32];

	snprintf(what, sizeof(what), "%s: CPU time billed, against utime + stime", b->what);
	snprintf(bound, sizeof(bound), "within %.0f %%", 100 * b->tolerance);
	truth_figure(what, bound, "%+.2f %% of %.2f s", 100 * (billed / used - 1), used);
	snprintf(what, sizeof(what), "%s: a tenant's share, against its load alone", b->what);
	truth_figure(what, "within 5 points", "%+.2f points", 100 * off);
}

/* The tenants alone are measured at another time, when the machine may be faster or slower. */
static bool billed_as_worked(void *arg)
{
	const struct bill *b = arg;
	const struct server *s = b->server;
	double expected[TENANTS], billed[TENANTS], system, used, sum = 0, share, right;
	struct agent agent;
	json_t *facts;
	pid_t pids[TENANTS];

	for (int i = 0; i < TENANTS; i++)
		expected[i] = alone(s, b->work, i);
	agent_record(&agent, tenant_config, "");
	used = used_by(s->pid);
	for (int i = 0; i < TENANTS; i++)
		pids[i] = b->work(i);
	for (int i = 0; i < TENANTS; i++)
		shell_end(pids[i]);
	nap_ms(200);
	used = used_by(s->pid) - used;
	facts = agent_finish(&agent);
	for (int i = 0; i < TENANTS; i++) {
		billed[i] = billed_to(facts, b->container, tenants[i]);
		sum += billed[i];
	}
	system = billed_to(facts, b->container, "system");
	share = billed[0] / sum;
	right = expected[0] / (expected[0] + expected[1]);
	print_message("used %.2f s; billed %.2f s: %s %.2f s, %s %.2f s, system %.2f s; share of "
		      "%s %.1f %%, alone %.2f s and %.2f s: %.1f %%\n",
		      used, sum + system, tenants[0], billed[0], tenants[1], billed[1], system,
		      tenants[0], 100 * share, expected[0], expected[1], 100 * right);
	bill_figures(b, sum + system, used, share - right);
	if (sum + system < (1 - b->tolerance) * used || sum < (1 - 2 * b->tolerance) * used)
		facts_print(facts, "kind=container");
	json_decref(facts);
	return sum + system >= (1 - b->tolerance) * used &&
	       sum + system <= (1 + b->tolerance) * used && sum >= 0.9 * used &&
	       fabs(share - right) <= 0.05;
}

static void postgresql(void **state)
{
	(void)state;
	need_live();
	truth_holds(billed_as_worked,
		    &(struct bill){ "PostgreSQL", &pg, pg_name, work_postgres, 0.03 });
}

static void redis_thread(void **state)
{
	(void)state;
	need_live();
	truth_holds(billed_as_worked,
		    &(struct bill){ "Redis", &redis, redis_name, work_redis, 0.05 });
}

/* Who works for nobody works for the system. */
static void idle_is_the_systems(void **state)
{
	struct agent agent;
	json_t *facts;
	double system, all;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "");
	free(postgres_query(&pg, "bench", "SELECT 1"));
	free(shell(NULL, "redis-cli -s %s ping", redis.socket));
	nap_ms(3000);
	facts = agent_finish(&agent);
	system = billed_to(facts, redis_name, "system");
	all = billed_to(facts, redis_name, NULL);
	print_message("idle Redis: %.2f ms of %.2f ms are the system's\n", 1e3 * system, 1e3 * all);
	assert_true(system > 0 && system >= all / 2);
	assert_true(billed_to(facts, pg_name, "system") > 0);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(postgresql),
		cmocka_unit_test(redis_thread),
		cmocka_unit_test(idle_is_the_systems),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
