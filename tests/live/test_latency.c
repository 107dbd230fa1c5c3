/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latency is true. Clients and servers have a clock of their own around each call on a socket (calls.h), so
 * for each request there are two pairs of moments, and the tracer's hooks are within them. A client's time
 * is not less than from after its send() to before the recv() that ended the reply, and not more than from
 * before the one to after the other; a server's likewise, and the queue is from the client's send() to
 * the server's recv(). Whatever interrupts the machine widens the bracket or moves both: noise cannot
 * fail this test, and where there is none the bracket is some microseconds wide. A quantile of the tracer's
 * is at most one histogram bucket off.
 */
#define _GNU_SOURCE
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
#include "tests/live/calls.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define BUCKET 1.0443 /* 2^(1/16) */
#define SERVER "kind=requests role=server outcome=ok tenant=%s operation=%s"
#define CLIENT "kind=requests role=client outcome=ok tenant=%s operation=%s"

static struct server pg, redis;
static char *server_calls;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter(tenant_own());
	server_calls = calls_prefix();
	calls_env(server_calls);
	server_pair_start(&pg, &redis);
	calls_env(NULL);
	postgres_bench(&pg, "live_bench");
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	free(server_calls);
	return 0;
}

static void within(const char *what, double traced, struct bracket b)
{
	print_message("%s: traced %.0f ns, by the clocks %.0f to %.0f ns (%.2f %% apart)\n", what,
		      traced, b.low_ns, b.high_ns, 100 * (b.high_ns / b.low_ns - 1));
	assert_true(traced >= b.low_ns / BUCKET);
	assert_true(traced <= b.high_ns * BUCKET);
}

/* One run of a client with its requests, as all who know of it tell it. */
struct run {
	const char *operation;
	bool local; /* by Unix socket: a request is readable before its send() has returned */
	struct turns client, server;
	json_t *facts;
};

/* With its clocks and the tracer on. The caller frees what the client printed. */
static char *run_client(struct run *r, char *command)
{
	uint64_t since_ns = monotonic_ns();
	char *prefix = calls_prefix(), *text;
	struct agent agent;

	agent_record(&agent, tenant_config, "");
	calls_env(prefix);
	text = shell(NULL, "%s", command);
	calls_env(NULL);
	r->facts = agent_finish(&agent);
	r->client = turns_of_client(prefix, since_ns);
	r->server = turns_of_server(server_calls, since_ns);
	turns_sent_when_received(&r->client, &r->server);
	free(prefix);
	free(command);
	return text;
}

static void run_free(struct run *r)
{
	turns_free(&r->client);
	turns_free(&r->server);
	json_decref(r->facts);
}

static struct bracket queue_bracket(const struct run *r, double q)
{
	struct bracket b = turns_queue(&r->client, &r->server, q);

	if (!r->local)
		b.low_ns =
			0; /* the network's softirq may come later, and then it is not queueing */
	return b;
}

static void compare_p50(const struct run *r)
{
	const json_t *f = r->facts;

	within("client p50", facts_one(f, "service_p50_ns", CLIENT, tenant_own(), r->operation),
	       turns_service(&r->client, 0.5));
	within("server p50", facts_one(f, "service_p50_ns", SERVER, tenant_own(), r->operation),
	       turns_service(&r->server, 0.5));
	within("queue p50", facts_one(f, "queue_p50_ns", SERVER, tenant_own(), r->operation),
	       queue_bracket(r, 0.5));
}

static void compare_p99(const struct run *r)
{
	const json_t *f = r->facts;

	within("client p99", facts_one(f, "service_p99_ns", CLIENT, tenant_own(), r->operation),
	       turns_service(&r->client, 0.99));
	within("server p99", facts_one(f, "service_p99_ns", SERVER, tenant_own(), r->operation),
	       turns_service(&r->server, 0.99));
	within("queue p99", facts_one(f, "queue_p99_ns", SERVER, tenant_own(), r->operation),
	       queue_bracket(r, 0.99));
}

/* So many requests of at least so many milliseconds each, nothing else on the connection but its start. */
struct known_length {
	const char *operation;
	int ms;
	int count;
	char *(*command)(const struct known_length *k);
};

/* Against the client's own clock from before its send() to after its recv(), which noise may stop anywhere. */
static bool length_measured(void *arg)
{
	const struct known_length *k = arg;
	struct run r = { .operation = k->operation, .local = true };
	double traced, client, clock;
	char what[96];

	free(run_client(&r, k->command(k)));
	turns_keep_last(&r.client, k->count);
	turns_keep_last(&r.server, k->count);
	assert_int_equal(facts_sum(r.facts, "count", CLIENT, tenant_own(), k->operation), k->count);
	compare_p50(&r);
	traced = facts_one(r.facts, "service_p50_ns", SERVER, tenant_own(), k->operation);
	assert_true(traced >= k->ms * 1e6 / BUCKET);
	client = facts_one(r.facts, "service_p50_ns", CLIENT, tenant_own(), k->operation);
	clock = turns_service(&r.client, 0.5).high_ns;
	snprintf(what, sizeof(what), "latency: p50 of %s of %d ms, against the client's clock",
		 strcmp(k->operation, "EVAL") ? "pg_sleep" : "a Redis script", k->ms);
	truth_figure(what, "within 5 %", "%+.2f %% of %.3f ms", 100 * (client / clock - 1),
		     clock / 1e6);
	run_free(&r);
	return client >= 0.95 * clock && client <= 1.05 * clock;
}

