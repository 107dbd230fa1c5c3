/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of all probes. A new probe is a folder here, one entry in enum probe_id, and one line below.
 */
#include "probes/probe.h"
#include "probes/sock/sock.h"

static const struct probe sched_probe = { .name = "sched",
					  .id = PROBE_SCHED,
					  .hooks = sched_hooks };
static const struct probe proc_probe = { .name = "proc", .id = PROBE_PROC, .hooks = proc_hooks };
static const struct probe block_probe = { .name = "block",
					  .id = PROBE_BLOCK,
					  .hooks = block_hooks };
static const struct probe mem_probe = { .name = "mem", .id = PROBE_MEM, .hooks = mem_hooks };
static const struct probe net_probe = { .name = "net", .id = PROBE_NET, .hooks = net_hooks };
static const struct probe stack_probe = { .name = "stack",
					  .id = PROBE_STACK,
					  .hooks = stack_hooks };

const struct probe *const probe_table[] = { &sock_probe, &sched_probe, &proc_probe,  &block_probe,
					    &mem_probe,	 &net_probe,   &stack_probe, NULL };
