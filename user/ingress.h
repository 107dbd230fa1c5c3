/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proxies serve and what their upstreams answer. In: HTTP requests of processes that are proxies by their name,
 * with their owner. Out: counts and time by proxy, container and port, and by upstream and its port. The number of rows
 * is limited: the busiest are kept, the others are in one row per proxy and side that is "other" in all else.
 */
#ifndef TALLYMAN_INGRESS_H
#define TALLYMAN_INGRESS_H

#include <stddef.h>

#include "user/event.h"
#include "user/owner.h"

struct intern;
struct ingress;

enum ingress_outcome {
	INGRESS_OK,
	INGRESS_4XX,
	INGRESS_5XX,
	INGRESS_UNANSWERED, /* of an upstream: the proxy gave up */
	INGRESS_OTHER,
	INGRESS_OUTCOME_MAX
};

/* NULL: out of memory. */
struct ingress *ingress_new(uint32_t rows_max);
void ingress_free(struct ingress *g);
void ingress_clear(struct ingress *g);

/* These do nothing unless the process is a proxy. `peer`: a name of the owners' table. */
void ingress_request(struct ingress *g, struct owner owner, uint32_t peer,
		     const struct event_request *r);
void ingress_unanswered(struct ingress *g, struct owner owner, uint32_t peer,
			const struct event_unanswered *u);

struct ingress_row {
	const char *proxy;
	bool upstream; /* what it asked an upstream, not what it served */
	const char *container;
	const char *peer;  /* of an upstream; else "" */
	unsigned int port; /* that the proxy, or the upstream, listens on; 0: a Unix socket */
	bool is_other;
	uint64_t requests[INGRESS_OUTCOME_MAX];
	uint64_t time_ns; /* served: queue and service; upstream: sent to the last byte read; answered ones */
};

/* As parts_read(). */
int ingress_read(const struct ingress *g, const struct intern *owners, struct ingress_row **rows,
		 size_t *n);

/* "ok" and so on; NULL past the end. */
const char *ingress_outcome_name(unsigned int outcome);

#endif
