// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The hooks of the network stack: whose packets took a CPU from others, and how long packets waited to be
 * sent. In: softirqs, packets, and the scheduler's state of the CPU. Out: ledger cells that user space
 * maps, and a table by container that is drained on a tick.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/maps.h"
#include "bpf/thread.h"
#include "bpf/bucket.h"
#include "probes/sched/cpu.bpf.h"
#include "probes/stack/stack_stats.h"
#include "probes/stack/whose.bpf.h"
#include "probes/stack/softirq.bpf.h"
#include "probes/stack/egress.bpf.h"

/* What holds a pod's namespace for its containers, and does nothing else. */
static __always_inline bool is_pause(const char *comm)
{
	const char pause[] = "pause";

	for (int i = 0; i < (int)sizeof(pause); i++)
		if (comm[i] != pause[i])
			return false;
	return true;
}

/* A process: user space finds out which container has which network namespace. */
SEC("iter/task")
int stack_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct stack_task t = {};
	struct nsproxy *ns;

	if (!task || task->pid != task->tgid || task->flags & PF_KTHREAD)
		return 0;
	ns = task->nsproxy;
	if (!ns)
		return 0;
	if (is_pause(task->comm))
		return 0;
	t.cgroup = cgroup_of(task);
	t.netns = ns->net_ns->ns.inum;
	bpf_seq_write(ctx->meta->seq, &t, sizeof(t));
	return 0;
}
