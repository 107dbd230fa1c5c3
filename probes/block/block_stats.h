/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the block hooks count, by owner and device, and the cells of the disks' ledger. User space
 * reads both by system calls on a tick and takes differences; the kernel only ever adds. All values are
 * words of 64 bits, so that differences need no knowledge of the fields.
 */
#ifndef TALLYMAN_BLOCK_STATS_H
#define TALLYMAN_BLOCK_STATS_H

struct block_key {
	struct rec_owner owner; /* cgroup 0: not known */
	__u64 device;		/* major << 20 | minor */
};

struct block_stats {
	__u64 requests[IO_OP_MAX];
	__u64 bytes[IO_OP_MAX];
	__u64 queue_ns;
	__u64 device_ns;
	__u64 errors;
	__u64 buckets[SCHED_BUCKETS];
};

struct block_cell {
	struct rec_owner waiter;
	struct rec_owner occupant; /* zeros unless WAIT_NEIGHBOUR or WAIT_SELF */
	__u64 cause;		   /* enum wait_cause */
};

struct block_wait {
	__u64 wait_ns;
	__u64 waits;
};

#endif
