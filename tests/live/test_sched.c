/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scheduling is measured right: two loops that want the same CPU, in two containers; the truth is what
 * the scheduler itself keeps for each process in /proc/PID/schedstat. And containers that live for less
 * than 100 ms keep their names.
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
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define SHORT_LIVED 30

static const char *const tenants[2] = { "acme", "globex" };

struct schedstat {
	double on_cpu_ns;
	double run_delay_ns;
};

static struct schedstat schedstat_read(pid_t pid)
{
	struct schedstat s;
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	text = file_read(path);
	if (sscanf(text, "%lf %lf", &s.on_cpu_ns, &s.run_delay_ns) != 2)
		fail_msg("cannot read %s", path);
	free(text);
	return s;
}

static pid_t loop_start(const char *tenant)
{
	const char *argv[] = { "bash", "-c", "while :; do :; done", NULL };
	char *cgroup = tenant_cgroup(tenant);
	pid_t pid = child_start(&(struct child_spec){
		.argv = argv, .cgroup = cgroup, .cpu = 1, .stop_signal = SIGKILL });

	free(cgroup);
	return pid;
}

static bool within(const char *what, double traced, double truth, double factor)
{
	print_message("%s: traced %.1f ms, schedstat %.1f ms, %+.2f %%\n", what, traced / 1e6,
		      truth / 1e6, 100 * (traced / truth - 1));
	return traced <= truth * factor && traced >= truth / factor;
}

static bool loops_agree(void *arg)
{
	struct schedstat truth[2];
	struct agent agent;
	bool right = true;
	json_t *facts;
	pid_t pids[2];

	(void)arg;
	agent_record(&agent, tenant_config, "");
	for (int i = 0; i < 2; i++)
		pids[i] = loop_start(tenants[i]);
	nap_ms(3000);
	for (int i = 0; i < 2; i++)
		kill(pids[i], SIGSTOP);
	nap_ms(100);
	for (int i = 0; i < 2; i++)
		truth[i] = schedstat_read(pids[i]);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		assert_true(truth[i].run_delay_ns > 5e8);
		right &= within("run queue",
				facts_one(facts, "run_queue_sum_ns", "kind=container tenant=%s",
					  tenants[i]),
				truth[i].run_delay_ns, 1.03);
		/* The kernel's figure leaves out interrupts and what the hypervisor stole. */
		right &= within("on CPU",
				facts_one(facts, "cpu_ns", "kind=container tenant=%s", tenants[i]),
				truth[i].on_cpu_ns, 1.10);
		child_stop(pids[i], SIGKILL, 5);
	}
	json_decref(facts);
	return right;
}

static void two_loops_on_one_cpu(void **state)
{
	(void)state;
	need_live();
	truth_holds(loops_agree, NULL);
}

/*
 * Each cgroup is made, has a process that does a little, and is removed within some 20 ms. The sleep is
 * a switch: a task that moved while it ran counts in its new cgroup from its next switch on.
 */
static void short_lived_keep_their_names(void **state)
{
	struct agent agent;
	json_t *facts;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "");
	for (int i = 0; i < SHORT_LIVED; i++) {
		char name[32], *cgroup;
		double start = now_seconds();

		snprintf(name, sizeof(name), "short%02d", i);
		cgroup = tenant_cgroup(name);
		free(shell(cgroup, "for ((i = 0; i < 500; i++)); do :; done; sleep 0.005"));
		assert_int_equal(rmdir(cgroup), 0);
		if (now_seconds() - start > 0.1)
			print_message("%s lived for %.0f ms\n", name,
				      (now_seconds() - start) * 1000);
		free(cgroup);
	}
	facts = agent_finish(&agent);
	for (int i = 0; i < SHORT_LIVED; i++) {
		assert_true(facts_one(facts, "cpu_ns", "kind=container tenant=short%02d", i) > 0);
		assert_true(facts_one(facts, "switches", "kind=container tenant=short%02d", i) > 0);
	}
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_loops_on_one_cpu),
		cmocka_unit_test(short_lived_keep_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
