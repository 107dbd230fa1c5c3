/* SPDX-License-Identifier: Apache-2.0 */
/* What exporters share about struct net_counts: its labels and sums. */
#include <stdint.h>

#include "user/net_names.h"

const char *const net_peer_names[NET_PEER_MAX + 1] = {
	[NET_PEER_UNKNOWN] = "unknown",	  [NET_PEER_NODE] = "",
	[NET_PEER_LOOPBACK] = "loopback", [NET_PEER_LINK] = "link-local",
	[NET_PEER_PRIVATE] = "private",	  [NET_PEER_PUBLIC] = "public",
	[NET_PEER_MAX] = "other",
};

const char *const net_failure_names[NET_FAILED_MAX + 1] = {
	[NET_FAILED_REFUSED] = "refused",     [NET_FAILED_TIMED_OUT] = "timed_out",
	[NET_FAILED_RESET] = "reset",	      [NET_FAILED_UNREACHABLE] = "unreachable",
	[NET_FAILED_ABANDONED] = "abandoned", [NET_FAILED_NO_PORT] = "no_port",
	[NET_FAILED_OTHER] = "other",
};

const char *const net_end_names[NET_END_MAX + 1] = {
	[NET_END_LOCAL] = "local",	     [NET_END_PEER] = "peer",
	[NET_END_RESET_SENT] = "reset_sent", [NET_END_RESET_RECEIVED] = "reset_received",
	[NET_END_TIMED_OUT] = "timed_out",   [NET_END_OTHER] = "other",
};

const char *const net_resend_names[NET_RESEND_MAX + 1] = {
	[NET_RESEND_HANDSHAKE] = "handshake",
	[NET_RESEND_FAST] = "fast",
	[NET_RESEND_TIMEOUT] = "timeout",
	[NET_RESEND_PROBE] = "probe",
};

const char *const net_direction_names[NET_DIRECTIONS + 1] = {
	[NET_SENT] = "sent",
	[NET_RECEIVED] = "received",
};

const char *const net_stall_names[NET_STALL_MAX + 1] = {
	[NET_STALL_PEER_WINDOW] = "peer_window",
	[NET_STALL_SEND_BUFFER] = "send_buffer",
};

uint64_t net_sum(const uint64_t *counts, unsigned int n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += counts[i];
	return sum;
}

uint64_t net_open(const struct net_counts *n)
{
	uint64_t begun = n->opened + n->late,
		 ended = net_sum((const uint64_t *)n->closed, NET_END_MAX);

	return begun > ended ? begun - ended : 0;
}
