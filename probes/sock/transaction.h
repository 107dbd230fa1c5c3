/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's transactions as spans of their own. In: a connection's replies, each with the state that its
 * ReadyForQuery told, and what the server said of COMMIT and ROLLBACK. Out: how one ended, how long it took, how much of
 * that the server waited for the client. A request outside of BEGIN and COMMIT is a transaction, too.
 */
#ifndef TALLYMAN_TRANSACTION_H
#define TALLYMAN_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "user/event.h"

/* Of one connection. Zero: nothing was answered yet. */
struct transaction {
	uint64_t begin_ns;
	uint64_t replied_ns; /* the last reply in it */
	uint64_t idle_ns;
	uint32_t statements;
	uint32_t next;	    /* number of the request that is answered next */
	uint8_t status;	    /* of the last ReadyForQuery; 0: none yet */
	bool timed;	    /* all of it was seen so far */
	bool told_by_other; /* the other end is on this node, and tells */
};

struct conn;
struct occupant;
struct probe_sink;

/* The end that tells: the server's, or the client's if the server is on another node. Of walsenders none is told. */
bool transaction_does(const struct conn *c);

/*
 * A reply of c was told. `first`: the first of its requests, which began at begin_ns (0: not known). `unknown`: the
 * statement of what was not seen.
 */
void transaction_reply(struct conn *c, const struct rec_reply *r, const struct occupant *first,
		       const struct statement *unknown, uint64_t begin_ns,
		       const struct probe_sink *sink);

/* c is about to be removed. */
void transaction_close(struct conn *c, uint64_t time_ns, const struct statement *unknown,
		       const struct probe_sink *sink);

#endif
