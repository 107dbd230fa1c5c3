/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where requests' time went, summed up. In: requests with parts, and their owner. Out: sums of each part
 * per protocol, tenant, workflow and operation. The number of rows is limited: those with the most time
 * are kept, the others are in one row per protocol that is "other" in all else, so sums are exact.
 */
#ifndef TALLYMAN_PARTS_SUM_H
#define TALLYMAN_PARTS_SUM_H

#include <stddef.h>

#include "user/event.h"
#include "user/owner.h"

struct intern;
struct parts;

/* NULL: out of memory. */
struct parts *parts_new(uint32_t rows_max);
void parts_free(struct parts *p);
void parts_clear(struct parts *p);

/* Does nothing for a request whose parts are not known. */
void parts_request(struct parts *p, struct owner owner, const struct event_request *r);

size_t parts_memory(const struct parts *p);

struct part_row {
	const char *protocol;
	const char *tenant;
	const char *workflow;
	const char *operation;
	uint64_t count; /* requests */
	uint64_t parts_ns[PART_MAX];
};

/*
 * All rows, sorted by their labels in order, no two with equal ones; for the caller to free(). Names
 * are those of `owners` and of p. 0 or -ENOMEM.
 */
int parts_read(const struct parts *p, const struct intern *owners, struct part_row **rows,
	       size_t *n);

/* "queue", "cpu", "run_queue_neighbour" and so on; NULL past the end. */
const char *parts_name(unsigned int part);

#endif
