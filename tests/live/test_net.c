/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections between two network namespaces, as the tracer counts them by container and peer, against
 * what the client did by its own count and what the kernel counts for the namespaces. What is counted is
 * equal to the last one; round trips are within a tenth of what ss says.
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
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

/* One run of net.sh: what it said, and what the tracer did. */
struct lab {
	const char *tenant;
	const char *address; /* the server's */
	char *client;
	char *server;
	json_t *truth;
	json_t *facts;
};

static struct lab lab_new(void)
{
	struct lab l = { .tenant = tenant_own(), .address = "10.214.1.2" };

	need_live();
	l.client = tenant_cgroup(l.tenant);
	l.server = plain_cgroup("shared.netserver");
	return l;
}

static void lab_trace(struct lab *l, const char *mode, const char *more, const char *config)
{
	struct agent agent;
	char *said;

	agent_record(&agent, config, "");
	said = shell(NULL, "exec tests/live/net.sh %s %s %s %s", mode, l->client, l->server, more);
	l->facts = agent_finish(&agent);
	l->truth = facts_parse(said);
	free(said);
}

static void lab_run(struct lab *l, const char *mode, const char *more)
{
	lab_trace(l, mode, more, tenant_config);
}

static void lab_free(struct lab *l)
{
	json_decref(l->facts);
	json_decref(l->truth);
	free(l->client);
	free(l->server);
}

/* Of the object that has both; -1: none. */
static double told(const struct lab *l, const char *object, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(l->truth, i, o) {
		const char *end = json_string_value(json_object_get(o, "end"));

		if (strcmp(end ? end : "did", object) == 0 && json_object_get(o, name))
			return json_number_value(json_object_get(o, name));
	}
	print_message("net.sh says nothing of %s's %s\n", object, name);
	return -1;
}

static json_int_t client(const struct lab *l, const char *field)
{
	return facts_sum(l->facts, field, "kind=network role=client tenant=%s", l->tenant);
}

/* What the tracer calls the server's container. */
static const char *server_label(const struct lab *l)
{
	return l->server + strlen(cgroup_root());
}

/* At the server's end, of connections from that tenant. */
static json_int_t server(const struct lab *l, const char *field)
{
	return facts_sum(l->facts, field, "kind=network role=server container=%s peer_tenant=%s",
			 server_label(l), l->tenant);
}

static void equal(json_int_t counted, double truth, const char *what)
{
	if (counted != (json_int_t)truth)
		print_message("%s: %lld, but it was %.0f\n", what, (long long)counted, truth);
	assert_int_equal(counted, (json_int_t)truth);
}

static void nothing_is_lost(const struct lab *l)
{
	assert_int_equal(facts_sum(l->facts, "lost", "kind=events probe=net"), 0);
	assert_int_equal(facts_sum(l->facts, "seen", "kind=events probe=net"),
			 facts_sum(l->facts, "coarse", "kind=events probe=net"));
}

/* What the client calls it. */
static json_int_t service(const struct lab *l, const char *field, int port)
{
	return facts_sum(l->facts, field, "kind=service tenant=%s service=%s:%d", l->tenant,
			 l->address, port);
}

static void connections_equal(const struct lab *l)
{
	equal(service(l, "opened", 9000), told(l, "did", "opened"), "opened, by address");
	equal(service(l, "failed", 9001), told(l, "did", "refused"), "refused, by address");
	equal(client(l, "opened"), told(l, "did", "opened"), "opened");
	equal(server(l, "opened"), told(l, "did", "opened"), "accepted");
	equal(server(l, "opened"), told(l, "s", "PassiveOpens"), "PassiveOpens");
	equal(client(l, "connects"), told(l, "did", "opened"), "connects");
	equal(client(l, "open"), 0, "open");
	equal(server(l, "open"), 0, "open at the server");
	equal(client(l, "bytes_sent"), told(l, "did", "sent"), "sent");
	equal(client(l, "bytes_received"), told(l, "did", "received"), "received");
	equal(server(l, "bytes_sent"), told(l, "did", "received"), "sent by the server");
	equal(client(l, "closed_local"), told(l, "did", "ordered"), "closed");
	equal(client(l, "closed_reset_sent"), told(l, "did", "reset_sent"), "resets sent");
	equal(client(l, "closed_reset_received"), told(l, "did", "reset_received"),
	      "resets received");
	equal(server(l, "closed_reset_received"), told(l, "did", "reset_sent"),
	      "resets received by the server");
	equal(server(l, "closed_reset_sent"), told(l, "did", "reset_received"),
	      "resets sent by the server");
}

