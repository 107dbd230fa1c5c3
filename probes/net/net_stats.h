/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the network hooks count, by container, its role and its peer. User space reads it by system calls
 * on a tick and takes differences; the kernel only ever adds. All are words of 64 bits, so that
 * differences need no knowledge of the fields. struct net_counts says what they mean.
 */
#ifndef TALLYMAN_NET_STATS_H
#define TALLYMAN_NET_STATS_H

struct net_key {
	__u64 cgroup;
	__u64 peer; /* cgroup; 0 unless NET_PEER_NODE */
	__u64 what; /* enum role | enum net_peer << 8 */
};

struct net_stats {
	struct net_counts n; /* but stall_ns: in ticks of the kernel's low-resolution clock */
	__u64 connects[SCHED_BUCKETS];
	__u64 rtt[SCHED_BUCKETS];
	__u64 windows[NET_DIRECTIONS]; /* closed ones, told by this end or the other, when read */
};

/* A packet that the kernel dropped. Its value is one word, how many. */
struct net_drop_key {
	__u64 cgroup; /* of the socket; 0: it has none, or its container is not known */
	__u64 peer;
	__u64 what;  /* enum role | enum net_peer << 8 | reason << 32 */
	__u64 netns; /* inode number; 0 unless cgroup is */
};

/* Connections accepted on a port. */
struct net_accept_key {
	__u64 cgroup;
	__u64 port;
};

struct net_accepts {
	__u64 wait_ns;
	__u64 waits[SCHED_BUCKETS];
};

/* A client's connection, by the address that it called, which is not translated yet. */
struct net_service_key {
	__u64 cgroup;
	__u64 peer;
	__u64 what;	  /* enum net_peer << 8 | address family << 16 | port << 32 */
	__u64 address[2]; /* as on the wire; IPv4 in the first four bytes */
};

struct net_services {
	__u64 opened;
	__u64 failed;
};

#define NET_UNACCEPTED (1 << 16) /* in net_listener.port: a connection that is not accepted yet */

/* What the iterator over the sockets tells of one that listens, or is not accepted yet. */
struct net_listener {
	__u64 cgroup;
	__u64 id;
	__u64 drops; /* since it listens, or we came; not accepted: how long it waits, ns */
	__u32 backlog;
	__u32 limit;
	__u32 netns;
	__u32 port;
};

#endif
