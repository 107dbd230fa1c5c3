// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The memory hooks: how long tasks were kept busy with freeing memory, because the node is short of it or
 * because their container's limit is reached, and who was killed for it. In: reclaim begins and ends,
 * victims of the OOM killer. Out: counters by container that are drained on a tick. Kernel threads are
 * nobody's container.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/maps.h"
#include "bpf/identity.h"
#include "probes/mem/mem_stats.h"

struct mem_stall {
	__u64 begin_ns; /* 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mem_stall);
} mem_stalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct mem_stats);
} mem_table SEC(".maps");

/* Threads that kernels before 6.10 name by number only, until they exit. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} mem_victims SEC(".maps");

static const struct mem_stats no_stats;

static __always_inline struct mem_stats *stats_of(__u64 cgroup)
{
	struct mem_stats *st = bpf_map_lookup_elem(&mem_table, &cgroup);

	if (st)
		return st;
	bpf_map_update_elem(&mem_table, &cgroup, &no_stats, BPF_NOEXIST);
	return bpf_map_lookup_elem(&mem_table, &cgroup);
}

/* One event of a container's: where to count it. */
static __always_inline struct mem_stats *count_one(__u64 cgroup)
{
	struct mem_stats *st = stats_of(cgroup);
	struct lane *l = lane_get();

	if (!l)
		return NULL;
	if (!st) {
		count_lost(l, PROBE_MEM, LOST_TABLE_FULL, 1);
		return NULL;
	}
	l->counts[PROBE_MEM].seen++;
	l->counts[PROBE_MEM].coarse++;
	return st;
}

static __always_inline int stall_begin(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mem_stall *s;

	if (task->flags & PF_KTHREAD)
		return 0;
	s = bpf_task_storage_get(&mem_stalls, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (s)
		s->begin_ns = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int stall_end(enum mem_reason reason, __u64 pages)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mem_stats *st;
	struct mem_stall *s;

	if (task->flags & PF_KTHREAD)
		return 0;
	s = bpf_task_storage_get(&mem_stalls, task, NULL, 0);
	if (!s || !s->begin_ns)
		return 0;
	st = count_one(cgroup_of(task));
	if (st) {
		__sync_fetch_and_add(&st->stall_ns[reason], bpf_ktime_get_ns() - s->begin_ns);
		__sync_fetch_and_add(&st->stalls[reason], 1);
		__sync_fetch_and_add(&st->pages, pages);
	}
	s->begin_ns = 0;
	return 0;
}

static __always_inline int killed(struct task_struct *task)
{
	struct mem_stats *st = count_one(cgroup_of(task));

	if (st)
		__sync_fetch_and_add(&st->oom_kills, 1);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(mem_node_begin)
{
	return stall_begin();
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(mem_node_end, unsigned long pages)
{
	return stall_end(MEM_NODE, pages);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(mem_limit_begin)
{
	return stall_begin();
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(mem_limit_end, unsigned long pages)
{
	return stall_end(MEM_LIMIT, pages);
}

SEC("tp_btf/mark_victim")
int BPF_PROG(mem_victim, struct task_struct *task)
{
	return killed(task);
}

SEC("tp_btf/mark_victim")
int BPF_PROG(mem_victim_pid, int pid)
{
	__u32 key = pid, one = 1;

	bpf_map_update_elem(&mem_victims, &key, &one, BPF_ANY);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(mem_exit, struct task_struct *task)
{
	__u32 key = task->pid;

	return bpf_map_delete_elem(&mem_victims, &key) ? 0 : killed(task);
}
