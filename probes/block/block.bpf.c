// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The block hooks: requests, bytes and times by owner and device, and who waited behind whom
 * (device.bpf.h has the rule). In: requests queued, issued, complete. Out: counters that are drained on a
 * tick; no record. Owner: the task that queued the request, with the payer that it works for; of writeback
 * the bio's cgroup, which is set to whoever dirtied the pages, and nobody where that hierarchy does not
 * name containers.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/maps.h"
#include "bpf/identity.h"
#include "bpf/thread.h"
#include "bpf/bucket.h"
#include "probes/block/block_stats.h"
#include "probes/block/device.bpf.h"

#define OP_MASK 0xff
#define OP_FLUSH 2
#define OP_DISCARD 3
#define OP_SECURE_ERASE 5
#define OP_PASSTHROUGH 34
#define RQF_FLUSH_SEQ_BEFORE_6_11 (1 << 4)
#define FLUSHES 8 /* of REQUESTS: flushes use the tags of requests that they are for */
#define STALE_NS 60000000000ULL /* its end was missed */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct block_key);
	__type(value, struct block_stats);
} block_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct block_cell);
	__type(value, struct block_wait);
} block_cells SEC(".maps");

/* Of the request that is being charged: not on the stack, where the verifier would follow each value. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct device_wait);
} block_waits SEC(".maps");

static const struct block_stats no_stats;

static __always_inline struct device_wait *wait_here(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&block_waits, &key);
}

static __always_inline __u64 device_id(struct request *rq)
{
	struct gendisk *disk = rq->q->disk;

	return disk ? (__u64)disk->major << 20 | disk->first_minor : 0;
}

static __always_inline bool is_passthrough(struct request *rq)
{
	return (rq->cmd_flags & OP_MASK) >= OP_PASSTHROUGH;
}

static __always_inline bool is_preflush(struct request *rq)
{
	return rq->cmd_flags >> bpf_core_enum_value(enum req_flag_bits, __REQ_PREFLUSH) & 1;
}

static __always_inline bool in_flush_sequence(struct request *rq)
{
	if (bpf_core_enum_value_exists(enum rqf_flags, __RQF_FLUSH_SEQ))
		return rq->rq_flags >> bpf_core_enum_value(enum rqf_flags, __RQF_FLUSH_SEQ) & 1;
	return rq->rq_flags & RQF_FLUSH_SEQ_BEFORE_6_11;
}

/* As the kernel's own statistics count. */
static __always_inline enum io_op op_of(struct request *rq)
{
	__u32 op = rq->cmd_flags & OP_MASK;

	if (op == OP_FLUSH)
		return IO_FLUSH;
	if (op == OP_DISCARD)
		return IO_DISCARD;
	return op & 1 ? IO_WRITE : IO_READ;
}

static __always_inline __u32 kind_of(enum io_op op, __u32 bytes)
{
	__u32 log = bucket_log2(bytes >> 11 | 1) >> 1; /* 4 KiB, 16 KiB, ... */

	return op * SIZES + (op == IO_FLUSH ? 0 : log < SIZES ? log : SIZES - 1);
}

static __always_inline struct request_note *note_of(struct request *rq, __u32 slot)
{
	__u32 queue = rq->mq_hctx->queue_num, queues = rq->q->nr_hw_queues, at;
	__s32 tag = rq->internal_tag >= 0 ? rq->internal_tag : rq->tag;

	if (op_of(rq) == IO_FLUSH)
		at = REQUESTS - FLUSHES + queue % FLUSHES;
	else
		at = (tag * queues + queue) % (REQUESTS - FLUSHES);
	at += slot * REQUESTS;
	return bpf_map_lookup_elem(&block_requests, &at);
}

static __always_inline bool is_of(const struct request_note *r, struct request *rq)
{
	return r->request == (__u64)rq && (!r->life || r->life == rq->start_time_ns);
}

/* Has the task the cgroup that its own bios get? */
static __always_inline bool is_io_cgroup_of(const struct cgroup *cgroup, struct task_struct *task)
{
	int subsys = bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id);

	return task->cgroups->subsys[subsys & 15]->cgroup == cgroup;
}

/* The current task queued it: only true where the request was made. What it writes back may be others'. */
static __always_inline void note_owner(struct request_note *r, const struct bio *bio)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *cgroup = bio->bi_blkg->blkcg->css.cgroup;
	bool names = cgroup && cgroup->root->hierarchy_id == cfg_cgroup_hierarchy;
	bool named = names && cgroup->level;

	if (!(task->flags & PF_KTHREAD) && (!named || is_io_cgroup_of(cgroup, task))) {
		r->who.cgroup = cgroup_of(task);
		r->who.payer = thread_payer(task, r->who.cgroup);
	} else if (named) {
		r->who.cgroup = cgroup->kn->id;
	} else {
		r->unknown = !names;
	}
}

