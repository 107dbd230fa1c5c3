/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader's end of the lanes (bpf/lane.h): maps them and hands on their records, merged by time.
 */
#ifndef TALLYMAN_LANES_H
#define TALLYMAN_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/lane.h"

/* Where records go. They are valid during the call, `len` bytes long. */
typedef void (*record_fn)(void *ctx, const void *rec, size_t len);

struct lanes;

/*
 * `map_fd`: the array, one value of LANE_VALUE_SIZE(ring_bytes) a CPU. 0 or a negative errno.
 */
int lanes_new(struct lanes **out, int map_fd, int cpus, uint32_t ring_bytes);
void lanes_free(struct lanes *l);

/*
 * Hands on every record that was complete at the call, oldest first over all CPUs: what one thread did
 * comes in the order that it did it. Returns their number.
 */
int lanes_poll(struct lanes *l, record_fn fn, void *ctx);

/* How full the fullest ring is, in percent. */
unsigned int lanes_fill(const struct lanes *l);

/* The sum over CPUs of what the kernel counted for a probe since the start. */
struct probe_counts lanes_counts(const struct lanes *l, enum probe_id probe);

/*
 * The bytes of one ring, for a budget over all of them: a power of two from LANE_MIN_BYTES to max_bytes.
 */
uint32_t lanes_ring_bytes(uint64_t budget_bytes, int cpus, uint32_t max_bytes);

#endif
