/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network probe's hooks: each is run for a connection's change of state, or a segment that is sent
 * again or resets one; none for ordinary segments. All of the tracepoints are older than the kernels we
 * run on.
 */
#include "probes/probe.h"

static const struct hook_variant state[] = {
	{ "net_state", HOOK_TP_BTF, .target = "inet_sock_set_state" },
	{ 0 },
};

static const struct hook_variant resend[] = {
	{ "net_resend", HOOK_TP_BTF, .target = "tcp_retransmit_skb" },
	{ 0 },
};

static const struct hook_variant handshake[] = {
	{ "net_synack", HOOK_TP_BTF, .target = "tcp_retransmit_synack" },
	{ 0 },
};

static const struct hook_variant reset_in[] = {
	{ "net_reset_in", HOOK_TP_BTF, .target = "tcp_receive_reset" },
	{ 0 },
};

static const struct hook_variant reset_out[] = {
	{ "net_reset_out", HOOK_TP_BTF, .target = "tcp_send_reset" },
	{ 0 },
};

static const struct hook_variant drop[] = {
	{ "net_drop", HOOK_TP_BTF, .target = "kfree_skb" },
	{ 0 },
};

/* No tracepoint tells of accept(); its function's arguments changed in 6.10. */
static const struct hook_variant accept[] = {
	{ "net_accept", HOOK_FEXIT, .target = "inet_csk_accept",
	  .needs = "proto_accept_arg.flags" },
	{ "net_accept_old", HOOK_FEXIT, .target = "inet_csk_accept" },
	{ 0 },
};

const struct hook net_hooks[] = {
	{ "state", false, state, "no TCP connections" },
	{ "resend", false, resend, "segments that were sent again are not told apart by cause" },
	{ "handshake", false, handshake, "SYN-ACKs that were sent again are not counted" },
	{ "reset_in", false, reset_in, "received resets are not counted" },
	{ "reset_out", false, reset_out, "sent resets are not counted" },
	{ "accept", false, accept, "how long connections waited to be accepted is not timed" },
	{ "drop", false, drop, "packets that the kernel drops are not counted by reason" },
	{ 0 },
};
