/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler probe's hooks. BTF tracepoints since Linux 5.5. They take the scheduler's own note of when
 * a task was queued, so the kernel must have it (CONFIG_SCHED_INFO, as all distributions have).
 */
#include "probes/probe.h"

static const struct hook_variant sched_switch[] = {
	{ "sched_switch", HOOK_TP_BTF, "sched_switch", .needs = "sched_info.last_queued" },
	{ 0 },
};

static const struct hook_variant migrate[] = {
	{ "sched_migrate", HOOK_TP_BTF, "sched_migrate_task", .needs = "sched_info.run_delay" },
	{ 0 },
};

const struct hook sched_hooks[] = {
	{ "switch", false, sched_switch,
	  "no CPU time, no run-queue latency, nobody who had the CPU, no parts of requests" },
	{ "migrate", false, migrate,
	  "nobody is charged for waits on a CPU that the waiting task was moved from" },
	{ 0 },
};
