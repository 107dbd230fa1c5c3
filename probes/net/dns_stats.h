/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is counted of DNS by container, and the queries that are not answered yet: maps of dns.bpf.h. */
#ifndef TALLYMAN_DNS_STATS_H
#define TALLYMAN_DNS_STATS_H

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

#endif