static void failures_equal(const struct lab *l)
{
	equal(client(l, "failed_refused"), told(l, "did", "refused"), "refused");
	equal(client(l, "failed_timed_out"), told(l, "did", "timed_out"), "timed out");
	equal(client(l, "failed_unreachable"), told(l, "did", "unreachable"), "unreachable");
	equal(client(l, "failed_abandoned"), told(l, "did", "abandoned"), "abandoned");
	equal(client(l, "failed_reset") + client(l, "failed_no_port") + client(l, "failed_other"),
	      0, "failed in other ways");
	/* All of these were to addresses of which no container is known. */
	assert_int_equal(facts_sum(l->facts, "failed_refused",
				   "kind=network role=client tenant=%s peer=private", l->tenant),
			 client(l, "failed_refused"));
}

static void kernel_agrees(const struct lab *l)
{
	json_int_t failed = client(l, "failed_refused") + client(l, "failed_timed_out") +
			    client(l, "failed_unreachable");

	/* The kernel does not call it a failure if the application went away. */
	equal(failed, told(l, "c", "AttemptFails"), "AttemptFails");
	equal(client(l, "opened") + failed + client(l, "failed_abandoned"),
	      told(l, "c", "ActiveOpens"), "ActiveOpens");
	equal(client(l, "closed_reset_sent") + client(l, "closed_reset_received"),
	      told(l, "c", "EstabResets"), "EstabResets");
	equal(server(l, "closed_reset_sent") + server(l, "closed_reset_received"),
	      told(l, "s", "EstabResets"), "EstabResets of the server");
	equal(client(l, "resets_sent"), told(l, "c", "OutRsts"), "OutRsts");
	/* The others were for ports that nobody has. */
	equal(server(l, "resets_sent") + client(l, "failed_refused"), told(l, "s", "OutRsts"),
	      "OutRsts of the server");
	equal(client(l, "resent_handshake") + client(l, "resent_fast") +
		      client(l, "resent_timeout") + client(l, "resent_probe"),
	      told(l, "c", "RetransSegs"), "RetransSegs");
}

/* Within what the client's own clock says around its calls; most were open for 20 ms, the other three shortly. */
static void times_fit(const struct lab *l)
{
	json_int_t open_ns = client(l, "lifetime_sum_ns"), connect_ns = client(l, "connect_sum_ns");

	print_message("open for %.1f ms, by the client %.1f ms; connecting %.2f ms of %.2f ms\n",
		      open_ns / 1e6, told(l, "did", "open_ns") / 1e6, connect_ns / 1e6,
		      told(l, "did", "connect_ns") / 1e6);
	assert_true(open_ns >= 0.98 * told(l, "did", "open_ns"));
	assert_true(open_ns <= 1.1 * told(l, "did", "open_ns"));
	assert_in_range(connect_ns, 1, told(l, "did", "connect_ns") * 1.5);
}

static void connections_by(const char *mode, const char *address)
{
	struct lab l = lab_new();

	l.address = address;
	lab_run(&l, mode, "");
	connections_equal(&l);
	failures_equal(&l);
	kernel_agrees(&l);
	times_fit(&l);
	nothing_is_lost(&l);
	lab_free(&l);
}

static void connections(void **state)
{
	(void)state;
	connections_by("connections", "10.214.1.2");
}

static void connections_by_ipv6(void **state)
{
	(void)state;
	connections_by("connections6", "[fd00:214::2]");
}

static json_int_t resent(const struct lab *l, const char *tenant)
{
	static const char *const causes[] = { "resent_handshake", "resent_fast", "resent_timeout",
					      "resent_probe" };
	json_int_t sum = 0;

	for (int i = 0; i < 4; i++)
		sum += facts_sum(l->facts, causes[i], "kind=network role=client tenant=%s", tenant);
	return sum;
}

/* 2 % of one client's segments are lost on the way. */
static void loss_has_a_name(void **state)
{
	struct lab l = lab_new();
	char quiet[64], *cgroup;

	(void)state;
	snprintf(quiet, sizeof(quiet), "%squiet", l.tenant);
	cgroup = tenant_cgroup(quiet);
	lab_run(&l, "loss", cgroup);
	print_message("sent again: %lld, of these %lld because of later acknowledgements\n",
		      (long long)resent(&l, l.tenant), (long long)client(&l, "resent_fast"));
	assert_true(resent(&l, l.tenant) > 0);
	equal(resent(&l, l.tenant), told(&l, "c", "RetransSegs"), "RetransSegs");
	equal(resent(&l, quiet), 0, "sent again by the quiet one");
	assert_int_equal(facts_sum(l.facts, "opened", "kind=network role=client tenant=%s", quiet),
			 1);
	/* What was sent again is no payload. */
	equal(client(&l, "bytes_sent"), told(&l, "did", "sent"), "sent");
	equal(server(&l, "bytes_received"), told(&l, "did", "sent"), "received by the server");
	nothing_is_lost(&l);
	lab_free(&l);
	free(cgroup);
}

