/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a ledger counts, in memory that both sides map: one cell a pair of waiter and occupant, per CPU. The
 * kernel only ever adds; user space adds up the CPUs and takes differences. Owners are small numbers here.
 */
#ifndef TALLYMAN_CELL_H
#define TALLYMAN_CELL_H

#include "bpf/wire.h"

/*
 * Owners that are nobody's container; those of struct rec_owner count from OWNER_FIRST. In the order of
 * enum wait_cause backwards: a code's cause is WAIT_UNKNOWN - code.
 */
enum owner_code { OWNER_UNKNOWN, OWNER_QUOTA, OWNER_KERNEL, OWNER_IDLE, OWNER_FIRST };
_Static_assert(WAIT_UNKNOWN - (int)OWNER_QUOTA == (int)WAIT_QUOTA, "in order");
_Static_assert(WAIT_UNKNOWN - (int)OWNER_KERNEL == (int)WAIT_KERNEL, "in order");
_Static_assert(WAIT_UNKNOWN - (int)OWNER_IDLE == (int)WAIT_IDLE, "in order");

#define OWNERS_MAX 4096

struct owner {
	struct rec_owner key;
	__u32 threads; /* registered ones that work for it: the number stays taken */
	__u32 pad;
};

#define CELLS 2048 /* a power of two */
#define CELL_PROBES 4
#define CELL_USED (1U << 31)

struct cell {
	__u32 waiter; /* its number with CELL_USED; 0: free */
	__u32 occupant;
	__u64 ns;
	__u64 waits;
	__u64 turn_ns; /* when it was charged last: two pieces of one wait count once */
};

struct cells {
	__u64 seen; /* turns */
	__u64 lost; /* turns whose owner had no number: in no cell */
	struct cell cell[CELLS];
};

#endif
