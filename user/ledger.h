/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: who waited for what, and who had it meanwhile. In: waits whose two owners are known. Out:
 * sums per resource, cause, waiter and occupant (tenant and workflow of each). The number of pairs is
 * limited: those with the most waiting are kept, the others are in one row per resource and cause whose
 * owners are "other", so sums over a resource and cause are exact. Knows no record.
 */
#ifndef TALLYMAN_LEDGER_H
#define TALLYMAN_LEDGER_H

#include <stddef.h>

#include "user/event.h"
#include "user/owner.h"

struct intern;
struct ledger;

/* NULL: out of memory. */
struct ledger *ledger_new(uint32_t pairs_max);
void ledger_free(struct ledger *l);
void ledger_clear(struct ledger *l);

/* `occupant` is looked at only for WAIT_NEIGHBOUR and WAIT_SELF. */
void ledger_wait(struct ledger *l, const struct event_wait *w, struct owner waiter,
		 struct owner occupant);

size_t ledger_memory(const struct ledger *l);

/* One sum. The occupant's names are "" where there is nobody: idle, quota, ... */
struct wait_row {
	enum wait_resource resource;
	enum wait_cause cause;
	const char *waiter_tenant;
	const char *waiter_workflow;
	const char *occupant_tenant;
	const char *occupant_workflow;
	uint64_t wait_ns;
	uint64_t waits;
};

/*
 * All sums that are not zero, sorted by their fields in order, no two with equal labels; for the caller
 * to free(). Names are those of `owners` and live as long. 0 or -ENOMEM.
 */
int ledger_read(const struct ledger *l, const struct intern *owners, struct wait_row **rows,
		size_t *n);

/* "cpu", "neighbour" and so on; NULL past the end. */
const char *ledger_resource_name(unsigned int resource);
const char *ledger_cause_name(unsigned int cause);

#endif