static bool rtt_near(void *arg)
{
	struct lab l = lab_new();
	double mean, truth;

	(void)arg;
	lab_run(&l, "rtt", "");
	assert_true(client(&l, "rtt_samples") > 0);
	mean = (double)client(&l, "rtt_sum_ns") / client(&l, "rtt_samples") / 1000;
	truth = told(&l, "did", "rtt_us");
	truth_figure("round trip over veth", "within 10 % of ss", "%.1f us, ss: %.1f us", mean,
		     truth);
	assert_true(client(&l, "rtt_min_sum_ns") <= client(&l, "rtt_sum_ns"));
	lab_free(&l);
	return fabs(mean - truth) <= 0.1 * truth;
}

static void round_trip(void **state)
{
	(void)state;
	need_live();
	truth_holds(rtt_near, NULL);
}

/* In the server's namespace, which nobody else uses; with a socket, of the client's. */
static json_int_t dropped(const struct lab *l, const char *reason)
{
	return facts_sum(l->facts, "packets", "kind=drops container=%s reason=%s", server_label(l),
			 reason);
}

static json_int_t zero_windows(const struct lab *l, const char *direction, const char *of)
{
	return facts_sum(l->facts, "samples", "kind=zero_windows direction=%s %s", direction, of);
}

static void drops_have_reasons(void **state)
{
	struct lab l = lab_new();
	char client_is[64], server_is[128];

	(void)state;
	snprintf(client_is, sizeof(client_is), "tenant=%s", l.tenant);
	snprintf(server_is, sizeof(server_is), "container=%s peer_tenant=%s", server_label(&l),
		 l.tenant);
	lab_run(&l, "drops", "");
	assert_true(dropped(&l, "socket_rcvbuff") > 0);
	equal(dropped(&l, "socket_rcvbuff"), told(&l, "s", "UdpRcvbufErrors"), "RcvbufErrors");
	equal(dropped(&l, "netfilter_drop"), told(&l, "did", "silenced"), "dropped by a rule");
	equal(dropped(&l, "tcp_csum"), told(&l, "s", "InCsumErrors"), "InCsumErrors");
	equal(dropped(&l, "tcp_csum"), told(&l, "did", "spoiled"), "spoiled");
	equal(dropped(&l, "no_socket"), told(&l, "s", "UdpNoPorts"), "NoPorts");
	/* The connection is silent for most of 4 s, and is read once a second. */
	assert_in_range(zero_windows(&l, "received", client_is), 2, 5);
	assert_in_range(zero_windows(&l, "sent", server_is), 2, 5);
	assert_int_equal(zero_windows(&l, "sent", client_is), 0);
	assert_true(told(&l, "s", "TCPToZeroWindowAdv") > 0);
	nothing_is_lost(&l);
	lab_free(&l);
}

static json_int_t dns(const struct lab *l, const char *field)
{
	return facts_sum(l->facts, field, "kind=dns tenant=%s", l->tenant);
}

/* By the name's pattern. */
static json_int_t name(const struct lab *l, const char *field, const char *pattern)
{
	return facts_sum(l->facts, field, "kind=dns_name tenant=%s name=%s", l->tenant, pattern);
}

static bool is_near(const char *what, double ns, double truth_ns)
{
	truth_figure(what, "within 10 % of the client", "%.2f ms, client: %.2f ms", ns / 1e6,
		     truth_ns / 1e6);
	return fabs(ns - truth_ns) <= 0.1 * truth_ns;
}

/* The C library asks two more queries that there is no such name for; it, and the odd ones, have their own timing. */
static void names_are_counted(void **state)
{
	struct lab l = lab_new();
	double odd, sum_ns;

	(void)state;
	lab_run(&l, "dns", "");
	odd = told(&l, "did", "odd");
	equal(dns(&l, "queries"), told(&l, "did", "queries") + odd + 2, "queries");
	equal(dns(&l, "timeouts"), told(&l, "did", "lost"), "lost");
	equal(dns(&l, "answers_nxdomain"), told(&l, "did", "none") + 2, "no such name");
	equal(dns(&l, "answers_servfail"), told(&l, "did", "fail"), "failed");
	equal(dns(&l, "answers_noerror"), told(&l, "did", "good") + told(&l, "did", "slow") + odd,
	      "good");
	equal(dns(&l, "retried"), 0, "retried");
	sum_ns = told(&l, "did", "answer_ns") + (odd + 2) * 11e6;
	assert_true(is_near("DNS: all answers", dns(&l, "sum_ns"), sum_ns));
	/* The server's end asks nobody; and nobody wants to know names. */
	assert_int_equal(facts_sum(l.facts, "queries", "kind=dns container=%s", server_label(&l)),
			 0);
	assert_int_equal(facts_sum(l.facts, "answers", "kind=dns_name"), 0);
	nothing_is_lost(&l);
	lab_free(&l);
}

