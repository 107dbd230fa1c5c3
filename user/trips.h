/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where requests' time went as their clients saw it, summed up. In: clients' requests with a trip, and their
 * owner. Out: sums of each part per protocol, basis, tenant, workflow and peer. The number of rows is limited:
 * those with the most time are kept, the others are in one row per protocol and basis that is "other" in all else.
 */
#ifndef TALLYMAN_TRIPS_H
#define TALLYMAN_TRIPS_H

#include <stddef.h>

#include "user/event.h"
#include "user/owner.h"

struct intern;
struct trips;

/* NULL: out of memory. */
struct trips *trips_new(uint32_t rows_max);
void trips_free(struct trips *t);
void trips_clear(struct trips *t);

/* Does nothing for a request without a trip. `peer`: a name of the owners' table. */
void trips_request(struct trips *t, struct owner owner, uint32_t peer,
		   const struct event_request *r);

struct trip_row {
	const char *protocol;
	const char *basis;
	const char *tenant;
	const char *workflow;
	const char *peer;
	uint64_t count;
	uint64_t part_ns[TRIP_PART_MAX];
};

/* As parts_read(). */
int trips_read(const struct trips *t, const struct intern *owners, struct trip_row **rows,
	       size_t *n);

/* "connect" and so on, "measured" and "estimated"; NULL past the end. */
const char *trips_part_name(unsigned int part);
const char *trips_basis_name(unsigned int basis);

#endif
