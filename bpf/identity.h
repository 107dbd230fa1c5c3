/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who a task is: its cgroup's id in the hierarchy that the node's container runtime uses. Plain loads
 * through BTF pointers: no helper call, so it is cheap enough for every context switch.
 */
#ifndef TALLYMAN_IDENTITY_H
#define TALLYMAN_IDENTITY_H

#define PF_KTHREAD 0x00200000

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	if (cfg_cgroup_subsys < 0)
		return task->cgroups->dfl_cgrp->kn->id;
	return task->cgroups->subsys[cfg_cgroup_subsys & 15]->cgroup->kn->id;
}

#endif
