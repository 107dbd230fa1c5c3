/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a protocol tells the socket decoder: where its messages end, which of them are requests, and
 * what they ask. One of these per protocol, in probes/<protocol>/. A protocol gets bytes of one
 * connection's request direction and a struct peer to report to; it knows no record and no reply.
 */
#ifndef TALLYMAN_PROTOCOL_H
#define TALLYMAN_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/wire.h"
#include "probes/probe.h"
#include "probes/sock/request.h"
#include "user/lib/str.h"

/* One message, as far as it is known. */
struct message {
	uint64_t bytes;	 /* its whole length; with `cut`, at least that */
	uint32_t number; /* of the request that it is */
	uint8_t phase;	 /* enum conn_phase */
	bool counted;	 /* it is a request */
	bool wanted;	 /* its content matters */
	bool cut;	 /* not all of its bytes are there */
	struct moment begin;
};

/* One end's connection, as a protocol sees it. */
struct peer {
	const struct probe_env *env;
	struct requests *requests;
	uint64_t *forgotten;  /* counts requests that found no room */
	uint64_t *unanswered; /* counts those that are asked without a reply */
	void *state;	      /* the protocol's own */
	bool left;	      /* the client said that it ends the session */
	bool walsender;	      /* PostgreSQL: the session is a replica's, or a backup's */
	/* Who asks became known, or changed. What is {NULL} stays as it is; strings are copied. */
	void (*identify)(struct peer *peer, struct str database, struct str user,
			 struct str application_name);
};

struct protocol_decoder {
	enum protocol id;
	bool counts_headers; /* a request is counted where its header ends; else where it ends */
	void *(*state_new)(const struct probe_env *env);
	void (*state_free)(void *state);
	/*
	 * Looks at the n bytes at p, where a message begins; n > 0. 1: m->bytes is its length (which may
	 * be more than n). 0: more bytes are needed to tell; m->bytes says how many there are at least.
	 * -EBADMSG: no message. Called again with more bytes of the same message, it goes on where it was.
	 */
	int (*scan)(void *state, const char *p, size_t n, struct message *m);
	/* A message that is wanted, as a whole or cut. Ends what scan() began. */
	void (*message)(struct peer *peer, struct str bytes, const struct message *m);
	/* What scan() began is abandoned. */
	void (*reset)(void *state);
	/* Messages may be missing before the next one. May be NULL. */
	void (*gap)(void *state);
	/* The request `index` of the reply ended as e tells so far: says what else is known. May be NULL. */
	void (*answered)(struct peer *peer, const struct request *req, const struct rec_reply *r,
			 unsigned int index, struct event_request *e);
};

extern const struct protocol_decoder postgres_protocol;
extern const struct protocol_decoder redis_protocol;
extern const struct protocol_decoder http_protocol;

static inline void peer_push(struct peer *p, const struct request *r)
{
	if (!requests_push(p->requests, r))
		++*p->forgotten;
}

/* Queues a request that message m is, or completes. */
static inline void peer_request(struct peer *p, const struct message *m, struct moment begin,
				const struct statement *st, uint64_t bytes)
{
	struct request r = { .begin = begin,
			     .statement = st,
			     .number = m->number,
			     .bytes = bytes < UINT32_MAX ? bytes : UINT32_MAX };

	peer_push(p, &r);
}

#endif
