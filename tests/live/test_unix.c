/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same load over TCP and over a Unix socket: what the tracer says of it does not depend on the transport.
 * As many requests at both ends, as their servers count them, the same client, and the same times: medians within a
 * bucket of each other. The requests take the server some milliseconds, or the transports themselves would differ: waking
 * up the client's idle CPU alone takes 10 to 60 us in a virtual machine, and not each transport counts that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define REQUESTS 400
#define BUCKETS_A_DOUBLING 16 /* AGG_HIST_SCHEMA */
#define RUNS 2 /* the least median of these counts: the machine has other work, too */

static struct server pg, redis;
static char *client;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter("server");
	server_pair_start(&pg, &redis);
	postgres_bench(&pg, "live_bench");
	client = tenant_cgroup("acme");
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	free(client);
	return 0;
}

static void load_postgres(bool tcp)
{
	free(shell(client,
		   "echo 'SELECT sum(i) FROM generate_series(1, 40000) i' | "
		   "pgbench -n -f /dev/stdin -h %s -p %d -c 1 -t %d live_bench 2>&1",
		   tcp ? "127.0.0.1" : pg.dir, pg.port, REQUESTS));
}

static void load_redis(bool tcp)
{
	char where[160];

	if (tcp)
		snprintf(where, sizeof(where), "-p %d", redis.port);
	else
		snprintf(where, sizeof(where), "-s %s", redis.socket);
	free(shell(
		client,
		"redis-benchmark %s -c 1 -n %d -q EVAL 'local x = 0 for i = 1, 600000 do x = x + i end "
		"return x' 0",
		where, REQUESTS));
}

/* Medians of the server's and the client's end. */
struct times {
	double server_ns;
	double client_ns;
};

static void lessen(double *least, double ns)
{
	if (!*least || ns < *least)
		*least = ns;
}

static void run(void (*load)(bool tcp), bool tcp, const char *operation, struct times *t)
{
	struct agent agent;
	json_t *facts;

	agent_record(&agent, tenant_config, "");
	load(tcp);
	facts = agent_finish(&agent);
	for (int server = 0; server < 2; server++) {
		const char *role = server ? "server" : "client";

		assert_int_equal(facts_one(facts, "count",
					   "kind=requests tenant=acme operation=%s role=%s",
					   operation, role),
				 REQUESTS);
		lessen(server ? &t->server_ns : &t->client_ns,
		       (double)facts_one(facts, "service_p50_ns",
					 "kind=requests tenant=acme operation=%s role=%s",
					 operation, role));
	}
	json_decref(facts);
}

/* Buckets are as wide as a power of two's part: in the same one, or in the next. */
static bool near(const char *what, double a, double b)
{
	double buckets = fabs(log2(a / b)) * BUCKETS_A_DOUBLING;

	print_message("%s: TCP %.1f us, Unix %.1f us: %.2f buckets\n", what, a / 1e3, b / 1e3,
		      buckets);
	return buckets <= 1.5;
}

/* A load, and what it took at the least so far. */
struct load {
	void (*run)(bool tcp);
	const char *operation;
	struct times tcp;
	struct times local;
};

static bool alike(void *arg)
{
	struct load *load = arg;
	bool server;

	for (int i = 0; i < RUNS; i++) {
		run(load->run, true, load->operation, &load->tcp);
		run(load->run, false, load->operation, &load->local);
	}
	server = near("server", load->tcp.server_ns, load->local.server_ns);
	return near("client", load->tcp.client_ns, load->local.client_ns) && server;
}

static void postgres(void **state)
{
	(void)state;
	need_live();
	truth_holds(alike, &(struct load){ .run = load_postgres, .operation = "SELECT" });
}

static void redis_eval(void **state)
{
	(void)state;
	need_live();
	truth_holds(alike, &(struct load){ .run = load_redis, .operation = "EVAL" });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(postgres),
		cmocka_unit_test(redis_eval),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
