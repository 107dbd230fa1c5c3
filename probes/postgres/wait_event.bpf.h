/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a PostgreSQL backend waits for, as it says itself: a number in shared memory that the server
 * writes before it goes to sleep. In: a task, and which postmasters there are (told by user space). Out:
 * its wait event at a departure, and totals. All but pg_sleep_add() must run in the task itself: it is
 * its memory that is read. At sched_switch that is the one that leaves.
 */
#ifndef TALLYMAN_WAIT_EVENT_BPF_H
#define TALLYMAN_WAIT_EVENT_BPF_H

#include "bpf/maps.h"
#include "probes/postgres/pg_stats.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PG_CLUSTERS_MAX);
	__type(key, __u32); /* the postmaster's thread group id */
	__type(value, struct pg_cluster);
} pg_clusters SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, PG_SLEEPS_MAX);
	__type(key, struct pg_sleep_key);
	__type(value, struct pg_sleep_value);
} pg_sleeps SEC(".maps") __weak;

/* A place is an address in user space, and the server's major version in the bits that those leave. */
#define PG_PLACE_MAJOR_SHIFT 56
#define PG_PLACE_ADDRESS_MASK ((1ULL << PG_PLACE_MAJOR_SHIFT) - 1)

static __noinline void pg_unreadable(void)
{
	struct lane *l = lane_get();

	if (l)
		count_lost(l, PROBE_SCHED, LOST_UNREADABLE, 1);
}

/*
 * Where the running task has its wait event; to be kept with the thread. 0: not a backend of a server
 * that is known, or not set up so far: ask again later. Never changes afterwards.
 */
static __always_inline __u64 pg_wait_place(struct task_struct *task)
{
	__u32 postmaster = task->real_parent->tgid;
	const struct pg_cluster *c = bpf_map_lookup_elem(&pg_clusters, &postmaster);
	__u64 slot = 0;

	if (!c)
		return 0;
	if (bpf_probe_read_user(&slot, sizeof(slot), (const void *)c->variable)) {
		pg_unreadable();
		return 0;
	}
	if (!slot || (slot >= c->image_start && slot < c->image_end))
		return 0;
	return ((slot + c->offset) & PG_PLACE_ADDRESS_MASK) | (__u64)c->major
								      << PG_PLACE_MAJOR_SHIFT;
}

/*
 * The running task's wait event as a `pg_event` (pg_stats.h); 0: none, or not readable. The server sets
 * it before it sleeps, and takes it back after, so at a departure it says what for.
 */
static __always_inline __u32 pg_wait_event(__u64 place)
{
	__u32 info = 0, id;

	if (!place)
		return 0;
	if (bpf_probe_read_user(&info, sizeof(info),
				(const void *)(place & PG_PLACE_ADDRESS_MASK))) {
		pg_unreadable();
		return 0;
	}
	if (!info)
		return 0;
	if (info >> PG_EVENT_CLASS_SHIFT == 0 ||
	    info >> PG_EVENT_CLASS_SHIFT >= PG_WAIT_CLASS_MAX) {
		pg_unreadable();
		return 0;
	}
	id = info & PG_EVENT_ID_MASK;
	if (id > PG_EVENT_ID_MAX)
		id = PG_EVENT_ID_MAX;
	return (info >> PG_EVENT_CLASS_SHIFT << PG_EVENT_CLASS_SHIFT) |
	       (__u32)(place >> PG_PLACE_MAJOR_SHIFT) << PG_EVENT_MAJOR_SHIFT | id;
}

static __always_inline bool pg_event_is_lock(__u32 pg_event)
{
	return pg_event >> PG_EVENT_CLASS_SHIFT == PG_WAIT_LOCK;
}

/* The enum part that a sleep in it is, for a backend that is not in block I/O by the kernel's word. */
static __always_inline __u32 pg_event_part(__u32 pg_event)
{
	__u32 n = pg_event >> PG_EVENT_CLASS_SHIFT;

	if (n == PG_WAIT_LOCK || n == PG_WAIT_LWLOCK || n == PG_WAIT_BUFFER_PIN)
		return PART_LOCK;
	return n == PG_WAIT_IO ? PART_BLOCK : n == PG_WAIT_CLIENT ? PART_CLIENT : PART_OTHER;
}

/* A sleep is over. Without an event it is not PostgreSQL's to name, and not counted here. */
static __noinline __attribute__((unused)) int
pg_sleep_add(__u64 cgroup, __u64 payer, __u32 pg_event, __u64 sleep_ns, __u64 run_queue_ns)
{
	struct pg_sleep_key key = { .cgroup = cgroup, .payer = payer, .pg_event = pg_event };
	struct pg_sleep_value *v = bpf_map_lookup_elem(&pg_sleeps, &key), zero = { 0 };
	struct lane *l;

	if (!v) {
		bpf_map_update_elem(&pg_sleeps, &key, &zero, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&pg_sleeps, &key);
	}
	if (v) {
		v->sleep_ns += sleep_ns;
		v->run_queue_ns += run_queue_ns;
		v->sleeps++;
		return 0;
	}
	l = lane_get();
	if (l)
		count_lost(l, PROBE_SCHED, LOST_TABLE_FULL, 1);
	return -1;
}

#endif
