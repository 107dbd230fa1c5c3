/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: two of the CPUs that this process may use. Out: how long a loop on one of them stands still when the other one
 * interrupts it. membarrier() interrupts the CPUs on which the process runs, has them do nothing, and
 * returns when they have.
 */
#define _GNU_SOURCE
#include "user/lib/interrupt.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/lib/clock.h"

#define SAMPLES 32
#define BURSTS 8
#define BURST_PAUSE_US 1000
#define PATIENCE_NS (50 * NS_PER_MS)

struct loop {
	int cpu;
	atomic_bool stop;
	atomic_uint turns;
	_Atomic uint64_t longest_ns; /* that it stood still, since the other one set this to 0 */
};

static bool pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static void *loop_run(void *arg)
{
	struct loop *l = arg;
	uint64_t last, now;

	if (!pin(l->cpu))
		return NULL;
	last = clock_mono_ns();
	while (!l->stop) {
		now = clock_mono_ns();
		if (now - last > l->longest_ns)
			l->longest_ns = now - last;
		last = now;
		l->turns++;
	}
	return NULL;
}

/* Two more turns: one may have begun before. False: it does not run, or time is up. */
static bool loop_turned(struct loop *l, uint64_t end_ns)
{
	unsigned int from = l->turns;

	while (l->turns - from < 2)
		if (clock_mono_ns() > end_ns)
			return false;
	return true;
}

static int sample_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* 0: time was up. */
static uint32_t burst_measure(struct loop *l, uint64_t end_ns)
{
	uint32_t sample[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		if (!loop_turned(l, end_ns))
			return 0;
		l->longest_ns = 0;
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) ||
		    !loop_turned(l, end_ns))
			return 0;
		sample[i] = (uint32_t)l->longest_ns;
	}
	qsort(sample, SAMPLES, sizeof(sample[0]), sample_cmp);
	return sample[SAMPLES / 4];
}

/* Whatever else the machine does can only make it longer, for a while. */
static uint32_t loop_measure(struct loop *l)
{
	uint64_t end_ns = clock_mono_ns() + PATIENCE_NS;
	uint32_t least_ns = 0, ns;

	for (int i = 0; i < BURSTS; i++) {
		ns = burst_measure(l, end_ns);
		if (ns && (!least_ns || ns < least_ns))
			least_ns = ns;
		usleep(BURST_PAUSE_US);
	}
	return least_ns;
}

/* The first two; false: there is one only. */
static bool two_cpus(const cpu_set_t *may, int cpus[2])
{
	int n = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, may))
			cpus[n++] = cpu;
	return n == 2;
}

uint32_t interrupt_ns(void)
{
	struct loop l = { 0 };
	uint32_t ns = 0;
	pthread_t thread;
	cpu_set_t may;
	int cpus[2];

	if (sched_getaffinity(0, sizeof(may), &may) || !two_cpus(&may, cpus) ||
	    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		return 0;
	l.cpu = cpus[0];
	if (pthread_create(&thread, NULL, loop_run, &l))
		return 0;
	if (pin(cpus[1]))
		ns = loop_measure(&l);
	l.stop = true;
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(may), &may);
	return ns;
}