static __always_inline void note_new(struct request_note *r, struct request *rq, __u64 start_ns,
				     bool flush, __u64 now_ns)
{
	r->who = (struct rec_owner){};
	r->unknown = false;
	if (rq->bio)
		note_owner(r, rq->bio);
	r->flush = flush;
	r->request = (__u64)rq;
	r->life = start_ns;
	r->start_ns = start_ns && start_ns < now_ns ? start_ns : now_ns;
	r->device_ns = 0;
}

/* Another request's note is here, and it is in flight. */
static __always_inline bool is_taken(const struct request_note *r, struct request *rq, __u64 now_ns)
{
	return r->state == REQUEST_ISSUED && r->request != (__u64)rq &&
	       r->issue_ns + STALE_NS > now_ns;
}

/* `flush`: asks for one, and is looked at before the kernel sets its start time. */
static __always_inline int on_queued(struct request *rq, bool flush)
{
	__u64 now_ns, id = device_id(rq);
	struct request_note *r;
	struct device *d;
	bool left, no_bio;
	__u32 slot;

	if (!id || is_passthrough(rq))
		return 0;
	d = device_get(id, &slot);
	r = d ? note_of(rq, slot) : NULL;
	if (!r)
		return 0;
	now_ns = bpf_ktime_get_ns();
	/* A request that the driver gave back is queued again, and stays as it is. */
	if (is_taken(r, rq, now_ns) || (!flush && is_of(r, rq) && r->state != REQUEST_NONE))
		return 0;
	left = r->state == REQUEST_ISSUED;
	note_new(r, rq, flush ? 0 : rq->start_time_ns, flush, now_ns);
	no_bio = !rq->bio;
	bpf_spin_lock(&d->lock);
	device_advance(d, now_ns);
	if (left)
		device_remove(d, r, now_ns);
	device_note(d, r, no_bio);
	bpf_spin_unlock(&d->lock);
	r->state = REQUEST_QUEUED;
	return 0;
}

static __always_inline int on_issued(struct request *rq)
{
	__u64 now_ns, id = device_id(rq);
	struct request_note *r;
	struct device *d;
	bool fresh, left, no_bio;
	__u32 slot;

	if (!id || is_passthrough(rq))
		return 0;
	d = device_get(id, &slot);
	r = d ? note_of(rq, slot) : NULL;
	if (!r)
		return 0;
	now_ns = bpf_ktime_get_ns();
	fresh = !is_of(r, rq) || r->state == REQUEST_NONE;
	if (is_taken(r, rq, now_ns) || (!fresh && r->state == REQUEST_ISSUED))
		return 0;
	left = r->state == REQUEST_ISSUED;
	if (left) {
		bpf_spin_lock(&d->lock);
		device_remove(d, r, now_ns);
		bpf_spin_unlock(&d->lock);
	}
	if (fresh)
		note_new(r, rq, rq->start_time_ns, false, now_ns);
	no_bio = !rq->bio;
	r->life = rq->start_time_ns;
	bpf_spin_lock(&d->lock);
	device_advance(d, now_ns);
	if (fresh)
		device_note(d, r, no_bio);
	device_add(d, r, now_ns);
	bpf_spin_unlock(&d->lock);
	return 0;
}

static __always_inline struct block_stats *stats_of(const struct request_note *r, __u64 id)
{
	struct block_key key = { .device = id };
	struct block_stats *st;

	if (r)
		key.owner = r->who;
	st = bpf_map_lookup_elem(&block_table, &key);
	if (st)
		return st;
	bpf_map_update_elem(&block_table, &key, &no_stats, BPF_NOEXIST);
	return bpf_map_lookup_elem(&block_table, &key);
}

static __always_inline struct block_wait *cell_of(const struct block_cell *key)
{
	struct block_wait none = {}, *cell = bpf_map_lookup_elem(&block_cells, key);

	if (cell)
		return cell;
	bpf_map_update_elem(&block_cells, key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&block_cells, key);
}

/*
 * Functions that are not static are verified once each, not for every way to their call. Linux 6.1 takes a map's key
 * from the function's own stack only.
 */
__noinline int block_cell_add(const struct block_cell *of, __u64 ns)
{
	struct block_cell key;
	struct block_wait *cell;

	if (!of)
		return 0;
	key = *of;
	cell = cell_of(&key);
	if (!cell) {
		key.occupant = (struct rec_owner){};
		key.cause = WAIT_UNKNOWN;
		cell = cell_of(&key);
	}
	if (!cell)
		return 0;
	__sync_fetch_and_add(&cell->wait_ns, ns);
	__sync_fetch_and_add(&cell->waits, 1);
	return 0;
}

/* Who has that place of the device, and what that makes of a wait for it. */
static __always_inline void cell_place(struct block_cell *key, const struct device_wait *w, int i)
{
	key->occupant = (struct rec_owner){};
	if (i == OWNERS)
		key->cause = WAIT_IDLE;
	else if (i == PLACE_UNKNOWN)
		key->cause = WAIT_UNKNOWN;
	else if (i == PLACE_KERNEL)
		key->cause = WAIT_KERNEL;
	else {
		key->occupant = w->who[i];
		key->cause = owner_pays(&key->occupant) == owner_pays(&key->waiter)
				     ? WAIT_SELF
				     : WAIT_NEIGHBOUR;
	}
}

