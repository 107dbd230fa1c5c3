/* SPDX-License-Identifier: Apache-2.0 */
/* The block probe's hooks. Each takes the request alone since Linux 5.11. */
#include "probes/probe.h"

static const struct hook_variant insert[] = {
	{ "block_insert", HOOK_TP_BTF, .target = "block_rq_insert" },
	{ 0 },
};

static const struct hook_variant issue[] = {
	{ "block_issue", HOOK_TP_BTF, .target = "block_rq_issue" },
	{ 0 },
};

static const struct hook_variant complete[] = {
	{ "block_complete", HOOK_TP_BTF, .target = "block_rq_complete" },
	{ 0 },
};

/* Since 6.5. */
static const struct hook_variant flush[] = {
	{ "block_flush", HOOK_TP_BTF, .target = "block_io_start" },
	{ 0 },
};

const struct hook block_hooks[] = {
	{ "issue", false, issue, "block I/O has no container and no wait" },
	{ "complete", false, complete, "no block I/O" },
	{ "insert", false, insert, "requests from I/O schedulers may have no container" },
	{ "flush", false, flush, "flushes have no container and no wait" },
	{ 0 },
};
