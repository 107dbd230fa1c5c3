/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wait events by name. In: a number as the kernel side read it, of any server, maybe a hostile one. Out:
 * names of pg_stat_activity. Where a table has no name, the number is shown: never a guess.
 */
#include "probes/postgres/wait_event.h"

#include <stdio.h>
#include <string.h>

#include "bpf/wire.h"
#include "probes/postgres/wait_event_table.h"

/* src/include/utils/wait_event.h of 14 to 18, src/include/pgstat.h of 13: PG_WAIT_*. */
static const struct {
	const char *name;
	int part;
} classes[PG_WAIT_CLASS_MAX] = {
	[PG_WAIT_LWLOCK] = { "LWLock", PART_LOCK },
	[PG_WAIT_LOCK] = { "Lock", PART_LOCK },
	[PG_WAIT_BUFFER_PIN] = { "BufferPin", PART_LOCK },
	[PG_WAIT_ACTIVITY] = { "Activity", PART_OTHER },
	[PG_WAIT_CLIENT] = { "Client", PART_CLIENT },
	[PG_WAIT_EXTENSION] = { "Extension", PART_OTHER },
	[PG_WAIT_IPC] = { "IPC", PART_OTHER },
	[PG_WAIT_TIMEOUT] = { "Timeout", PART_OTHER },
	[PG_WAIT_IO] = { "IO", PART_BLOCK },
	[PG_WAIT_INJECTION_POINT] = { "InjectionPoint", PART_OTHER },
};

static uint32_t class_of(uint32_t pg_event)
{
	uint32_t n = pg_event >> PG_EVENT_CLASS_SHIFT;

	return n < PG_WAIT_CLASS_MAX && classes[n].name ? n : 0;
}

uint32_t wait_event_pack(uint32_t wait_event_info, uint32_t major)
{
	uint32_t id = wait_event_info & PG_EVENT_ID_MASK;

	if (id > PG_EVENT_ID_MAX)
		id = PG_EVENT_ID_MAX;
	if (!(wait_event_info >> PG_EVENT_CLASS_SHIFT))
		return 0;
	return wait_event_info >> PG_EVENT_CLASS_SHIFT << PG_EVENT_CLASS_SHIFT |
	       (major & 0xff) << PG_EVENT_MAJOR_SHIFT | id;
}

uint32_t wait_event_major(uint32_t pg_event)
{
	return pg_event >> PG_EVENT_MAJOR_SHIFT & 0xff;
}

const char *wait_event_class(uint32_t pg_event)
{
	uint32_t n = class_of(pg_event);

	if (!pg_event)
		return "";
	return n ? classes[n].name : "unknown";
}

/* The row of an event; *past: the number is behind all that this version has in the class. */
static const struct wait_event_row *row_of(uint32_t pg_event, bool *past)
{
	uint32_t column = wait_event_major(pg_event) - WAIT_EVENT_MAJOR_MIN;
	int id = (int)(pg_event & PG_EVENT_ID_MASK);

	*past = false;
	if (column >= WAIT_EVENT_MAJORS)
		return NULL;
	*past = true;
	for (unsigned int i = 0; i < wait_event_rows; i++) {
		const struct wait_event_row *row = &wait_event_table[i];

		if (row->wait_class != pg_event >> PG_EVENT_CLASS_SHIFT)
			continue;
		if (row->id[column] == id)
			return row;
		if (row->id[column] > id)
			*past = false;
	}
	return NULL;
}

struct wait_event_name wait_event_name(uint32_t pg_event)
{
	struct wait_event_name name = { "" };
	const struct wait_event_row *row;
	bool past;

	if (!pg_event)
		return name;
	row = row_of(pg_event, &past);
	if (row)
		snprintf(name.s, sizeof(name.s), "%s", row->name);
	else if (past && class_of(pg_event) == PG_WAIT_LWLOCK)
		strcpy(name.s, "extension");
	else
		snprintf(name.s, sizeof(name.s), "event_%u", pg_event & PG_EVENT_ID_MASK);
	return name;
}

bool wait_event_is_lock(uint32_t pg_event)
{
	return class_of(pg_event) == PG_WAIT_LOCK;
}

int wait_event_part(uint32_t pg_event)
{
	uint32_t n = class_of(pg_event);

	return n ? classes[n].part : PART_OTHER;
}
