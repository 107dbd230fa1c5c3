/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is counted of DNS by container, and the queries that are not answered yet: maps of dns.bpf.h. */
#ifndef TALLYMAN_DNS_STATS_H
#define TALLYMAN_DNS_STATS_H

#define DNS_NAME_BYTES 256 /* a name has 255 at most */
#define DNS_TIMED_OUT 0xff /* in place of an answer */

#define DNS_NAME_BYTES 256 /* a name has 255 at most */
#define DNS_TIMED_OUT 0xff /* in place of an answer */
#define DNS_TOLD_MAX 4096  /* answers between two drains whose names are known */

/* Words of 64 bits, all of which only grow. */
struct dns_stats {
	__u64 queries;
	__u64 retried; /* the same query again, before there was an answer */
	__u64 answers[DNS_ANSWER_MAX];
	__u64 wait_ns; /* of those answered, since they were asked first */
	__u64 waits[SCHED_BUCKETS];
};

struct dns_key {
	__u64 socket;
	__u64 id; /* of the query */
};

struct dns_query {
	__u64 asked_ns;
	__u64 cgroup;
};

/* Of a query: its name as it is in the message, and, when it is answered, the answer. Only if names are wanted. */
struct dns_named {
	__u64 cgroup;
	__u64 wait_ns;
	__u16 len;   /* of bytes[]; 0: they could not be read */
	__u8 answer; /* enum dns_answer, or DNS_TIMED_OUT */
	__u8 pad[5];
	unsigned char bytes[DNS_NAME_BYTES];
};

/* One direction of a TCP connection: where in a message it is. */
struct dns_stream {
	__u32 left; /* bytes of the present message that are passed over */
	__u8 have;  /* bytes in head[] */
	__u8 lost;  /* nothing of it is known any more */
	__u16 pad;
	__u8 head[16]; /* length, number and flags of the message that begins */
};

#endif
