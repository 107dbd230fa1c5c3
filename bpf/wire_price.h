/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The wire records of what tracing costs and does without: part of bpf/wire.h, which has the rules. */
#ifndef TALLYMAN_WIRE_PRICE_H
#define TALLYMAN_WIRE_PRICE_H

/* Why requests were counted in the kernel only: tallyman_coarse_requests_total{cause=...}. */
enum coarse_cause {
	COARSE_UNREAD,	  /* nobody looked into them: no text is captured, out of step, encrypted */
	COARSE_RING_FULL, /* the reader did not keep up */
	COARSE_QUOTA,	  /* over their container's allowance, see user/governor.h */
	COARSE_CAUSE_MAX
};

/* Once a second. Times are CPU time of the last second. */
struct rec_price {
	struct rec_hdr hdr;
	__u64 node_ns;	 /* all that the node's CPUs had */
	__u64 budget_ns; /* what may be used of it; 0: no limit */
	__u64 agent_ns;
	__u64 programs_ns; /* BPF programs: measured in some seconds, estimated from their events in the others */
	__u32 tier; /* enum governor_tier: what is done without */
	__u32 rate; /* units of allowance a window: see probes/sock/allow_stats.h */
};
_Static_assert(sizeof(struct rec_price) == 56, "wire format");

#endif
