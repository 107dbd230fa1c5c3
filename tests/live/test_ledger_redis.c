/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis' only thread is a resource with a line before it. Tenant acme keeps it busy with scripts of
 * 50 ms on two connections, tenant globex sends short GETs and times them with its own clock: what it waited beyond its
 * quiet latency must be what the tracer charges, to acme. And acme waits for globex no longer than
 * globex' own requests take.
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
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define SCRIPTS_MAX 2 /* connections of acme */
#define SECONDS (getenv("TALLYMAN_QUICK") ? 4 : 10)
#define CLIENT "exec tests/live/redis_line.py "
#define WAITS "kind=waits resource=redis "
#define REQUESTS "kind=requests role=server protocol=redis "

static struct server redis;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	redis_start(&redis);
	free(shell(NULL, "renice -n -15 -p %d", redis.pid));
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_stop(&redis);
	return 0;
}

struct times {
	long n;
	double sum_ns;
	double median_ns;
};

static struct times gets(const char *cgroup, int seconds, int pause_ms)
{
	char *text = shell(cgroup, CLIENT "get %s %d %d", redis.socket, seconds, pause_ms);
	struct times t;

	if (sscanf(text, "%ld %lf %lf", &t.n, &t.sum_ns, &t.median_ns) != 3)
		fail_msg("no times: %s", text);
	free(text);
	return t;
}

/*
 * The queue is charged as a whole, and on top what requests waited for others after they were read. Of
 * coarse requests no time is known.
 */
static void whole(const json_t *facts)
{
	double charged = facts_sum(facts, "wait_ns", WAITS);
	double queue = facts_sum(facts, "queue_sum_ns", REQUESTS);
	double served = facts_sum(facts, "service_sum_ns", REQUESTS);
	long coarse = facts_sum(facts, "coarse", "kind=events probe=sock");

	print_message("charged %.0f ns; queue %.0f ns, service %.0f ns, %ld requests coarse\n",
		      charged, queue, served, coarse);
	assert_true(charged >= queue);
	assert_true(coarse || charged <= queue + served);
}

/* What globex' short GETs beside acme's scripts came to. */
struct contest {
	struct times quiet, busy; /* by globex' own clock */
	double beyond;		  /* its time above the quiet latency */
	double charged, to_acme;  /* for globex' waits */
	double own;	  /* globex' requests read and not yet answered, less what was charged */
	double to_globex; /* for acme's waits */
};

/* acme's scripts come on so many connections. */
static json_t *contest_run(struct contest *c, int connections, int seconds)
{
	char *acme = tenant_cgroup("acme"), *globex = tenant_cgroup("globex");
	pid_t scripts[SCRIPTS_MAX];
	struct agent agent;
	json_t *facts;

	c->quiet = gets(globex, 2, 5);
	agent_record(&agent, tenant_config, "");
	for (int i = 0; i < connections; i++)
		scripts[i] = shell_start(acme, CLIENT "busy %s 50 %d", redis.socket, seconds + 4);
	nap_ms(1000);
	c->busy = gets(globex, seconds, 10);
	for (int i = 0; i < connections; i++)
		shell_end(scripts[i]);
	facts = agent_finish(&agent);
	c->beyond = c->busy.sum_ns - c->busy.n * c->quiet.median_ns;
	c->charged = facts_sum(facts, "wait_ns", WAITS "waiter_tenant=globex");
	c->to_acme = facts_sum(facts, "wait_ns",
			       WAITS "waiter_tenant=globex occupant_tenant=acme cause=neighbour");
	c->own = facts_sum(facts, "queue_sum_ns", REQUESTS "tenant=globex") +
		 facts_sum(facts, "service_sum_ns", REQUESTS "tenant=globex") - c->charged;
	c->to_globex =
		facts_sum(facts, "wait_ns", WAITS "waiter_tenant=acme occupant_tenant=globex");
	free(acme);
	free(globex);
	return facts;
}

/*
 * Whatever the noise: globex' client has seen all that is charged; and each of acme's connections, which has
 * one request at a time, waits for globex no longer than globex' own requests had the thread. On a
 * slow machine the thread takes longer for globex' own work, which is no wait for a turn.
 */
static bool scripts_measured(void *arg)
{
	struct contest c;
	json_t *facts;

	(void)arg;
	facts = contest_run(&c, SCRIPTS_MAX, SECONDS);
	print_message("%ld GETs, %.1f ms, quiet %.3f ms each; own service %.1f ms\n", c.busy.n,
		      c.busy.sum_ns / 1e6, c.quiet.median_ns / 1e6, c.own / 1e6);
	truth_figure("Redis: wait charged, against the client's clock above its quiet latency",
		     "within 5 %", "%+.2f %% of %.0f ms", 100 * (c.charged / c.beyond - 1),
		     c.beyond / 1e6);
	truth_figure("Redis: of it charged to the tenant with the scripts", "at least 95 %",
		     "%.2f %%", 100 * c.to_acme / c.charged);
	whole(facts);
	json_decref(facts);
	assert_true(c.charged <= c.busy.sum_ns);
	assert_true(c.to_acme >= 0.95 * c.charged);
	assert_true(c.to_globex <= SCRIPTS_MAX * c.own);
	return c.busy.sum_ns > 5 * c.busy.n * c.quiet.median_ns && c.charged <= 1.05 * c.beyond &&
	       c.charged >= 0.95 * (c.beyond - c.own);
}

static void scripts_of_a_neighbour(void **state)
{
	(void)state;
	need_live();
	truth_holds(scripts_measured, NULL);
}

/* With one request at a time acme cannot wait longer for globex than globex' own requests had the thread. */
static void the_other_way_round(void **state)
{
	struct contest c;
	json_t *facts;

	(void)state;
	need_live();
	facts = contest_run(&c, 1, SECONDS / 2);
	truth_figure("Redis: the other way round, against the short requests' own service time",
		     "at most as much", "%.3f ms of %.3f ms of %ld requests", c.to_globex / 1e6,
		     c.own / 1e6, c.busy.n);
	whole(facts);
	json_decref(facts);
	assert_true(c.to_globex <= c.own);
}

static void pipelines_add_up(void **state)
{
	char *acme, *globex;
	struct agent agent;
	json_t *facts;
	pid_t a, b;
	long before;

	(void)state;
	need_live();
	acme = tenant_cgroup("acme");
	globex = tenant_cgroup("globex");
	before = redis_calls(&redis, "get");
	agent_record(&agent, tenant_config, "");
	a = shell_start(acme, CLIENT "pipe %s 4", redis.socket);
	b = shell_start(globex, CLIENT "pipe %s 4", redis.socket);
	shell_end(a);
	shell_end(b);
	facts = agent_finish(&agent);
	whole(facts);
	assert_int_equal(facts_sum(facts, "count", REQUESTS "operation=GET"),
			 redis_calls(&redis, "get") - before);
	/* Two clients in turn: each is in the other's way now and then. */
	assert_true(facts_sum(facts, "wait_ns", WAITS "waiter_tenant=acme occupant_tenant=globex"));
	assert_true(facts_sum(facts, "wait_ns", WAITS "waiter_tenant=globex occupant_tenant=acme"));
	json_decref(facts);
	free(acme);
	free(globex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_of_a_neighbour),
		cmocka_unit_test(the_other_way_round),
		cmocka_unit_test(pipelines_add_up),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
