/* SPDX-License-Identifier: Apache-2.0 */
/* The source is the client's address as the kernel knows it; ports are left out: each attempt has another one. */
#include "probes/sock/refused.h"

#include <arpa/inet.h>
#include <string.h>

void refused_conn(struct conn *c, const struct rec_conn *r)
{
	c->family = r->family;
	memcpy(c->source, c->role == ROLE_CLIENT ? r->local_addr : r->remote_addr,
	       sizeof(c->source));
}

static const char *source_of(const struct conn *c, char text[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	switch (c->family) {
	case CONN_UNIX:
		return "local";
	case CONN_INET:
		return inet_ntop(AF_INET, c->source, text, INET6_ADDRSTRLEN);
	case CONN_INET6:
		if (!memcmp(c->source, mapped, sizeof(mapped)))
			return inet_ntop(AF_INET, c->source + 12, text, INET6_ADDRSTRLEN);
		return inet_ntop(AF_INET6, c->source, text, INET6_ADDRSTRLEN);
	}
	return "";
}

void refused_reply(const struct conn *c, const struct rec_reply *r, const char *outcome,
		   const struct statement *unknown, const struct probe_sink *sink)
{
	struct event ev = { .kind = EVENT_REFUSED, .time_ns = r->hdr.time_ns };
	char text[INET6_ADDRSTRLEN];

	if (!(r->flags & REPLY_FATAL) || !(r->flags & REPLY_STARTUP) || !transaction_does(c))
		return;
	ev.refused.of = (struct party){ .subject = c->subject, .statement = unknown };
	ev.refused.outcome = outcome;
	ev.refused.source = source_of(c, text);
	sink->emit(sink->ctx, &ev);
}
