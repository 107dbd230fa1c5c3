/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: block I/O by container and device, memory stalls by container. Only for agg*.c. The
 * workflow of an owner is not kept: neither fact has one. Both count as series under the agg's limit.
 */
#ifndef TALLYMAN_AGG_IO_H
#define TALLYMAN_AGG_IO_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/lib/hist.h"

struct agg_place {
	uint32_t tenant;
	uint32_t container;
	uint32_t device; /* major << 20 | minor; 0: memory, or the overflow series */
};

struct agg_disk {
	struct agg_place place;
	uint64_t requests[IO_OP_MAX];
	uint64_t bytes[IO_OP_MAX];
	uint64_t queue_ns;
	uint64_t device_ns;
	uint64_t errors;
	struct hist time; /* queue and device together */
	UT_hash_handle hh;
};

struct agg_memory {
	struct agg_place place;
	uint64_t direct_ns;
	uint64_t directs;
	uint64_t limit_ns;
	uint64_t limits;
	uint64_t oom_kills;
	uint64_t pages;
	UT_hash_handle hh;
};

/* Part of struct agg. Zero bytes are an empty one, but for agg_io_init(). */
struct agg_io {
	struct agg_disk *disks;
	struct agg_memory *memories;
	struct agg_disk other_disk;
	struct agg_memory other_memory;
};

struct agg_view;
struct intern;

void agg_io_init(struct agg_io *io);
void agg_io_clear(struct agg *a);

/* Anything that changes when something is added to one of the container's series. */
uint64_t agg_io_activity(const struct agg *a, uint32_t container);
void agg_io_drop(struct agg *a, uint32_t container);
size_t agg_io_memory(const struct agg *a);

/* Fills the view's rows. 0 or -ENOMEM; agg_io_view_free() after both. */
int agg_io_view(struct agg_view *v, const struct agg *a, const struct intern *owners);
void agg_io_view_free(struct agg_view *v);

#endif