/* Of queries whose name came with their beginning. */
static double whole(const struct lab *l, const char *what)
{
	char cut[16];

	snprintf(cut, sizeof(cut), "%s_cut", what);
	return told(l, "did", what) - told(l, "did", cut);
}

static void names_have_patterns(void **state)
{
	struct lab l = lab_new();
	double slow;
	char *config;

	(void)state;
	assert_true(asprintf(&config, "dns_names: true\n%s", tenant_config) > 0);
	lab_trace(&l, "dns", "", config);
	equal(name(&l, "answers", "good-*.test"), whole(&l, "good"), "good");
	equal(name(&l, "failed", "good-*.test"), 0, "good that failed");
	equal(name(&l, "answers", "fail-*.test"), whole(&l, "fail"), "fail");
	equal(name(&l, "failed", "fail-*.test"), whole(&l, "fail"), "failed");
	equal(name(&l, "failed", "none-*.test"), whole(&l, "none"), "no such name");
	equal(name(&l, "failed", "none.test"), 2, "the library's");
	equal(name(&l, "timeouts", "lost-*.test"), told(&l, "did", "lost"), "lost");
	equal(name(&l, "answers", "lost-*.test"), 0, "lost with an answer");
	equal(name(&l, "answers", "slow-*.test"), whole(&l, "slow"), "slow");
	equal(name(&l, "answers", "malformed"), 2, "malformed");
	equal(name(&l, "answers", "*.example"), 1, "unprintable");
	equal(name(&l, "answers", "unread"), told(&l, "did", "cut"), "cut before the name");
	slow = name(&l, "sum_ns", "slow-*.test") / whole(&l, "slow");
	assert_true(is_near("DNS: answers to slow names", slow,
			    told(&l, "did", "slow_ns") / told(&l, "did", "slow")));
	equal(facts_sum(l.facts, "answers", "kind=dns_name tenant=%s", l.tenant),
	      dns(&l, "answers"), "all answers");
	nothing_is_lost(&l);
	lab_free(&l);
	free(config);
}

static json_int_t listening(const struct lab *l, const char *field)
{
	return facts_one(l->facts, field, "kind=listener container=%s", server_label(l));
}

/* A server that accepts nothing. */
static void queue_is_full(void **state)
{
	struct lab l = lab_new();
	char *out = file_name("queue"), *said;
	struct agent agent;
	pid_t lab;

	(void)state;
	agent_record(&agent, tenant_config, "");
	lab = shell_start(NULL, "exec tests/live/net.sh queue %s %s >%s", l.client, l.server, out);
	shell_says(lab, out, "full");
	l.facts = agent_finish(&agent);
	assert_int_equal(child_stop(lab, SIGTERM, 60), 143);
	said = file_read(out);
	*strstr(said, "full") = '\0';
	l.truth = facts_parse(said);
	equal(listening(&l, "backlog"), told(&l, "did", "backlog"), "backlog");
	equal(listening(&l, "limit"), told(&l, "did", "limit"), "limit");
	equal(listening(&l, "drops"), told(&l, "s", "ListenOverflows"), "ListenOverflows");
	equal(listening(&l, "drops"), told(&l, "did", "dropped"), "dropped");
	equal(client(&l, "open"), told(&l, "did", "kept"), "open");
	/* That nobody accepts shows, and for how long. */
	equal(listening(&l, "waiting"), told(&l, "did", "backlog"), "waiting");
	assert_in_range(listening(&l, "oldest_ns"), told(&l, "did", "oldest_s") * 1e9,
			told(&l, "did", "oldest_s") * 1e9 + 3e9);
	lab_free(&l);
	free(said);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections),	     cmocka_unit_test(connections_by_ipv6),
		cmocka_unit_test(loss_has_a_name),   cmocka_unit_test(round_trip),
		cmocka_unit_test(queue_is_full),     cmocka_unit_test(drops_have_reasons),
		cmocka_unit_test(names_are_counted), cmocka_unit_test(names_have_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
