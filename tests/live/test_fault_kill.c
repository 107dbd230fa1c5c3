/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer is killed, and started again, while requests are served: the kernel holds nothing of it afterwards, the
 * server serves on, and the next tracer counts exactly. FAULT_KILLS and FAULT_STARTS say how often.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/fault.h"
#include "tests/live/kernel_objects.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"

#define TIMES 10

/* What is in bpffs, wherever one is mounted. */
static char *pins(void)
{
	return shell(NULL, "grep -oP '^\\S+ \\K\\S+(?= bpf )' /proc/mounts | sort -u | "
			   "while read -r m; do find \"$m\"; done");
}

static void nothing_left(const char *objects, const char *pinned)
{
	char *left = bpf_objects_left(objects), *now = pins();

	if (*left)
		fail_msg("still in the kernel:\n%s", left);
	assert_string_equal(now, pinned);
	free(left);
	free(now);
}

/* All of the loop's states: the naps between start and end differ. */
static void ended_under_load(int times, int sig)
{
	char *objects, *pinned, *told;
	struct agent agent;
	long served;
	pid_t load;

	need_live();
	objects = bpf_objects();
	pinned = pins();
	load = fault_load_start();
	for (int i = 0; i < times; i++) {
		served = fault_served();
		agent_serve(&agent, tenant_config, "");
		nap_ms(i * 37 % 400);
		assert_int_equal(child_stop(agent.pid, sig, 30),
				 sig == SIGKILL ? 128 + SIGKILL : 0);
		told = file_read(agent.err);
		if (sig != SIGKILL)
			assert_non_null(strstr(told, "sock: seen"));
		assert_null(strstr(told, "!="));
		free(told);
		nothing_left(objects, pinned);
		assert_true(fault_served() > served);
	}
	fault_load_end(load);
	fault_all_well(tenant_config);
	free(objects);
	free(pinned);
}

static void killed(void **state)
{
	(void)state;
	ended_under_load(fault_times("FAULT_KILLS", TIMES), SIGKILL);
}

static void started_again(void **state)
{
	(void)state;
	ended_under_load(fault_times("FAULT_STARTS", TIMES), SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
		cmocka_unit_test(started_again),
	};

	return cmocka_run_group_tests(tests, fault_begin, fault_end);
}
