/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who had the CPU while others waited for it: loops pinned to one CPU in cgroups of their own. The truths
 * are what the kernel itself keeps: a process' run_delay and CPU time in /proc/PID/schedstat over the
 * same time. The records are read from the session, since that is what is tested.
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
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/loops.h"
#include "tests/live/truth.h"

#define TRIALS 100

static bool within(double value, double truth, double part)
{
	return value >= truth * (1 - part) && value <= truth * (1 + part);
}

static bool total_is_right(const struct tally *l, const struct loop *p)
{
	return within(charged(l, p->id, WAIT_CAUSE_MAX, 0), p->run_delay_ns, 0.03);
}

/* The machine is shared: what others took is not the aggressor's, and the ledger must say so, too. */
static bool one_aggressor(void *arg)
{
	struct loop loops[2];
	struct tally l;
	bool right = true;

	(void)arg;
	tally_start(&l);
	loop_start(&loops[0], "victim", 0);
	loop_start(&loops[1], "aggressor", 0);
	measure(&l, loops, 2, 4000, NULL);
	for (int i = 0; i < 2; i++) {
		double neighbour = charged(&l, loops[i].id, WAIT_NEIGHBOUR, 0);
		double other = charged(&l, loops[i].id, WAIT_NEIGHBOUR, loops[1 - i].id);

		/* It waited all the time that the other ran, and no longer. */
		right &= total_is_right(&l, &loops[i]) && other >= 0.95 * neighbour &&
			 other >= 0.97 * loops[1 - i].on_cpu_ns;
		if (i)
			continue;
		truth_figure(
			"CPU: wait charged, against the kernel's run_delay", "within 3 %",
			"%+.2f %% of %.0f ms",
			100 * (charged(&l, loops[i].id, WAIT_CAUSE_MAX, 0) / loops[i].run_delay_ns -
			       1),
			loops[i].run_delay_ns / 1e6);
		truth_figure("CPU: of the neighbours' part, the aggressor's", "at least 95 %",
			     "%.2f %%", 100 * other / neighbour);
	}
	tally_end(&l, loops, 2);
	return right;
}

static void victim_and_aggressor(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds(one_aggressor, NULL);
}

/* Three steps of nice are some 1.95 times the weight: 1 to 2 to 4. */
static bool shares_of_three(void *arg)
{
	static const int nice[] = { 3, 6, 3, 0 };
	double on_cpu_ns = 0, neighbour = 0, worst = 0;
	struct loop loops[4];
	struct tally l;
	bool right;

	(void)arg;
	tally_start(&l);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "loop%d", i);
		loop_start(&loops[i], name, nice[i]);
	}
	measure(&l, loops, 4, 5000, NULL);
	right = total_is_right(&l, &loops[0]);
	for (int i = 1; i < 4; i++) {
		on_cpu_ns += loops[i].on_cpu_ns;
		neighbour += charged(&l, loops[0].id, WAIT_NEIGHBOUR, loops[i].id);
	}
	for (int i = 1; i < 4; i++) {
		double truth = loops[i].on_cpu_ns / on_cpu_ns;
		double share = charged(&l, loops[0].id, WAIT_NEIGHBOUR, loops[i].id) / neighbour;

		worst = fmax(worst, fabs(share - truth));
	}
	truth_figure("CPU: shares of three aggressors at weights 1:2:4", "within 5 points",
		     "%.2f points at most", 100 * worst);
	tally_end(&l, loops, 4);
	return right && worst <= 0.05;
}

static void three_aggressors(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds(shares_of_three, NULL);
}

/* Two threads of one container are no neighbours; what strangers on this machine took is set aside. */
static bool self_alone(void *arg)
{
	double self, total, neighbour, delay;
	struct loop loops[2];
	struct tally l;

	(void)arg;
	tally_start(&l);
	for (int i = 0; i < 2; i++)
		loop_start(&loops[i], "alone", 0);
	measure(&l, loops, 2, 3000, NULL);
	self = charged(&l, loops[0].id, WAIT_SELF, 0);
	total = charged(&l, loops[0].id, WAIT_CAUSE_MAX, 0);
	neighbour = charged(&l, loops[0].id, WAIT_NEIGHBOUR, 0);
	delay = loops[0].run_delay_ns + loops[1].run_delay_ns;
	truth_figure("CPU: charged to neighbours with nobody else running", "at most 1 %",
		     "%.3f %% of %.0f ms", 100 * neighbour / total, total / 1e6);
	assert_true(charged(&l, loops[0].id, WAIT_NEIGHBOUR, loops[0].id) == 0);
	tally_end(&l, loops, 2);
	return within(total, delay, 0.03) && neighbour <= 0.01 * total &&
	       self >= 0.97 * (loops[0].on_cpu_ns + loops[1].on_cpu_ns);
}

static void only_itself(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds(self_alone, NULL);
}

/*
 * A period's throttling counts when it is over. What it waited for besides was real: a neighbour goes on
 * until the next tick after the quota is back.
 */
