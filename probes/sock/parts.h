/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From REC_PARTS to a request's parts. In: what the kernel measured while the thread was off the CPU,
 * and the request's times. Out: parts that add up to them exactly. Pure.
 */
#ifndef TALLYMAN_PARTS_H
#define TALLYMAN_PARTS_H

#include <stdint.h>

#include "bpf/wire.h"
#include "user/event.h"

/*
 * off[]: the kernel's parts, see rec_parts; NULL: the thread never left the CPU. What is more than there
 * was time for, by noise of the clocks or because the request is a later one of
 * those that a reply answers, is scaled down.
 */
void parts_fill(uint64_t parts[PART_MAX], const __u64 *off, uint64_t queue_ns, uint64_t service_ns);

/* The process waited that long for answers to what it asked others: as much of it slept for that. */
void parts_downstream(uint64_t parts[PART_MAX], uint64_t asked_ns);

/*
 * Where the time of a served request went, into parts and *e. `took`: what came for this reply; NULL: nothing.
 */
void parts_tell(const struct rec_parts *took, uint64_t downstream_ns, struct event_request *e,
		uint64_t parts[PART_MAX]);

#endif
