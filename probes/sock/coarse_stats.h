/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The table of requests that are counted in the kernel only, by container: key and per-CPU value. */
#ifndef TALLYMAN_COARSE_STATS_H
#define TALLYMAN_COARSE_STATS_H

struct coarse_key {
	__u64 cgroup;
	__u32 role;
	__u32 protocol;
};

struct coarse_value {
	__u64 requests;
	__u64 service_ns;
};

#endif
