/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what decoders make of records, and what attribution, aggregation and export read. Facts
 * only, no owner yet. Everything an event points to is interned and lives until its table is freed,
 * unless said otherwise here.
 */
#ifndef TALLYMAN_EVENT_H
#define TALLYMAN_EVENT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "../bpf/wire.h"

/*
 * The facts about one end of a connection (or a process, or a container) that tell on whose behalf it
 * works. Interned: same facts, same pointer, same id. Strings are never NULL; "" is unknown.
 */
struct subject {
	uint32_t id;		/* dense, from 1 */
	uint64_t cgroup;	/* where the work is done */
	uint64_t client_cgroup; /* of the other end, if it is a client on this node; else 0 */
	const char *process;	/* comm of the process at this end */
	const char *client_process;
	const char *database;
	const char *user;
	const char *application_name;
};

struct sql_comment {
	const char *key;
	const char *value;
};

/* What was asked, without any literal, value or full key. Interned by all of its fields. */
struct statement {
	uint32_t id; /* dense, from 1 */
	enum protocol protocol;
	const char *operation; /* SELECT, GET, ... upper case; "unknown" where it could not be told */
	const char *summary;   /* OpenTelemetry db.query.summary */
	const char *text; /* OpenTelemetry db.query.text, sanitised; Redis: command and key pattern */
	const char *key_pattern; /* Redis: first key; HTTP: route; "" none */
	const char *host;	 /* HTTP: lower case, without a port; "" none */
	const char *const
		*tables; /* lower case unless quoted, schema kept if given; ntables of them */
	unsigned int ntables;
	const struct sql_comment *comments; /* only keys that a rule asks for */
	unsigned int ncomments;
};

/*
 * Whose work something was. With a subject: that of a request, and its statement. Without: of a
 * container, or of that of the client it worked for.
 */
struct party {
	const struct subject *subject;
	const struct statement *statement;
	/* The newest first: they tell the workflow if the statement tells none. Valid during the call. */
	const struct statement *const *before;
	unsigned int nbefore;
	const struct statement *context; /* as that of a request */
	struct rec_owner owner;
};

enum event_kind {
	EVENT_REQUEST = 1,
	EVENT_COARSE,
	EVENT_SCHED,
	EVENT_CGROUP,
	EVENT_COUNTS,
	EVENT_PROGRAM,
	EVENT_WAIT,
	EVENT_SLEEP,
	EVENT_LOCK,
	EVENT_IO,
	EVENT_MEMORY,
	EVENT_OPEN,
	EVENT_TRANSACTION,
	EVENT_REFUSED,
	EVENT_UNDECODED,
	EVENT_NET,
	EVENT_LISTENER,
	EVENT_ACCEPT,
	EVENT_DNS,
	EVENT_NAMED,
	EVENT_UNANSWERED,
	EVENT_SOFTIRQ,
	EVENT_EGRESS,
	EVENT_PRICE,
};

/* How a transaction of Redis ended. */
enum multi_end {
	MULTI_NONE,
	MULTI_EXECUTED,
	MULTI_CONFLICT,	 /* a key that was watched had changed */
	MULTI_ABORTED,	 /* a command of it could not be queued */
	MULTI_DISCARDED, /* by the client */
	MULTI_MAX
};

/* What a Redis command came to besides its time; zero: nothing of that. */
struct event_redis {
	uint64_t blocked_ns;	 /* from its read to its reply, of a command that waits for data */
	uint64_t transaction_ns; /* MULTI's read to the reply; 0: not known */
	uint32_t hits;		 /* of keys or fields that were asked for */
	uint32_t misses;
	uint32_t pushed; /* elements of a list or stream */
	uint32_t popped;
	uint32_t commands;   /* of the transaction */
	uint8_t transaction; /* enum multi_end: this ended one */
	bool blocks;	     /* waits for data: that is no service time */
};

/* Where a request's time went as its client saw it. */
enum trip_part {
	TRIP_CONNECT, /* of a connection's first request: connect() to the connection */
	TRIP_QUEUE,   /* as the server's end measured them */
	TRIP_SERVICE,
	TRIP_NETWORK,	/* between the two sockets, both ways: the stacks, queues and the wire */
	TRIP_RUN_QUEUE, /* the client's thread waited for a CPU meanwhile */
	TRIP_REMOTE,	/* of a server that is not on this node: all but the network */
	TRIP_PART_MAX
};

/* How it is known: both ends told, or one did, and TCP's round trip stands for the network. */
enum trip_basis { TRIP_MEASURED, TRIP_ESTIMATED, TRIP_BASIS_MAX };

/* Add up to the client's service_ns, and TRIP_CONNECT. */
struct event_trip {
	enum trip_basis basis;
	uint64_t part_ns[TRIP_PART_MAX];
};

