/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that their server has not answered yet. In: the connections. Out: EVENT_OPEN, once a tick. */
#ifndef TALLYMAN_OPEN_H
#define TALLYMAN_OPEN_H

#include "probes/probe.h"
#include "probes/sock/conn.h"

/* Time from *told_ns to now_ns is told, which *told_ns is then. */
void open_tell(struct conns *conns, uint64_t *told_ns, uint64_t now_ns,
	       const struct probe_sink *sink);

#endif
