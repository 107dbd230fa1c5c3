/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What each container may still have of the records of single requests, in memory that both sides map: one
 * element an owner's number and CPU. The kernel fills up and spends; user space reads what was spent.
 */
#ifndef TALLYMAN_ALLOW_STATS_H
#define TALLYMAN_ALLOW_STATS_H

#include "bpf/wire.h"

#define ALLOW_WINDOW_SHIFT 23 /* a window is 2^23 ns, 8.4 ms */
#define ALLOW_RECORD \
	64 /* units of one request's records; what is copied of it adds one for 4 bytes */

struct allowance {
	__u64 window; /* the last one in which it was filled up */
	__s64 left;   /* units */
	__u64 spent;  /* units, ever */
	__u64 denied; /* the same: what there were no records for */
};

#endif
