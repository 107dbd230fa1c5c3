/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The table of requests that are counted in the kernel only, by container and cause: key and per-CPU value. */
#ifndef TALLYMAN_COARSE_STATS_H
#define TALLYMAN_COARSE_STATS_H

struct coarse_key {
	__u64 cgroup;
	__u8 role;
	__u8 protocol;
	__u8 cause; /* enum coarse_cause */
	__u8 pad[5];
};

struct coarse_value {
	__u64 requests;
	__u64 service_ns;
};

#endif
