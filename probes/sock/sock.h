/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket probe's decoder: REC_CONN, REC_REQUEST, REC_REPLY, REC_PROGRESS and REC_CLOSE in, out
 * one event for each request that a REC_REPLY completes, and for a local client's end one more.
 */
#ifndef TALLYMAN_SOCK_H
#define TALLYMAN_SOCK_H

#include "probes/probe.h"

#define SOCK_CONNS_MAX 65536
#define SOCK_REQUESTS_MAX (1 << 20) /* waiting for replies, over all connections: 40 MiB */

extern const struct probe sock_probe;

/* What the decoder of the socket probe had to leave out since it was made. */
struct sock_counts {
	uint64_t evicted_conns;	      /* forgotten to make room */
	uint64_t forgotten_requests;  /* more than a connection's queue holds */
	uint64_t unknown_requests;    /* answered, but never seen */
	uint64_t unanswered_requests; /* asked so that there is no reply: Redis' CLIENT REPLY */
	uint64_t threaded_servers;    /* that read in several threads; see line.h */
};

struct sock_counts sock_counts(const void *state);

#endif
