/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that work off their connections in one thread (Redis): for whom the thread works, and what
 * each request's wait for it is charged to. In: the server's ends of connections, with what they read
 * and wrote. Out: EVENT_WAIT of RESOURCE_REDIS. The pieces of a request add up to its queue time; on top
 * come those, of neighbours only, that it waited for between being read and being answered.
 */
#ifndef TALLYMAN_SERVE_H
#define TALLYMAN_SERVE_H

#include "probes/probe.h"
#include "probes/sock/charge.h"
#include "probes/sock/conn.h"

#define SERVE_LINES_MAX 512 /* servers; 11 KiB each */

struct serve {
	struct lines lines;
	struct charges *charges;
	const struct statement *unknown;
};

/* `unknown`: the statement of what could not be read. -ENOMEM. */
int serve_init(struct serve *s, const struct statement *unknown);
/* After all connections are gone. */
void serve_clear(struct serve *s);

static inline bool serve_does(const struct conn *c)
{
	return c->role == ROLE_SERVER && c->protocol && c->protocol->id == PROTO_REDIS;
}

/* For connections of which serve_does() is true; c->requests.pushed was `before` before the record. */

/* It became known which process is at this end. */
void serve_conn(struct serve *s, struct conn *c, uint32_t pid);
void serve_read(struct serve *s, struct conn *c, const struct rec_request *r, uint32_t before,
		const struct probe_sink *sink);
/* Before what follows is told of the reply's requests. */
void serve_replies(struct conn *c, const struct rec_reply *r);
/*
 * One of the requests that the reply answers, before serve_reply(). It was read, and then waited once more
 * while the thread worked for those that were read after it: replies are written at the end of a turn.
 * Sets e->turns and e->busy_ns.
 */
void serve_answered(struct serve *s, struct conn *c, const struct moment *begin,
		    struct event_request *e, uint64_t reply_ns, const struct probe_sink *sink);
/* `first`: of the first request that is answered; no statement: none was. */
void serve_reply(struct serve *s, struct conn *c, const struct rec_reply *r, uint32_t before,
		 struct occupant first, const struct probe_sink *sink);

#endif
