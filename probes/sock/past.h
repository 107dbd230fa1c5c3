/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last statements of a PostgreSQL connection were, and which of them are of one transaction: who
 * holds a lock took it with one of them, and may be idle by now. In: requests as they are read, replies.
 * Out: the statements at some moment. Bounded: the newest PAST_MAX that differ from the one before.
 */
#ifndef TALLYMAN_PAST_H
#define TALLYMAN_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "user/event.h"

#define PAST_MAX 16 /* a power of two */

struct conn;

struct past_statement {
	const struct statement *statement;
	uint64_t read_ns;
	uint32_t number; /* as in request.h; of several in a row the first one's */
	uint32_t transaction;
};

/* Statements of one transaction, the newest first. */
struct past_list {
	const struct statement *v[PAST_MAX];
	unsigned int n;
};

struct past {
	struct past_statement ring[PAST_MAX];
	uint32_t made;	      /* ever; wraps */
	uint32_t n;	      /* in ring[] */
	uint32_t transaction; /* of what is read next; wraps */
	/* Of the last wait for a lock, see blocked.h: by whom it was held for most of it. */
	uint64_t blocked_ns;
	uint64_t blocked_from_ns; /* when that wait began */
	const struct subject *holder;
	struct past_list holder_did;
};

/* The newest n requests of c are new. */
void past_read(struct conn *c, uint32_t n);

/* A reply with that status of the transaction came. */
void past_reply(struct conn *c, uint8_t tx_status);

/*
 * The statements of c's transaction up to that time. Of a connection that is in none: the last statement,
 * as its session may hold locks. Empty: not known.
 */
void past_at(const struct conn *c, uint64_t time_ns, struct past_list *out);

/*
 * What its transaction did before the request of that number, if this is about nothing but the transaction
 * (COMMIT, SAVEPOINT), the newest first. Empty for any other.
 */
void past_before(const struct conn *c, const struct statement *s, uint32_t number,
		 struct past_list *out);

#endif
