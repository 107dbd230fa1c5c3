/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's wait events by major version, for wait_event.c and its tests only. */
#ifndef TALLYMAN_WAIT_EVENT_TABLE_H
#define TALLYMAN_WAIT_EVENT_TABLE_H

#include <stdint.h>

#include "probes/postgres/pg_stats.h"

#define WAIT_EVENT_MAJOR_MIN 13
#define WAIT_EVENT_MAJORS 6

struct wait_event_row {
	uint8_t wait_class; /* enum pg_wait_class */
	const char *name;
	int16_t id[WAIT_EVENT_MAJORS]; /* by major version; -1: that one does not have it */
};

extern const struct wait_event_row wait_event_table[];
extern const unsigned int wait_event_rows;

#endif
