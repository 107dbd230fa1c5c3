/* SPDX-License-Identifier: Apache-2.0 */
/* What an interrupt takes is measured, or it is said that it cannot be; the process keeps the CPUs that it may use. */
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "user/lib/interrupt.h"

static void first_cpu_only(cpu_set_t *may)
{
	cpu_set_t one;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(*may), may), 0);
	while (!CPU_ISSET(cpu, may))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void one_cpu_cannot_tell(void **state)
{
	cpu_set_t may;

	(void)state;
	first_cpu_only(&may);
	assert_int_equal(interrupt_ns(), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(may), &may), 0);
}

/* Between what the fastest CPU can and what no hypervisor takes, unless both CPUs are too busy to tell. */
static void two_cpus_can(void **state)
{
	cpu_set_t before, after;
	uint32_t ns = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (CPU_COUNT(&before) < 2)
		skip();
	for (int i = 0; i < 20 && !ns; i++)
		ns = interrupt_ns();
	assert_in_range(ns, 100, 200000);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_cpu_cannot_tell),
		cmocka_unit_test(two_cpus_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
