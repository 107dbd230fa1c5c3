/* SPDX-License-Identifier: Apache-2.0 */
/* The public names of what events are told apart by. */
#include "user/event.h"

static const char *const protocol_names[] = {
	[PROTO_UNKNOWN] = "unknown", [PROTO_POSTGRESQL] = "postgresql",
	[PROTO_REDIS] = "redis",     [PROTO_HTTP] = "http",
	[PROTO_TLS] = "tls",	     [PROTO_HTTP2] = "http2",
};
_Static_assert(sizeof(protocol_names) / sizeof(protocol_names[0]) == PROTO_MAX, "a name for each");

const char *event_protocol_name(unsigned int protocol)
{
	return protocol < PROTO_MAX ? protocol_names[protocol] : "other";
}
