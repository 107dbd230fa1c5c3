/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands do besides taking time: keys that are read and there or not, elements that are pushed and
 * popped, waiting for data, transactions, and who says that it asks. In: a command's arguments, then what
 * its reply's record tells. Out: numbers of struct event_redis. Keeps no value; names of clients only.
 */
#ifndef TALLYMAN_REDIS_ACT_H
#define TALLYMAN_REDIS_ACT_H

#include "bpf/wire.h"
#include "probes/redis/redis.h"
#include "probes/sock/request.h"
#include "user/event.h"

#define REDIS_WHO_MAX 64 /* bytes of a name that are kept */

enum redis_act {
	ACT_NONE,
	ACT_READ,      /* the reply is nil, 0 or empty if it is not there */
	ACT_READ_EACH, /* as many keys (or fields) as there are items, each nil if it is not there */
	ACT_PUSH,
	ACT_POP,      /* one, or nil */
	ACT_POP_MANY, /* as many as the reply's array has */
	ACT_ACK,      /* items of a stream, unless the reply is 0 */
	ACT_MULTI,
	ACT_EXEC,
	ACT_DISCARD,
	ACT_WHO, /* says who asks */
};

/* What a connection said of itself, until the reply says that it is so. */
struct redis_who {
	struct str user, application_name; /* {NULL}: nothing was said */
	uint32_t stays;			   /* bit n: argument n tells nothing but that */
};

/* What CLIENT REPLY asked for last. */
enum redis_replies {
	REPLIES_ALL,
	REPLIES_NOT_NEXT,
	REPLIES_NONE,
};

/* A connection, as far as its commands depend on those before. Zero: at its beginning. */
struct redis_session {
	enum redis_replies replies;
	uint32_t unanswered; /* commands so far to which there was no reply; wraps */
	uint32_t next;	     /* the number of the next command */
	bool multi;	     /* between MULTI and EXEC */
	bool had_multi;	     /* ever */
	bool unsure;	     /* commands were missed: there may have been a MULTI */
	uint32_t queued;
	uint64_t multi_ns;
	char user[REDIS_WHO_MAX], application_name[REDIS_WHO_MAX];
};

/* `total`: of the command's arguments, its name included; 0: it is a line, which says nothing of who asks. */
void redis_act(struct redis_session *s, const struct redis_facts *facts,
	       const struct redis_args *args, uint32_t total, uint64_t read_ns, struct act *out);

/* What the request `index` of the reply came to. */
void redis_acted(const struct act *act, const struct rec_reply *r, unsigned int index, bool ok,
		 struct event_request *e);

/*
 * The command of that number is the next one that is known: will it have a reply? *number becomes what its
 * reply has, which the kernel numbers as if each command had one.
 */
bool redis_replies(struct redis_session *s, const struct redis_facts *facts,
		   const struct redis_args *args, uint32_t *number);

/* The argument that says whether there are replies, also if it is cut. */
bool redis_says_reply(const struct redis_facts *facts, const struct redis_args *args,
		      unsigned int i);

/* May the command sleep until there is data? */
bool redis_blocks(const struct redis_facts *facts, const struct redis_args *args);

/* Points into args, of which some may not be there yet. */
void redis_who(const struct redis_facts *facts, const struct redis_args *args, uint32_t total,
	       struct redis_who *out);

#endif
