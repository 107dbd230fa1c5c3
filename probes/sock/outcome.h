/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How requests ended: "ok", a SQLSTATE, a Redis error word, "4xx", "5xx", "skipped" (not run: one before it in the
 * same unit failed), "unknown" (one of several that failed, or not). Interned and bounded: servers let
 * users make up errors.
 */
#ifndef TALLYMAN_OUTCOME_H
#define TALLYMAN_OUTCOME_H

#include "bpf/wire.h"

#define OUTCOME_OK "ok"

struct outcomes;

struct outcomes *outcomes_new(void);
void outcomes_free(struct outcomes *o);

/* Of the request `index` from rec_reply.seq. errors[] has r->nerrors entries. Never NULL. */
const char *outcome_of(struct outcomes *o, const struct rec_reply *r, unsigned int index);

/* The first error that it tells, or "ok". Never NULL. */
const char *outcome_error(struct outcomes *o, const struct rec_reply *r);

#endif
