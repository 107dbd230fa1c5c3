/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Records into this CPU's lane. A hook takes the lane, builds its record in the free space where it will
 * stay, and commits it: nothing is copied twice. The reader looks on a tick, so no event wakes it.
 */
#ifndef TALLYMAN_EMIT_H
#define TALLYMAN_EMIT_H

#if defined(__TARGET_ARCH_x86)
#define lane_publish(l, len)                            \
	do {                                            \
		barrier();                              \
		*(volatile __u64 *)&(l)->head += (len); \
	} while (0)
#else
#define lane_publish(l, len) __sync_fetch_and_add(&(l)->head, (len))
#endif

/*
 * Finds the free space: behind the last record, or, while the ring is full, space to work in that
 * nobody reads. Kept until the next commit: the reader may make room at any moment.
 */
static __always_inline void lane_seek(struct lane *l)
{
	__u64 used = l->head - *(volatile __u64 *)&l->tail;

	l->at = 0;
	if (used + LANE_SLACK / 2 <= cfg_lane_bytes)
		l->at = LANE_SLACK + (l->head & (cfg_lane_bytes - 1));
}

/*
 * The lines of the next record are far away: the reader had them, a whole ring ago. A store to each
 * has them fetched while this CPU does other things.
 */
static __always_inline void lane_warm(struct lane *l)
{
	__u64 at = l->at;

	if (at >= LANE_SLACK + cfg_lane_bytes)
		at = 0;
	*(volatile char *)(l->data + at + 64) = 0;
	*(volatile char *)(l->data + at + 128) = 0;
}

/*
 * NULL: a hook that this one interrupted is at work on this CPU (possible only where the kernel runs
 * tracing programs preemptibly); the caller counts what that loses.
 */
static __always_inline struct lane *lane_take(void)
{
	struct lane *l = lane_get();

	if (!l || l->busy)
		return NULL;
	l->busy = 1;
	barrier();
	lane_seek(l);
	return l;
}

static __always_inline void lane_give(struct lane *l)
{
	barrier();
	l->busy = 0;
}

/* Where the next record goes. */
static __always_inline void *lane_at(struct lane *l)
{
	__u64 at = l->at;

	if (at >= LANE_SLACK + cfg_lane_bytes)
		at = 0;
	return l->data + at;
}

/*
 * A pointer to the kernel's memory as a number, which a function that the verifier checks by itself may be given, and
 * can read as any memory. Only what was stored in a map is one.
 */
static __always_inline __u64 lane_address(struct lane *l, const void *p)
{
	*(volatile __u64 *)&l->address = (__u64)p;
	return *(volatile __u64 *)&l->address;
}

static __always_inline struct rec_hdr emit_hdr(enum rec_kind kind, __u16 len, __u64 now_ns)
{
	return (struct rec_hdr){
		.kind = kind, .len = len, .cpu = bpf_get_smp_processor_id(), .time_ns = now_ns
	};
}

/* The record at lane_at() is complete. false: the ring is full; the caller counts what that loses. */
static __always_inline bool lane_commit(struct lane *l, __u64 len)
{
	if (!l->at)
		return false;
	lane_publish(l, (len + 7) & ~7ULL);
	lane_seek(l);
	lane_warm(l);
	return true;
}

/* Copies a small record of fixed size. */
#define emit(l, rec)                                                 \
	({                                                           \
		__builtin_memcpy(lane_at(l), (rec), sizeof(*(rec))); \
		lane_commit((l), sizeof(*(rec)));                    \
	})

#endif
