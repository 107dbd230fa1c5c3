/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket probe's hooks, variants best first. The three socket tracepoints are there
 * since Linux 6.3; before it, the functions that they stand in are traced. The variants of a hook
 * do not share their knowledge of connections: kprobes are for kernels without the other two.
 */
#include "probes/probe.h"

static const struct hook_variant arrival[] = {
	{ "sock_arrival", HOOK_TP_BTF, .target = "sk_data_ready" },
	{ "sock_arrival_fe", HOOK_FENTRY, .target = "sock_def_readable" },
	{ "sock_arrival_kp", HOOK_KPROBE, .target = "sock_def_readable" },
	{ 0 },
};

static const struct hook_variant read[] = {
	{ "sock_read", HOOK_TP_BTF, .target = "sock_recv_length" },
	{ "sock_read_fx", HOOK_FEXIT, .target = "inet_recvmsg",
	  .with = { "sock_read6_fx", "sock_readu_fx" } },
	{ "sock_read_krp", HOOK_KRETPROBE, .target = "inet_recvmsg",
	  .with = { "sock_forget_kp", "sock_read_kp", "sock_read6_kp", "sock_readu_kp",
		    "sock_read6_krp", "sock_readu_krp" } },
	{ 0 },
};

static const struct hook_variant write[] = {
	{ "sock_write", HOOK_TP_BTF, .target = "sock_send_length" },
	{ "sock_write_fx", HOOK_FEXIT, .target = "inet_sendmsg",
	  .with = { "sock_write6_fx", "sock_writeu_fx", "sock_sendpage_fx" } },
	{ "sock_write_krp", HOOK_KRETPROBE, .target = "inet_sendmsg",
	  .with = { "sock_write_kp", "sock_write6_kp", "sock_writeu_kp", "sock_sendpage_kp",
		    "sock_write6_krp", "sock_writeu_krp", "sock_sendpage_krp" } },
	{ 0 },
};

static const struct hook_variant close[] = {
	{ "sock_close", HOOK_TP_BTF, .target = "inet_sock_set_state" },
	{ 0 },
};

const struct hook sock_hooks[] = {
	{ "arrival", false, arrival, "no queue times: requests count from their read" },
	{ "read", true, read, "no requests at all" },
	{ "write", true, write, "no requests at all" },
	{ "close", false, close, "closed TCP connections are forgotten late" },
	{ 0 },
};
