/* SPDX-License-Identifier: Apache-2.0 */
/* The process probe's hooks: rare events, one variant each. */
#include "probes/probe.h"

static const struct hook_variant exec[] = {
	{ "proc_exec", HOOK_TP_BTF, .target = "sched_process_exec" },
	{ 0 },
};

static const struct hook_variant exit[] = {
	{ "proc_exit", HOOK_TP_BTF, .target = "sched_process_exit" },
	{ 0 },
};

static const struct hook_variant cgroup_mkdir[] = {
	{ "proc_cgroup_mkdir", HOOK_TP_BTF, .target = "cgroup_mkdir" },
	{ 0 },
};

static const struct hook_variant cgroup_rmdir[] = {
	{ "proc_cgroup_rmdir", HOOK_TP_BTF, .target = "cgroup_rmdir" },
	{ 0 },
};

const struct hook proc_hooks[] = {
	{ "exec", false, exec, "process names of rules are those at connect time" },
	{ "exit", false, exit, "nothing but the count of exits" },
	{ "cgroup_mkdir", false, cgroup_mkdir, "containers of less than a second have no name" },
	{ "cgroup_rmdir", false, cgroup_rmdir, "removed containers stay listed until a restart" },
	{ 0 },
};