static char *sleep_command(const struct known_length *k)
{
	char *script = file_name("sleep.sql"), *command;

	file_write(script, "");
	free(shell(NULL, "echo 'SELECT pg_sleep(%d / 1000.0)' >%s", k->ms, script));
	if (asprintf(&command, "pgbench -h %s -p %d -n -f %s -t %d live_bench 2>&1", pg.dir,
		     pg.port, script, k->count) < 0)
		abort();
	free(script);
	return command;
}

static void sleeps(int ms, int count)
{
	need_live();
	truth_holds(length_measured, &(struct known_length){ "SELECT", ms, count, sleep_command });
}

static void pg_sleep_1_ms(void **state)
{
	(void)state;
	sleeps(1, 1000);
}

static void pg_sleep_10_ms(void **state)
{
	(void)state;
	sleeps(10, 200);
}

static void pg_sleep_100_ms(void **state)
{
	(void)state;
	sleeps(100, 20);
}

static char *busy_command(const struct known_length *k)
{
	char *command;

	if (asprintf(&command,
		     "redis-cli -s %s -r %d EVAL \"local t = redis.call('TIME') "
		     "local stop = t[1] * 1000000 + t[2] + %d000 "
		     "repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] >= stop "
		     "return 1\" 0",
		     redis.socket, k->count, k->ms) < 0)
		abort();
	return command;
}

static void busy(int ms, int count)
{
	need_live();
	truth_holds(length_measured, &(struct known_length){ "EVAL", ms, count, busy_command });
}

static void redis_busy_1_ms(void **state)
{
	(void)state;
	busy(1, 1000);
}

static void redis_busy_10_ms(void **state)
{
	(void)state;
	busy(10, 200);
}

/* Quantiles of the third column (microseconds) of all of pgbench's logs, in ns. */
static void log_quantiles(const char *prefix, double *p50, double *p99)
{
	char *text = shell(NULL,
			   "cat %s* | awk '{print $3}' | sort -n | awk '{ t[NR] = $1 } END { "
			   "print t[int(NR * 0.5) + 1] * 1000, t[int(NR * 0.99) + 1] * 1000 }'",
			   prefix);

	if (sscanf(text, "%lf %lf", p50, p99) != 2)
		fail_msg("no pgbench log: %s", text);
	free(text);
}

/*
 * pgbench's own clock is farther from the socket than ours: what it has on top is its own work. So the tracer
 * may not be above it, and how far it may be below is for the bracket to say.
 */
static void against_log(const struct run *r, const char *log, const char *field, double q)
{
	double traced = facts_one(r->facts, field, CLIENT, tenant_own(), r->operation);
	struct bracket b = turns_service(&r->client, q);
	double p50, p99, logged;

	log_quantiles(log, &p50, &p99);
	logged = q < 0.9 ? p50 : p99;
	truth_figure(q < 0.9 ? "latency: p50 of pgbench --log" : "latency: p99 of pgbench --log",
		     "one bucket (4.4 %), less pgbench's own part",
		     "traced %.1f us, logged %.1f us, of that pgbench's own %.1f us", traced / 1e3,
		     logged / 1e3, (logged - b.high_ns) / 1e3);
	assert_true(traced <= logged * BUCKET + 1000); /* the log has whole microseconds */
}

static void pgbench(const char *host, bool local, int seconds)
{
	struct run r = { .operation = "SELECT", .local = local };
	char *log, *command;

	log = file_name("pgbench");
	if (asprintf(&command,
		     "pgbench -h %s -p %d -n -S -T %d -c 1 --log --log-prefix=%s live_bench 2>&1",
		     host, pg.port, seconds, log) < 0)
		abort();
	free(run_client(&r, command));
	compare_p50(&r);
	compare_p99(&r);
	against_log(&r, log, "service_p50_ns", 0.5);
	against_log(&r, log, "service_p99_ns", 0.99);
	run_free(&r);
	free(log);
}

static void pgbench_unix(void **state)
{
	(void)state;
	need_live();
	pgbench(pg.dir, true, getenv("TALLYMAN_QUICK") ? 10 : 30);
}

/* Both ends are traced as one connection here: the client's only tells times. */
static void pgbench_tcp(void **state)
{
	(void)state;
	need_live();
	pgbench("127.0.0.1", false, getenv("TALLYMAN_QUICK") ? 5 : 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pg_sleep_1_ms),    cmocka_unit_test(pg_sleep_10_ms),
		cmocka_unit_test(pg_sleep_100_ms),  cmocka_unit_test(redis_busy_1_ms),
		cmocka_unit_test(redis_busy_10_ms), cmocka_unit_test(pgbench_unix),
		cmocka_unit_test(pgbench_tcp),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
