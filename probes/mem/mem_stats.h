/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the memory hooks count for one container; the key is its cgroup. User space reads it by system
 * calls on a tick and takes differences; the kernel only ever adds. All values are words of 64 bits.
 */
#ifndef TALLYMAN_MEM_STATS_H
#define TALLYMAN_MEM_STATS_H

enum mem_reason { MEM_NODE, MEM_LIMIT, MEM_REASON_MAX };

struct mem_stats {
	__u64 stall_ns[MEM_REASON_MAX];
	__u64 stalls[MEM_REASON_MAX];
	__u64 oom_kills;
	__u64 pages; /* reclaimed */
};

#endif
