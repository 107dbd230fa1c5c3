/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the network hooks count, by container, its role and its peer. User space reads it by system calls
 * on a tick and takes differences; the kernel only ever adds. All are words of 64 bits, so that
 * differences need no knowledge of the fields. struct net_counts says what they mean.
 */
#ifndef TALLYMAN_NET_STATS_H
#define TALLYMAN_NET_STATS_H

struct net_key {
	__u64 cgroup;
	__u64 peer; /* cgroup; 0 unless NET_PEER_NODE */
	__u64 what; /* enum role | enum net_peer << 8 */
};

struct net_stats {
	struct net_counts n; /* but stall_ns: in ticks of the kernel's low-resolution clock */
	__u64 connects[SCHED_BUCKETS];
	__u64 rtt[SCHED_BUCKETS];
};

/* What the iterator over the sockets tells of one that listens. */
struct net_listener {
	__u64 cgroup;
	__u64 id;
	__u64 drops; /* since it listens, or we came */
	__u32 backlog;
	__u32 limit;
	__u32 netns;
	__u32 port;
};

#endif
