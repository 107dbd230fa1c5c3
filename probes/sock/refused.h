/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that PostgreSQL refused before they could ask anything: a wrong password, a role, database or address
 * that it does not let in, too many of them. In: where a connection comes from, and its first reply. Out: EVENT_REFUSED.
 */
#ifndef TALLYMAN_REFUSED_H
#define TALLYMAN_REFUSED_H

#include "probes/probe.h"
#include "probes/sock/conn.h"

/* It became known where c comes from. */
void refused_conn(struct conn *c, const struct rec_conn *r);

/* A reply, and the outcome that it tells. `unknown`: the statement of what asked for nothing. */
void refused_reply(const struct conn *c, const struct rec_reply *r, const char *outcome,
		   const struct statement *unknown, const struct probe_sink *sink);

#endif
