/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that the tracer is not given: tests/live/preload/shortage.c is loaded into it, counts its allocations and
 * refuses those that this file, which both have mapped, tells it to.
 */
#ifndef TALLYMAN_LIVE_SHORTAGE_H
#define TALLYMAN_LIVE_SHORTAGE_H

#include <stdint.h>

#define SHORTAGE_ENV "TALLYMAN_SHORTAGE"

struct shortage {
	uint64_t calls;	  /* so far */
	uint64_t from;	  /* the first one to refuse, 1 is the first of all; 0: none */
	uint64_t until;	  /* from this one on they are granted again */
	uint64_t refused; /* so far */
};

#endif
