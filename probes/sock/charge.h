/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for a server's thread, added up before they are told: a busy server has a handful of pieces for
 * each request, of always the same parties. In: pieces. Out: EVENT_WAIT, each nanosecond in exactly one
 * of them, at the latest when charges_flush() is called.
 */
#ifndef TALLYMAN_CHARGE_H
#define TALLYMAN_CHARGE_H

#include "probes/probe.h"
#include "probes/sock/line.h"

static inline struct party occupant_party(const struct occupant *o)
{
	return (struct party){ .subject = o->subject,
			       .statement = o->statement,
			       .context = o->context };
}

#define CHARGE_CELLS 512 /* a power of two */

struct charge {
	struct occupant waiter;
	struct occupant occupant;
	uint64_t wait_ns;
	uint64_t waits; /* 0: the cell is free */
	enum wait_cause cause;
};

struct charges {
	uint64_t time_ns;     /* of the last charge */
	uint32_t used;	      /* cells */
	struct charge *cells; /* CHARGE_CELLS of them; NULL until there is a charge */
};

/* Zeroed. NULL: no memory. */
struct charges *charges_new(void);
void charges_free(struct charges *c);

/* `requests` of the waiter waited piece->ns each. */
void charges_add(struct charges *c, struct occupant waiter, const struct line_piece *piece,
		 uint64_t requests, uint64_t time_ns, const struct probe_sink *sink);
void charges_flush(struct charges *c, const struct probe_sink *sink);

#endif