/* Out of the lock. A wait of nobody's is not kept. */
__noinline int block_charge(__u64 cgroup, __u64 payer)
{
	struct block_cell key = { .waiter = { cgroup, payer } };
	const struct device_wait *w = wait_here();
	__u64 per_ns, ns;

	if (!cgroup || !w || !w->wait_ns || !w->total)
		return 0;
	per_ns = (w->wait_ns << 20) / w->total;
	for (int i = 0; i <= OWNERS; i++) {
		ns = w->weight[i] * per_ns >> 20;
		if (!ns)
			continue;
		cell_place(&key, w, i);
		block_cell_add(&key, ns);
	}
	return 0;
}

/* The times of one part of a request's life that just ended. */
struct block_times {
	__u64 all_ns;
	__u64 device_ns;
};

static __always_inline void times_of(struct request *rq, const struct request_note *r, __u64 now_ns,
				     struct block_times *t)
{
	__u64 start_ns = rq->start_time_ns, io_ns = rq->io_start_time_ns;

	*t = (struct block_times){};
	if (r) {
		t->all_ns = now_ns - r->start_ns;
		t->device_ns = r->state == REQUEST_ISSUED ? now_ns - r->issue_ns : r->device_ns;
		return;
	}
	/* Issued before we came: the kernel's own times, where it takes them. */
	if (start_ns && start_ns < now_ns)
		t->all_ns = now_ns - start_ns;
	if (io_ns >= start_ns && io_ns < now_ns)
		t->device_ns = now_ns - io_ns;
}

static __always_inline void stats_add(struct block_stats *st, enum io_op op,
				      const struct block_times *t, bool failed)
{
	__sync_fetch_and_add(&st->requests[op & 3], 1);
	__sync_fetch_and_add(&st->queue_ns, t->all_ns - t->device_ns);
	__sync_fetch_and_add(&st->device_ns, t->device_ns);
	__sync_fetch_and_add(&st->buckets[bucket_index(t->all_ns) & (SCHED_BUCKETS - 1)], 1);
	if (failed)
		__sync_fetch_and_add(&st->errors, 1);
}

/* The request leaves the device, or never was there. */
static __always_inline void ledger_end(struct device *d, struct request_note *r, __u32 kind,
				       __u64 now_ns)
{
	struct device_wait *w = wait_here();

	if (!w || (r->state != REQUEST_ISSUED && (r->state != REQUEST_QUEUED || !r->flush)))
		return;
	bpf_spin_lock(&d->lock);
	device_advance(d, now_ns);
	device_charge(d, r, kind, now_ns, w);
	bpf_spin_unlock(&d->lock);
	r->state = REQUEST_NONE;
	block_charge(r->who.cgroup, r->who.payer);
}

static __always_inline int on_complete(struct request *rq, __u32 error, __u32 bytes)
{
	__u64 now_ns, id = device_id(rq);
	struct lane *l = lane_get();
	struct request_note *r;
	enum io_op op = op_of(rq);
	bool in_sequence = op != IO_FLUSH && in_flush_sequence(rq);
	struct block_stats *st;
	struct block_times t;
	struct device *d;
	__u32 slot;

	if (!id || !l || is_passthrough(rq))
		return 0;
	now_ns = bpf_ktime_get_ns();
	d = device_get(id, &slot);
	r = d ? note_of(rq, slot) : NULL;
	if (r && !is_of(r, rq))
		r = NULL;
	l->counts[PROBE_BLOCK].seen++;
	st = stats_of(r, id);
	if (!st) {
		l->counts[PROBE_BLOCK].lost[LOST_TABLE_FULL]++;
	} else {
		l->counts[PROBE_BLOCK].coarse++;
		if (op != IO_FLUSH)
			__sync_fetch_and_add(&st->bytes[op & 3], bytes);
	}
	/* A part of it: the rest follows. */
	if (bytes < rq->__data_len)
		return 0;
	times_of(rq, r, now_ns, &t);
	if (r) {
		r->device_ns = t.device_ns;
		ledger_end(d, r, kind_of(op, bytes), now_ns);
	}
	/* The end of the data, not of the request: a flush follows. */
	if (!in_sequence && st)
		stats_add(st, op, &t, error);
	return 0;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(block_flush, struct request *rq)
{
	return is_preflush(rq) ? on_queued(rq, true) : 0;
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(block_insert, struct request *rq)
{
	return on_queued(rq, false);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(block_issue, struct request *rq)
{
	return on_issued(rq);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_complete, struct request *rq, __u32 error, __u32 bytes)
{
	return on_complete(rq, error, bytes);
}