static bool quota_is_told(void *arg)
{
	double quota, neighbour, truth, besides;
	struct loop loop;
	struct tally l;
	bool right;

	(void)arg;
	tally_start(&l);
	loop_start(&loop, "limited", 0);
	free(shell(NULL, "echo %d >%s/cgroup.procs", loop.pid, cpu_group(LOOP_QUOTA_US)));
	truth = measure(&l, &loop, 1, 4000, cpu_group(LOOP_QUOTA_US));
	quota = charged(&l, loop.id, WAIT_QUOTA, 0);
	besides = loop.run_delay_ns - truth;
	neighbour = charged(&l, loop.id, WAIT_NEIGHBOUR, 0);
	truth_figure("quota (version 1): of the delay charged to it", "at least 95 %", "%.2f %%",
		     100 * quota / loop.run_delay_ns);
	truth_figure("quota (version 1): of the delay charged to neighbours", "at most 1 %",
		     "%.2f %%", 100 * neighbour / loop.run_delay_ns);
	assert_true(loop.run_delay_ns > 1e9);
	assert_true(quota >= 0.95 * truth);
	assert_true(neighbour <= 0.05 * truth + (besides > 0 ? besides : 0));
	right = total_is_right(&l, &loop) && quota >= 0.95 * loop.run_delay_ns;
	/* Only where nobody else is on the CPU when the quota is back. */
	if (thorough())
		right &= neighbour <= 0.01 * loop.run_delay_ns;
	tally_end(&l, &loop, 1);
	return right;
}

static void own_quota(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds(quota_is_told, NULL);
}

/* A while in which the loop got its turn a few times: what it waited for is charged only then. */
static void turns_wait(struct loop *p)
{
	double last, now, on_cpu_ns;

	schedstat(p->pid, &on_cpu_ns, &last);
	for (int i = 0, turns = 0; i < 200 && (i < 4 || turns < 3); i++, last = now) {
		nap_ms(10);
		schedstat(p->pid, &on_cpu_ns, &now);
		turns += now != last;
	}
}

/* Whom the victim waited for most, of two loops of which one is stopped. */
static bool trials_right(void *arg)
{
	struct loop loops[3];
	struct tally l;
	int right = 0;

	(void)arg;
	tally_start(&l);
	loop_start(&loops[0], "victim", 0);
	loop_start(&loops[1], "one", 0);
	loop_start(&loops[2], "two", 0);
	nap_ms(300);
	for (int i = 0; i < TRIALS; i++) {
		int guilty = 1 + (i * 7 / 3) % 2;

		kill(loops[3 - guilty].pid, SIGSTOP);
		kill(loops[guilty].pid, SIGCONT);
		nap_ms(20);
		tally_mark(&l);
		turns_wait(&loops[0]);
		tally_read(&l);
		right += charged(&l, loops[0].id, WAIT_NEIGHBOUR, loops[guilty].id) >
			 charged(&l, loops[0].id, WAIT_NEIGHBOUR, loops[3 - guilty].id);
	}
	truth_figure("CPU: the right one of two aggressors named", "at least 95 of 100 trials",
		     "%d of %d", right, TRIALS);
	tally_end(&l, loops, 3);
	return right >= 95;
}

static void right_one_of_two(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds(trials_right, NULL);
}

/*
 * A waiting task that is moved between CPUs by hand: what it waited for on each is told. The mover must not
 * wait for the loops.
 */
static bool moved_is_told(void *arg)
{
	struct loop loops[2];
	struct tally l;
	pid_t mover;
	bool right;

	(void)arg;
	tally_start(&l);
	loop_start(&loops[0], "moved", 0);
	loop_start(&loops[1], "stays", 0);
	nap_ms(300);
	mover = shell_start(
		NULL,
		"chrt -f -p 10 $BASHPID; for i in {1..40}; do taskset -p 1 %d; sleep 0.005; "
		"taskset -p 2 %d; sleep 0.02; done",
		loops[0].pid, loops[0].pid);
	measure(&l, loops, 2, 3000, NULL);
	shell_end(mover);
	right = total_is_right(&l, &loops[0]) && total_is_right(&l, &loops[1]) &&
		charged(&l, loops[0].id, WAIT_UNKNOWN, 0) <= 0.02 * loops[0].run_delay_ns;
	truth_figure("CPU: of a task moved between CPUs, charged to unknown", "at most 2 %",
		     "%.3f %%",
		     100 * charged(&l, loops[0].id, WAIT_UNKNOWN, 0) / loops[0].run_delay_ns);
	tally_end(&l, loops, 2);
	return right;
}

static void moved_while_waiting(void **state)
{
	(void)state;
	need_cpu_group();
	truth_holds(moved_is_told, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(victim_and_aggressor), cmocka_unit_test(three_aggressors),
		cmocka_unit_test(only_itself),		cmocka_unit_test(own_quota),
		cmocka_unit_test(right_one_of_two),	cmocka_unit_test(moved_while_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
