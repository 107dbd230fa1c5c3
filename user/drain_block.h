/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block I/O that the kernel counted, as records of differences: REC_IO by owner and device, and
 * REC_WAIT of RESOURCE_DISK. In: descriptors of the two tables.
 */
#ifndef TALLYMAN_DRAIN_BLOCK_H
#define TALLYMAN_DRAIN_BLOCK_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_block;

/* Borrows the descriptors. 0 or -ENOMEM. */
int drain_block_new(struct drain_block **out, int table_fd, int cells_fd);
void drain_block_free(struct drain_block *d);
/* The first before what drain.h tells of the same second, the second after it: see user/bill.h. */
int drain_block_io(struct drain_block *d, record_fn fn, void *ctx);
int drain_block_waits(struct drain_block *d, record_fn fn, void *ctx);
void drain_block_forget(struct drain_block *d, uint64_t cgroup);

#endif
