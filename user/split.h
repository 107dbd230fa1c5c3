/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells of a container and a payer, split among the owners of the requests that were served
 * meanwhile (user/bill.h). In: waits for a CPU or a disk, and block I/O. Out: pieces for the ledger and
 * the aggregation, which add up to what came in.
 */
#ifndef TALLYMAN_SPLIT_H
#define TALLYMAN_SPLIT_H

#include "user/agg.h"
#include "user/bill.h"
#include "user/ledger.h"

struct split {
	struct bill *bill;
	struct agg *agg;
	struct ledger *ledger;
};

/* RESOURCE_CPU or RESOURCE_DISK. `waiter` and `occupant` have what was waited, or done, for no request. */
void split_wait(const struct split *s, const struct event_wait *w, struct owner waiter,
		struct owner occupant);

/* `rest` has what was done for no request. */
void split_io(const struct split *s, const struct rec_io *rec, struct owner rest);

#endif
