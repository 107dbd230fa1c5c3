/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory stalls and kills that the kernel counted, as records of differences: REC_MEMORY by container, and
 * REC_WAIT of RESOURCE_MEMORY. In: the table's descriptor.
 */
#ifndef TALLYMAN_DRAIN_MEM_H
#define TALLYMAN_DRAIN_MEM_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_mem;

/* Borrows the descriptor. 0 or -ENOMEM. */
int drain_mem_new(struct drain_mem **out, int table_fd);
void drain_mem_free(struct drain_mem *d);
int drain_mem_run(struct drain_mem *d, record_fn fn, void *ctx);
void drain_mem_forget(struct drain_mem *d, uint64_t cgroup);

#endif
