/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which protocol's framing walks a connection's bytes: the one place where it is chosen. In: what is in
 * the lane's work area. Out: 0, or -1 if the bytes fit no framing.
 */
#ifndef TALLYMAN_FRAMING_BPF_H
#define TALLYMAN_FRAMING_BPF_H

static __always_inline int walk_requests(struct conn *c)
{
	switch (c->protocol) {
	case PROTO_POSTGRESQL:
		return pg_requests(c);
	case PROTO_REDIS:
		return resp_requests(c);
	default:
		return http_requests(c);
	}
}

static __always_inline int walk_replies(struct conn *c)
{
	switch (c->protocol) {
	case PROTO_POSTGRESQL:
		return pg_replies(c);
	case PROTO_REDIS:
		return resp_replies(c);
	default:
		return http_replies(c);
	}
}

#endif
