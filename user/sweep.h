/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in the kernel's table of connections whose socket went without a word, as Unix sockets do. In:
 * the mapped places, and an iterator that marks those of all live sockets. Out: REC_CLOSE of each that
 * was told of, and the place is free again. See probes/sock/conn_slot.h.
 */
#ifndef TALLYMAN_SWEEP_H
#define TALLYMAN_SWEEP_H

#include <stdint.h>

#include "bpf/wire.h"
#include "user/lanes.h"

struct sweep_config {
	int slots_fd;	 /* the array of struct conn_slot, to be mapped */
	uint32_t slots;	 /* how many */
	int free_fd;	 /* where free numbers go */
	int iter_fd;	 /* link of the iterator; -1: there is none, nothing is swept */
	uint32_t *epoch; /* shared with the kernel */
};

struct sweep;

int sweep_new(struct sweep **out, const struct sweep_config *cfg);
void sweep_free(struct sweep *s);

/* Cheap unless it is time again, or the table is nearly full. 0 or a negative errno. */
int sweep_run(struct sweep *s, uint64_t now_ns, record_fn fn, void *ctx);

#endif
