/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request context: processes that serve HTTP requests one at a time, found by what they do, and which
 * request was being served when one of them sent a request of its own. In: a connection's queued and answered
 * requests. Out: the HTTP request that a sent one is done for, and how long it waited for what it sent. A
 * process that has two unanswered at once passes nothing on, until it did not for a long while.
 */
#ifndef TALLYMAN_CONTEXT_H
#define TALLYMAN_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/u64map.h"

#define CONTEXT_PROCESSES_MAX 65536
#define CONTEXT_KEPT 4	   /* a power of two: requests of a process, the newest */
#define CONTEXT_TRUST 1000 /* requests one at a time, and a process is believed again */

struct conn;
struct moment;
struct statement;

/* An HTTP request that a process serves or served. */
struct served {
	uint64_t read_ns;
	uint64_t reply_ns; /* UINT64_MAX: not yet */
	const struct statement *statement;
};

struct context_process {
	uint32_t pid;
	uint32_t refs;
	uint32_t open; /* HTTP requests that it read and did not answer */
	uint32_t made; /* kept[] so far; wraps */
	uint32_t calm; /* requests since it interleaved */
	bool interleaves;
	struct served kept[CONTEXT_KEPT];
	/* While it serves the newest: how long one of its own requests was unanswered, up to when. */
	uint64_t asked_ns;
	uint64_t asked_until_ns;
	struct u64map *by_pid;
};

void context_init(struct u64map *processes);
/* After all connections are gone. */
void context_clear(struct u64map *processes);

/* It became known which process is at this end. */
void context_conn(struct u64map *processes, struct conn *c, uint32_t pid);
/* c goes. */
void context_leave(struct conn *c);

/* c->requests.pushed was `before` before the record: what is new is served, or sent for what is served. */
void context_read(struct conn *c, uint32_t before);
/* Requests of c were answered, or will never be. */
void context_answered(struct conn *c, uint64_t time_ns);

/* The process at the client's end c (may be NULL) had a request unanswered in [from_ns, to_ns). */
void context_asked(const struct conn *c, uint64_t from_ns, uint64_t to_ns);
/* How long the process of the server's end c was waiting for answers since it read the request. */
uint64_t context_downstream(const struct conn *c, const struct moment *begin);

#endif
