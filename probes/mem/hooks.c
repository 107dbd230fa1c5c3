/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory probe's hooks. Reclaim's tracepoints are older than the kernels we run on; that of OOM
 * victims gives the task since 6.10, before it a thread's number, whose container is asked at its exit.
 */
#include "probes/probe.h"

static const struct hook_variant node[] = {
	{ "mem_node_end", HOOK_TP_BTF, .target = "mm_vmscan_direct_reclaim_end",
	  .with = { "mem_node_begin" } },
	{ 0 },
};

static const struct hook_variant limit[] = {
	{ "mem_limit_end", HOOK_TP_BTF, .target = "mm_vmscan_memcg_reclaim_end",
	  .with = { "mem_limit_begin" } },
	{ 0 },
};

static const struct hook_variant victim[] = {
	{ "mem_victim", HOOK_TP_BTF, .target = "mark_victim" },
	{ "mem_victim_pid", HOOK_TP_BTF, .target = "mark_victim", .with = { "mem_exit" } },
	{ 0 },
};

const struct hook mem_hooks[] = {
	{ "node", false, node, "no stalls because the node is short of memory" },
	{ "limit", false, limit, "no stalls because of a container's own limit" },
	{ "victim", false, victim, "no OOM kills" },
	{ 0 },
};
