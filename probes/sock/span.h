/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When bytes of a connection arrived at its server's end or were read at its client's, and which
 * requests those bytes were. The same byte has the same position at both ends.
 */
#ifndef TALLYMAN_SPAN_H
#define TALLYMAN_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "probes/sock/fifo.h"
#include "user/event.h"

struct statement;
struct subject;

/* Bytes that crossed an end at once. */
struct span {
	uint64_t pos;
	uint64_t end;
	uint64_t time_ns;
	uint64_t run_queue_ns; /* see rec_turn */
};

/* In order, as far as no request that is told had them. */
struct spans {
	struct fifo fifo;
};

#define SPAN_NOWHERE UINT64_MAX

/* A request that the server's end completed. */
struct done {
	uint64_t pos;	   /* of its first byte; SPAN_NOWHERE: it was not seen */
	uint64_t end;	   /* of its reply */
	uint64_t start_ns; /* arrival at the server */
	uint64_t reply_ns;
	uint64_t queue_ns; /* of the server's end */
	uint64_t service_ns;
	const struct statement *statement;
	const struct statement *context;
	const char *outcome;
	const struct subject *subject; /* of the server's end */
	uint64_t rows;
	uint32_t number; /* as in request.h */
	uint32_t bytes;
	uint32_t reply_bytes;
	struct event_redis redis;
};

void spans_free(struct spans *s, uint64_t *room);

/* At most `max` are kept, the newest. */
void spans_add(struct spans *s, const struct span *span, uint32_t max, uint64_t *room);

/*
 * When did the byte at `pos` cross? Positions are asked for in their order: what lies before is
 * forgotten. 0: in no span.
 */
uint64_t spans_time(struct spans *s, uint64_t pos);
/* The same: the span. NULL: none. Valid until the next call. */
const struct span *spans_of(struct spans *s, uint64_t pos);

/*
 * When was the last byte before `end` read? As spans_time(), but bytes whose span was lost count as read
 * with the next. 0: not yet.
 */
uint64_t spans_reached(struct spans *s, uint64_t end);

#endif
