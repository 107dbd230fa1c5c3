/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of the network stack. That of softirqs is run for each, and ends after a few loads unless it took the
 * CPU from somebody; user/session_stack.c attaches the others of softirqs while there are many. Those of egress
 * are run for packets that are queued. All of the tracepoints are older than the kernels that we run on.
 */
#include "probes/probe.h"

static const struct hook_variant softirq[] = {
	{ "stack_enter", HOOK_TP_BTF, .target = "softirq_entry" },
	{ 0 },
};

static const struct hook_variant softirq_time[] = {
	{ "stack_exit", HOOK_TP_BTF, .target = "softirq_exit", .with = { "stack_packet" },
	  .on_demand = true },
	{ 0 },
};

static const struct hook_variant egress[] = {
	{ "egress_leave", HOOK_TP_BTF, .target = "qdisc_dequeue", .with = { "egress_enter" } },
	{ 0 },
};

const struct hook stack_hooks[] = {
	{ "softirq", false, softirq,
	  "nobody is charged for CPU time that packets took from others" },
	{ "softirq_time", false, softirq_time,
	  "softirqs are counted, but nobody is charged for their time" },
	{ "egress", false, egress, "how long packets waited to be sent is not known" },
	{ 0 },
};
