/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Redis behind a slow link: what clients waited for by their own clock is what the tracer splits into the
 * server's part and the network's, within 5 %. The server's part is what the server itself says. If nothing is seen
 * of the server's end, TCP's round trip stands for the network.
 */
#include <math.h>
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
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

static const char *const whats[] = { "get", "set", "eval" };

struct run {
	char tenants[3][64];
	const char *server;
	json_t *facts;
	json_t *truth;
};

static void run_start(struct run *r, const char *options)
{
	char *clients[3], *server = plain_cgroup("shared.tripserver"), *said;
	struct agent agent;

	for (int i = 0; i < 3; i++) {
		snprintf(r->tenants[i], sizeof(r->tenants[i]), "%s%s", tenant_own(), whats[i]);
		clients[i] = tenant_cgroup(r->tenants[i]);
	}
	agent_record(&agent, tenant_config, "");
	said = shell(NULL, "exec tests/live/trip.sh %s %s %s %s %s", options, server, clients[0],
		     clients[1], clients[2]);
	r->facts = agent_finish(&agent);
	r->truth = facts_parse(said);
	for (int i = 0; i < 3; i++)
		free(clients[i]);
	free(server);
	free(said);
}

static void run_end(struct run *r)
{
	json_decref(r->facts);
	json_decref(r->truth);
}

static double part(const struct run *r, int what, const char *name)
{
	return (double)facts_sum(r->facts, name, "kind=trip basis=measured tenant=%s",
				 r->tenants[what]);
}

static double guess(const struct run *r, int what, const char *name)
{
	return (double)facts_sum(r->facts, name, "kind=trip basis=estimated tenant=%s",
				 r->tenants[what]);
}

/* Is the figure near what it should be? Figures of the run that held are kept. */
static bool near(const char *what, double got_ns, double truth_ns, double share)
{
	truth_figure(what, "within 5 %", "%.2f ms, truth %.2f ms (%+.1f %%)", got_ns / 1e6,
		     truth_ns / 1e6, 100 * (got_ns / truth_ns - 1));
	return fabs(got_ns - truth_ns) <= share * truth_ns;
}

static bool adds_up(const struct run *r, int what)
{
	double requests = facts_one(r->truth, "requests", "client=%s", whats[what]);
	double waited = facts_one(r->truth, "ns", "client=%s", whats[what]);
	double connects = facts_one(r->truth, "connect_ns", "client=%s", whats[what]);
	double served = 1e3 * facts_one(r->truth, "us", "server=%s", whats[what]);
	double queued = facts_one(r->truth, "queued_ns", "queued=%s", whats[what]);
	double server = part(r, what, "queue_ns") + part(r, what, "service_ns");
	double between = part(r, what, "network_ns") + part(r, what, "client_run_queue_ns");
	char text[64];
	double truth;
	bool good;

	assert_int_equal(part(r, what, "count"), requests);
	assert_int_equal(part(r, what, "remote_ns"), 0);
	/* Connecting is within what the client calls so. */
	assert_in_range(part(r, what, "connect_ns"), 1, (uintmax_t)connects);
	snprintf(text, sizeof(text), "slow link, %s: the client's time", whats[what]);
	good = near(text, server + between, waited, 0.05);
	snprintf(text, sizeof(text), "slow link, %s: the network's part", whats[what]);
	/*
	 * The server's own figure is without its reading and writing: of the client's time that is little; and without its
	 * wait for a CPU before it reads, but with that in the midst of a command.
	 */
	truth = fmax(waited - served - queued, fmin(between, waited - served));
	return near(text, between, truth, 0.05 * waited / truth) && good;
}

static bool link_is_apart(void *arg)
{
	struct run r;
	bool good = true;

	(void)arg;
	run_start(&r, "");
	for (int i = 0; i < 3; i++)
		good &= adds_up(&r, i);
	/* 10 kB take 10 ms, whichever way they go; the computation is the server's. */
	assert_true(part(&r, 0, "network_ns") > 0.9 * 200 * 10e6);
	assert_true(part(&r, 1, "network_ns") > 0.9 * 200 * 10e6);
	good &= part(&r, 2, "service_ns") > 0.95e3 * facts_one(r.truth, "us", "server=eval");
	run_end(&r);
	return good;
}

static void slow_link(void **state)
{
	(void)state;
	need_live();
	truth_holds(link_is_apart, NULL);
}

/* The server's end is nowhere to be seen: TCP's round trip stands for the network, the rest is remote. */
static bool is_split(const struct run *r, int what)
{
	double requests = facts_one(r->truth, "requests", "client=%s", whats[what]);
	double waited = facts_one(r->truth, "ns", "client=%s", whats[what]);
	double network = guess(r, what, "network_ns"), remote = guess(r, what, "remote_ns");
	double connect = guess(r, what, "connect_ns");
	char text[64];

	assert_int_equal(guess(r, what, "count"), requests);
	assert_int_equal(part(r, what, "count"), 0);
	assert_int_equal(guess(r, what, "queue_ns") + guess(r, what, "service_ns"), 0);
	assert_in_range(connect, 1,
			(uintmax_t)facts_one(r->truth, "connect_ns", "client=%s", whats[what]));
	/* Of TCP's round trips, which vary, one from each second: never more than the largest. */
	assert_in_range(network / requests,
			1e3 * facts_one(r->truth, "rtt_min_us", "client=%s", whats[what]) * 0.99,
			1e3 * facts_one(r->truth, "rtt_max_us", "client=%s", whats[what]));
	snprintf(text, sizeof(text), "far server, %s: the client's time", whats[what]);
	return near(text, network + remote, waited, 0.05);
}

static bool far_is_estimated(void *arg)
{
	struct run r;
	bool good = true;

	(void)arg;
	run_start(&r, "-f");
	for (int i = 0; i < 3; i++)
		good &= is_split(&r, i);
	/* The computation is the far end's. */
	good &= guess(&r, 2, "remote_ns") > 0.95e3 * facts_one(r.truth, "us", "server=eval");
	run_end(&r);
	return good;
}

static void far_server(void **state)
{
	(void)state;
	need_live();
	truth_holds(far_is_estimated, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(slow_link),
					    cmocka_unit_test(far_server) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