/* One complete request. */
struct event_request {
	enum role role;
	const struct subject *subject;
	const struct statement *statement;
	const struct statement *context; /* the HTTP request that it is done for; NULL: not known */
	const struct statement *const *before; /* of what ends a transaction: as of a party */
	unsigned int nbefore;
	const char *outcome; /* "ok", SQLSTATE, the Redis error word or "4xx": interned */
	uint64_t queue_ns;   /* server: arrival to read; client: 0 */
	uint64_t service_ns; /* server: read to last byte; client: write to last byte read; see `redis` */
	uint64_t receive_ns; /* server: of service_ns, until its last byte was read */
	uint64_t request_bytes;
	uint64_t reply_bytes;
	uint64_t rows; /* PostgreSQL: DataRows of its reply */
	uint64_t peer; /* cgroup of the other end; 0: not on this node, or not known */
	enum net_peer peer_kind;
	uint16_t port; /* that the server listens on, as this end knows it; 0: a Unix socket */
	const struct event_trip *trip; /* of a client's end; NULL: not known */
	/* Add up to queue_ns + service_ns; NULL: not known, as at a client's end. */
	const uint64_t *parts_ns; /* PART_MAX of them */
	struct party culprit;	  /* of most of one part; all zero: nobody */
	enum part culprit_part;	  /* PART_QUEUE, PART_RUN_NEIGHBOUR or PART_LOCK */
	uint32_t pg_event;	  /* of the longest sleep; 0: none */
	/* Of a server with one thread: what its thread did for the client since its last request. */
	uint32_t turns;
	uint64_t busy_ns;
	struct event_redis redis;
};

/* A client's end closed with requests that were not answered. */
struct event_unanswered {
	const struct subject *subject;
	enum protocol protocol;
	uint64_t peer; /* as of a request */
	enum net_peer peer_kind;
	uint16_t port;
	uint32_t requests;
};

/* A connection whose protocol is recognised, and not decoded. */
struct event_undecoded {
	enum role role;
	enum protocol protocol;
	uint64_t cgroup;
};

/* A piece of waiting for a resource, and who had it. */
struct event_wait {
	enum wait_resource resource;
	enum wait_cause cause;
	struct party waiter;
	struct party occupant; /* all zero unless WAIT_NEIGHBOUR or WAIT_SELF */
	uint64_t wait_ns;
	uint64_t waits;
};

/* A request at its server that is not answered yet, told about once a second. */
struct event_open {
	struct party of;
	uint64_t open_ns; /* since it was read, or told the last time */
};

/* How a PostgreSQL transaction ended. */
enum transaction_end {
	TRANSACTION_COMMITTED,
	TRANSACTION_ROLLED_BACK, /* the client asked for it, after no error */
	TRANSACTION_FAILED,	 /* an error was the last word in it */
	TRANSACTION_ABANDONED,	 /* the client left in the middle of it */
	TRANSACTION_UNKNOWN,	 /* how it ended was not seen */
	TRANSACTION_END_MAX
};

/* One transaction. Told once: at its server's end, or at its client's if the server is on another node. */
struct event_transaction {
	struct party of; /* its statements, the newest first */
	enum transaction_end end;
	bool timed;	      /* its beginning was seen: the times are known */
	uint64_t duration_ns; /* from its first request to the reply that ended it */
	uint64_t idle_ns;     /* the server waited for its next request */
	uint32_t statements;
};

/* PostgreSQL refused a connection. Strings are valid during the call. */
struct event_refused {
	struct party of;
	const char *outcome; /* SQLSTATE */
	const char *source;  /* the client's address; "local": a Unix socket; "" not known */
};

struct event {
	enum event_kind kind;
	uint64_t time_ns;
	union {
		struct event_request request;
		const struct rec_coarse *coarse; /* the record itself, valid during the call */
		const struct rec_sched *sched;
		const struct rec_cgroup *cgroup;
		const struct rec_counts *counts;
		const struct rec_program *program;
		struct event_wait wait;
		const struct rec_event *sleep;
		const struct rec_lock *lock;
		const struct rec_io *io;
		const struct rec_memory *memory;
		const struct rec_net *net;
		const struct rec_listener *listener;
		const struct rec_accept *accept;
		const struct rec_dns *dns;
		const struct rec_named *named;
		const struct rec_softirq *softirq;
		const struct rec_egress *egress;
		const struct rec_price *price;
		struct event_open open;
		struct event_transaction transaction;
		struct event_refused refused;
		struct event_undecoded undecoded;
		struct event_unanswered unanswered;
	};
};

/* An enum protocol's name; "other" for PROTO_MAX, and what is above it. */
const char *event_protocol_name(unsigned int protocol);

/* Where a stage hands an event on. Events are valid only during the call. */
typedef void (*event_fn)(void *ctx, const struct event *ev);

#endif
