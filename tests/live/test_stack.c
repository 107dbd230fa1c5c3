/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time in the network stack: CPU time that one container's packets take from another one, against what that one
 * misses by its own clock; what a request misses of its server's CPU that way, against the same computation without;
 * and how long packets wait for a link that is limited, against the receiver's clock.
 */
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
#include "tests/live/loops.h"
#include "tests/live/packets.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

/* The two namespaces, as stack.sh makes them. */
struct lab {
	char name[64];
	pid_t script;
};

static struct lab lab_start(const char *mode)
{
	char *out = file_name("stack");
	struct lab l;

	snprintf(l.name, sizeof(l.name), "tallyman-stack-%d", getpid());
	l.script = shell_start(NULL, "exec tests/live/stack.sh %s %s >%s", l.name, mode, out);
	shell_says(l.script, out, "ready");
	free(out);
	return l;
}

static void lab_end(struct lab *l)
{
	assert_int_equal(child_stop(l->script, SIGTERM, 20), 0);
}

static json_int_t taken(const json_t *facts, const char *resource, const char *victim,
			const char *thief)
{
	return facts_sum(
		facts, "wait_ns",
		"kind=waits resource=%s cause=neighbour waiter_tenant=%s occupant_tenant=%s",
		resource, victim, thief);
}

static json_int_t events(const json_t *facts, const char *field)
{
	return facts_sum(facts, field, "kind=events probe=stack");
}

/*
 * The victim's clock stood still, and no other task had the CPU but the one that handles packets, nor another machine of
 * the hypervisor's.
 */
static double not_by_others_ns(const struct stolen *s)
{
	return (double)s->gap_ns - s->queued_ns + s->ksoftirqd_ns - s->steal_ns;
}

static void stolen_add(struct stolen *sum, struct stolen s)
{
	sum->gap_ns += s.gap_ns;
	sum->queued_ns += s.queued_ns;
	sum->ksoftirqd_ns += s.ksoftirqd_ns;
	sum->steal_ns += s.steal_ns;
}

/*
 * The victim's clock stands still for more than packets: for ticks. What it misses without the flood is told in turn, in
 * the same time; the flood's first turn is its beginning.
 */
static void flood_measure(const char *victim, pid_t flood, struct stolen *quiet,
			  struct stolen *loud)
{
	for (int i = 0; i < 6; i++) {
		stolen_add(loud, stolen_measure(victim, cpu_group(0), 500));
		kill(flood, SIGSTOP);
		nap_ms(10);
		stolen_add(quiet, stolen_measure(victim, cpu_group(0), 500));
		kill(flood, SIGCONT);
	}
}

static bool flood_has_a_name(void *arg)
{
	char *victim = tenant_cgroup("victim"), *noisy = tenant_cgroup("noisy");
	struct lab lab = lab_start("flood");
	struct stolen quiet = { 0 }, loud = { 0 };
	struct agent agent;
	double stolen_ns, softirq_ns, queue_ns, each_us;
	json_t *facts;
	pid_t flood;

	(void)arg;
	agent_record(&agent, tenant_config, "");
	flood = flood_start(noisy, lab.name);
	flood_measure(victim, flood, &quiet, &loud);
	child_stop(flood, SIGKILL, 5);
	facts = agent_finish(&agent);
	lab_end(&lab);
	stolen_ns = not_by_others_ns(&loud) - not_by_others_ns(&quiet);
	softirq_ns = taken(facts, "softirq", "victim", "noisy");
	queue_ns = taken(facts, "cpu", "victim", "noisy");
	each_us = (double)facts_sum(facts, "softirq_ns", "kind=stack tenant=noisy") / 1e3 /
		  facts_sum(facts, "softirqs", "kind=stack tenant=noisy");
	truth_figure("CPU: stolen by a neighbour's packets, charged to it", "at least 80 %",
		     "%.1f %% of %.0f ms (%.0f ms in softirqs, %.1f us each, %.0f ms in ksoftirqd)",
		     100 * (softirq_ns + queue_ns) / stolen_ns, stolen_ns / 1e6, softirq_ns / 1e6,
		     each_us, queue_ns / 1e6);
	assert_true(softirq_ns + queue_ns <= 1.05 * loud.gap_ns);
	/* Nobody sent the noisy one anything. */
	assert_int_equal(taken(facts, "softirq", "noisy", "victim"), 0);
	assert_true(facts_sum(facts, "softirq_ns", "kind=stack tenant=noisy") >= softirq_ns);
	assert_int_equal(facts_sum(facts, "softirq_ns", "kind=stack tenant=victim"), 0);
	assert_int_equal(events(facts, "seen"), events(facts, "coarse") + events(facts, "lost"));
	assert_int_equal(events(facts, "lost"), 0);
	json_decref(facts);
	free(victim);
	free(noisy);
	return stolen_ns > 50e6 && softirq_ns + queue_ns >= 0.8 * stolen_ns;
}

static void packets_that_steal(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds_in(2, flood_has_a_name, NULL);
}

