// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The life of processes and cgroups, so that a container that is gone before anybody looked keeps its
 * name. In: exec, exit, cgroup created and removed. Out: REC_PROCESS and REC_CGROUP. All rare events.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/maps.h"
#include "bpf/emit.h"
#include "bpf/identity.h"

static __always_inline void proc_count(struct lane *l, bool sent)
{
	struct probe_counts *n = &l->counts[PROBE_PROC];

	if (!sent) {
		count_lost(l, PROBE_PROC, LOST_RING_FULL, 1);
		return;
	}
	n->seen++;
	n->detailed++;
}

static __always_inline struct lane *proc_lane(void)
{
	struct lane *l = lane_take(), *busy;

	if (l)
		return l;
	busy = lane_get();
	if (busy)
		count_lost(busy, PROBE_PROC, LOST_RECURSION, 1);
	return NULL;
}

static __always_inline int process(struct task_struct *task, enum process_change change)
{
	struct rec_process r = {};
	struct lane *l;

	if (task->flags & PF_KTHREAD)
		return 0;
	l = proc_lane();
	if (!l)
		return 0;
	r.hdr = emit_hdr(REC_PROCESS, sizeof(r), bpf_ktime_get_ns());
	r.cgroup = cgroup_of(task);
	r.pid = task->tgid;
	r.change = change;
	bpf_get_current_comm(r.comm, sizeof(r.comm));
	proc_count(l, emit(l, &r));
	lane_give(l);
	return 0;
}

static __always_inline int cgroup(struct cgroup *cgrp, const char *path, enum cgroup_change change)
{
	struct rec_cgroup *r;
	struct lane *l;
	long n;

	if (cgrp->root->hierarchy_id != cfg_cgroup_hierarchy)
		return 0;
	l = proc_lane();
	if (!l)
		return 0;
	r = lane_at(l);
	n = bpf_probe_read_kernel_str(r->path, WIRE_PATH_MAX, path);
	n = n > 0 ? (n - 1) & (WIRE_PATH_MAX - 1) : 0;
	r->hdr = emit_hdr(REC_CGROUP, sizeof(*r) + n, bpf_ktime_get_ns());
	r->cgroup = cgrp->kn->id;
	r->change = change;
	r->path_len = n;
	r->pad = 0;
	proc_count(l, lane_commit(l, sizeof(*r) + n));
	lane_give(l);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(proc_exec, struct task_struct *task)
{
	return process(task, PROCESS_EXEC);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(proc_exit, struct task_struct *task)
{
	return task->pid == task->tgid ? process(task, PROCESS_EXIT) : 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(proc_cgroup_mkdir, struct cgroup *cgrp, const char *path)
{
	return cgroup(cgrp, path, CGROUP_PRESENT);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(proc_cgroup_rmdir, struct cgroup *cgrp, const char *path)
{
	return cgroup(cgrp, path, CGROUP_REMOVED);
}
