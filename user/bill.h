/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Billing: for whose requests a container had the CPU, waited for it, and used disks. The kernel tells that for each
 * pair of a container and a payer's (0: nobody's in particular); here they are split among the owners of
 * the requests that it answered meanwhile, or has not answered yet. In: requests, and drained times. Out:
 * shares that add up to them exactly.
 */
#ifndef TALLYMAN_BILL_H
#define TALLYMAN_BILL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/event.h"
#include "user/owner.h"

struct bill;

enum bill_kind {
	BILL_CPU,   /* time on a CPU */
	BILL_WAIT,  /* time on a run queue */
	BILL_BLOCK, /* time asleep in block I/O; of the I/O itself, time of its requests */
	BILL_KINDS
};

/* Shares of a time that are kept for bill_split(); what smaller ones had is the rest's there. */
#define BILL_PARTS 32

typedef void (*bill_fn)(void *ctx, struct owner owner, uint64_t ns);

/* NULL: out of memory. */
struct bill *bill_new(void);
void bill_free(struct bill *b);

/* A request and its owner. What it cannot remember is the rest's. */
void bill_request(struct bill *b, struct owner owner, const struct event_request *r);

/* From here on other requests are open: bill_open() tells which. */
void bill_open_begin(struct bill *b);
/* One that is not answered yet, and for how long it was open since the last time that this was told. */
void bill_open(struct bill *b, struct owner owner, const struct event_open *o);

/* Did the cgroup answer requests of PostgreSQL or Redis? */
bool bill_is_server(struct bill *b, uint64_t cgroup);

/*
 * `of` used so much CPU time since this was last called for it, and waited so long: hands on each owner's
 * share of the CPU time. Returns the rest, which is no request's: the payer's, or the server's own.
 */
uint64_t bill_sched(struct bill *b, const struct rec_owner *of, uint64_t cpu_ns, uint64_t wait_ns,
		    bill_fn fn, void *ctx);

/*
 * The same of block I/O whose requests took so long, told before that second's bill_sched(). Only how long
 * requests slept in it is measured: the shares are as those are.
 */
uint64_t bill_io(struct bill *b, const struct rec_owner *of, uint64_t ns, bill_fn fn, void *ctx);

/* Splits ns as the last bill_sched() or bill_io() split that kind of time. Returns the rest. */
uint64_t bill_split(struct bill *b, const struct rec_owner *of, enum bill_kind kind, uint64_t ns,
		    bill_fn fn, void *ctx);

/* The owner of more than half of the last CPU time. False: none had so much. */
bool bill_most(struct bill *b, const struct rec_owner *of, struct owner *owner);

/* What part/whole of ns is; 0 of 0 is 0. */
static inline uint64_t bill_part(uint64_t ns, uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)((unsigned __int128)ns * part / whole) : 0;
}

/* The cgroup is gone. */
void bill_forget(struct bill *b, uint64_t cgroup);
void bill_clear(struct bill *b);

#endif