/* Of the requests of that operation: one part, or, NULL, all of them. */
static double part_ns(const json_t *facts, const char *operation, const char *part)
{
	const json_t *line, *value;
	const char *name;
	double sum = 0;
	size_t i;

	json_array_foreach(facts, i, line) {
		const char *of = json_string_value(json_object_get(line, "operation"));
		json_t *parts = json_object_get(line, "parts_ns");

		if (!parts || !of || strcmp(of, operation))
			continue;
		json_object_foreach(parts, name, value)
			if (!part || !strcmp(name, part))
				sum += (double)json_integer_value(value);
	}
	return sum;
}

/*
 * The same computation again and again, in turn without the flood (EVAL) and with it (EVAL_RO). Returns what it took
 * by Redis' own clock, all of them together.
 */
static double compute_us(const struct server *redis, pid_t flood)
{
	static const char script[] = "local x = 0 for i = 1, 1e7 do x = x + i end";
	char *text = shell(
		NULL,
		"ask() { redis-cli -p %d \"$@\"; }\n"
		"ask config resetstat >/dev/null\n"
		"for i in {1..12}; do\n"
		"kill -STOP %d; sleep 0.02; ask eval '%s' 0 >/dev/null\n"
		"kill -CONT %d; sleep 0.02; ask eval_ro '%s' 0 >/dev/null\n"
		"done\n"
		"ask info commandstats | tr ':,' '\n\n' |\n"
		"awk -F= '/^cmdstat/ { eval = /^cmdstat_eval/ } /^usec=/ && eval { sum += $2 }"
		" END { print sum }'",
		redis->port, flood, script, flood, script);
	double us = atof(text);

	free(text);
	return us;
}

/* What is left as `cpu` is what the computation takes without the flood. */
static bool requests_tell(void *arg)
{
	char *noisy = tenant_cgroup("noisy");
	struct lab lab = lab_start("flood");
	double us, quiet_ns, loud_ns, softirq_ns;
	struct agent agent;
	json_t *facts;
	pid_t flood;

	agent_record(&agent, tenant_config, "");
	flood = flood_start(noisy, lab.name);
	nap_ms(500); /* it takes a moment until softirqs are timed */
	us = compute_us(arg, flood);
	child_stop(flood, SIGKILL, 5);
	facts = agent_finish(&agent);
	lab_end(&lab);
	free(noisy);
	quiet_ns = part_ns(facts, "EVAL", "cpu");
	loud_ns = part_ns(facts, "EVAL_RO", "cpu");
	softirq_ns = part_ns(facts, "EVAL_RO", "softirq");
	assert_true(quiet_ns > 0);
	truth_figure("requests' CPU time while packets take the CPU, against without",
		     "within 10 %", "%+.1f %% of %.0f ms; if softirqs were not told apart %+.1f %%",
		     100 * (loud_ns / quiet_ns - 1), quiet_ns / 1e6,
		     100 * ((loud_ns + softirq_ns) / quiet_ns - 1));
	/* What Redis calls its own is all but reading and writing. */
	us = (part_ns(facts, "EVAL", NULL) + part_ns(facts, "EVAL_RO", NULL)) / 1e3 / us;
	print_message("all parts: %.3f of Redis' time\n", us);
	assert_true(us > 0.98 && us < 1.05);
	assert_true(part_ns(facts, "EVAL", "softirq") < 0.1 * softirq_ns);
	json_decref(facts);
	return fabs(loud_ns / quiet_ns - 1) <= 0.1 && softirq_ns >= 0.1 * quiet_ns;
}

static void packets_that_delay_requests(void **state)
{
	struct server redis;

	(void)state;
	need_cpu_group();
	redis_start(&redis);
	free(shell(NULL, "taskset -a -p 1 %d && echo %d >%s/cgroup.procs", redis.pid, redis.pid,
		   cpu_group(0)));
	truth_holds(requests_tell, &redis);
	server_stop(&redis);
}

/* 200 datagrams of 1,042 bytes on the wire leave within 0.2 s; the receiver's clock has the same wait. */
static bool wait_is_told(void *arg)
{
	char *cgroup = tenant_cgroup("sender");
	struct lab lab = lab_start("limited");
	struct agent agent;
	json_int_t queued, lost;
	struct burst b;
	json_t *facts;
	double ns;

	(void)arg;
	agent_record(&agent, tenant_config, "");
	b = burst_run(cgroup, lab.name, 200);
	facts = agent_finish(&agent);
	lab_end(&lab);
	ns = facts_sum(facts, "egress_sum_ns", "kind=stack tenant=sender");
	truth_figure("egress: wait for a limited link, against the receiver's clock", "within 3 %",
		     "%+.2f %% of %.0f ms each", 100 * (ns / b.late_ns - 1),
		     b.late_ns / 1e6 / b.received);
	assert_int_equal(b.received, 200);
	assert_true(b.late_ns / b.received > 50e6);
	lost = events(facts, "lost");
	queued = facts_sum(facts, "queued_packets", "kind=stack tenant=sender");
	json_decref(facts);
	free(cgroup);
	/* An interrupt of the hook itself by what runs it, too: the kernel leaves that run out, which is counted. */
	if (lost)
		return false;
	assert_int_equal(queued, 200);
	return fabs(ns / b.late_ns - 1) <= 0.03;
}

static void limited_link(void **state)
{
	(void)state;
	need_live();
	truth_holds(wait_is_told, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_that_steal),
		cmocka_unit_test(packets_that_delay_requests),
		cmocka_unit_test(limited_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
