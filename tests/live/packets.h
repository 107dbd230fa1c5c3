/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets between the two namespaces of stack.sh, and what they do to others by those others' own clock. Each
 * runs in a process of its own, in a cgroup. What cannot be done fails the running test.
 */
#ifndef TALLYMAN_LIVE_PACKETS_H
#define TALLYMAN_LIVE_PACKETS_H

#include <stdint.h>
#include <sys/types.h>

/* A loop on the first CPU that does nothing but read the clock. */
struct stolen {
	uint64_t wall_ns;
	uint64_t gap_ns; /* it was not running: reading after reading came later than it can */
	/* By the kernel's own count. */
	uint64_t queued_ns;    /* of that, another task had the CPU */
	uint64_t ksoftirqd_ns; /* of that, the CPU's ksoftirqd */
	uint64_t steal_ns;     /* the hypervisor had the CPU for others, to 10 ms */
};

/* In a cgroup and, as one that has a CPU to itself, a group of the cpu controller. */
struct stolen stolen_measure(const char *cgroup, const char *cpu_group, long ms);

/* Small datagrams from NAME-a to a socket in NAME-b that nobody reads, as fast as the second CPU can. */
pid_t flood_start(const char *cgroup, const char *name);

/* Datagrams of 1,000 bytes sent at once. */
struct burst {
	uint64_t sent;
	uint64_t received;
	uint64_t late_ns; /* between sending and receiving, all of them together */
};

struct burst burst_run(const char *cgroup, const char *name, int n);

#endif
