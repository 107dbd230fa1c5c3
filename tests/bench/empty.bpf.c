// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Programs that do nothing, on the tracer's busiest tracepoints. What the kernel's statistics say of them
 * is the statistics' own cost, to be taken off the tracer's figures.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sk_data_ready")
int BPF_PROG(empty_arrival)
{
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(empty_read)
{
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(empty_write)
{
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(empty_switch)
{
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(empty_wakeup)
{
	return 0;
}
