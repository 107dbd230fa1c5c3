/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How long a TCP client's connection took to establish: the network probe knows it, the socket probe asks
 * once, when the connection turns out to speak a protocol. By the socket's address; what nobody asks for is
 * forgotten when there are many newer ones.
 */
#ifndef TALLYMAN_CONNECT_H
#define TALLYMAN_CONNECT_H

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u64);
} connect_times SEC(".maps") __weak;

#endif
