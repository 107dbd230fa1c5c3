/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wait events by the names that pg_stat_activity shows: a `pg_event` of a record (see pg_stats.h) to
 * its wait_event_type and wait_event.
 */
#ifndef TALLYMAN_WAIT_EVENT_H
#define TALLYMAN_WAIT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/postgres/pg_stats.h"

/* Room for every name. */
#define WAIT_EVENT_NAME_MAX 64

struct wait_event_name {
	char s[WAIT_EVENT_NAME_MAX];
};

/* PostgreSQL's wait_event_info of a server of that major version (0: not known), as a pg_event. */
uint32_t wait_event_pack(uint32_t wait_event_info, uint32_t major);

uint32_t wait_event_major(uint32_t pg_event);

/* "Lock", "LWLock", ...; "" if there is none, "unknown" if there is no such class. Static. */
const char *wait_event_class(uint32_t pg_event);

/*
 * "transactionid", "WALWrite", ...; "" if there is none. "event_<number>" where the version is not
 * known, or has no such event; "extension" for light-weight locks of extensions, as the server says
 * when it does not know their name either.
 */
struct wait_event_name wait_event_name(uint32_t pg_event);

/* A heavyweight lock: the server can say who holds it. */
bool wait_event_is_lock(uint32_t pg_event);

/* The part of a request that a sleep in it is, unless something more exact is known. */
int wait_event_part(uint32_t pg_event);

#endif
