/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Wire record of the memory probe. Part of wire.h, which is what others include. */
#ifndef TALLYMAN_WIRE_MEM_H
#define TALLYMAN_WIRE_MEM_H

struct rec_memory {
	struct rec_hdr hdr;
	__u64 cgroup;
	__u64 direct_ns; /* reclaim because the node is short of memory */
	__u64 directs;
	__u64 limit_ns; /* reclaim because the container's own limit is reached */
	__u64 limits;
	__u64 oom_kills;
	__u64 pages; /* reclaimed */
};
_Static_assert(sizeof(struct rec_memory) == 72, "wire format");

#endif
