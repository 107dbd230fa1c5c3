/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Lanes: one ring of records per CPU, in memory that both sides map. The kernel's end moves `head`, user
 * space moves `tail`; both only grow, a position's offset is its low bits. A record never wraps: it
 * may run into the slack behind the ring. There is no lock, no reservation by others to wait for and no
 * wake-up, so a record costs its bytes and one store. User space merges the lanes by time.
 */
#ifndef TALLYMAN_LANE_H
#define TALLYMAN_LANE_H

#include "bpf/wire.h"

#define LANE_SLACK 8192 /* more than the longest record; a power of two */
#define LANE_MIN_BYTES 8192
#define LANE_MAX_BYTES (8 << 20)
#define LANE_OLD_MAX_BYTES (2 << 20) /* where a map's value is limited to 4 MiB */

/* Counts of one probe on one CPU: user space adds up the CPUs and takes differences. */
struct probe_counts {
	__u64 seen;
	__u64 detailed;
	__u64 coarse;
	__u64 lost[LOST_CAUSE_MAX];
};

struct lane {
	__u64 head;
	__u64 address; /* see lane_address() */
	__u64 pad[6];  /* the two ends on lines of their own */
	__u64 tail;
	__u64 pad2[7];
	struct probe_counts counts[PROBE_MAX];
	__u64 busy; /* a hook uses `work` and the free space */
	__u64 at;   /* offset in data[] of the free space in use */
	/* Of the bytes at hand, if they are plaintext that a TLS library has; 0: they are the socket's. */
	__u64 plain_base;
	__u64 plain_arrived_ns;
	__u64 work[53]; /* the hook's variables: see walk.bpf.h */
	/* LANE_SLACK bytes to work in while the ring is full, the ring, LANE_SLACK bytes of slack. */
	char data[];
};
_Static_assert(sizeof(struct lane) % 64 == 0, "the ring starts on a line");

#define LANE_VALUE_SIZE(ring_bytes) (sizeof(struct lane) + 2 * LANE_SLACK + (ring_bytes))

#endif
