/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the record of a connection. Out: an event if no more than that will be heard of it. Such a connection
 * takes no room in any table.
 */
#include "probes/sock/undecoded.h"

bool undecoded_conn(const void *rec, const struct probe_sink *sink)
{
	const struct rec_conn *r = rec;
	struct event ev = { .kind = EVENT_UNDECODED,
			    .time_ns = r->hdr.time_ns,
			    .undecoded = { .role = r->role < ROLE_MAX ? r->role : ROLE_UNKNOWN,
					   .protocol = r->protocol,
					   .cgroup = r->cgroup } };

	if (r->protocol != PROTO_HTTP2)
		return false;
	sink->emit(sink->ctx, &ev);
	return true;
}
