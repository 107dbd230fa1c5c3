/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of one connection that wait for their reply, by number, oldest first. Bounded: beyond
 * REQUESTS_MAX, or what all connections together may have, the oldest is forgotten (its reply then
 * finds nothing, and is told as unknown).
 */
#ifndef TALLYMAN_REQUEST_H
#define TALLYMAN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#define REQUESTS_MAX 4096

struct statement;

/* The first byte of something: when it was read, and had become readable (0: not known), and where. */
struct moment {
	uint64_t read_ns;
	uint64_t arrival_ns;
	uint64_t pos; /* in the request direction */
};

/* Redis: what a command does besides taking time, see redis_act.h; zero: nothing. */
struct act {
	uint64_t since_ns; /* the end of a transaction: when its MULTI was read */
	uint32_t items;	   /* keys that are read, elements, or commands of the transaction */
	uint8_t kind;	   /* enum redis_act */
	bool blocks;	   /* waits for data */
};

struct request {
	struct moment begin;
	const struct statement *statement;
	const struct statement *context; /* the HTTP request that it is done for, or NULL */
	uint32_t number;		 /* the kernel's; wraps */
	uint32_t bytes;			 /* saturates */
	struct act act;
};

struct requests {
	struct request *ring;
	uint32_t size; /* a power of two, 0 until the first */
	uint32_t head;
	uint32_t count;
	uint32_t pushed; /* requests so far; wraps */
	uint32_t *room;	 /* slots that all connections together may still take; NULL: no limit */
};

/* Usable afterwards. */
void requests_free(struct requests *q);
/* False: the oldest (or, without memory, this one) was forgotten. */
bool requests_push(struct requests *q, const struct request *r);
/* Takes the request of that number out, and forgets all older ones. False: not there. */
bool requests_take(struct requests *q, uint32_t number, struct request *out);
/* The newest but `back`, which is less than q->count. */
struct request *requests_at(const struct requests *q, uint32_t back);
/* The newest, or NULL. */
struct request *requests_newest(struct requests *q);
/* The newest n get numbers that are higher by one. */
void requests_renumber(struct requests *q, uint32_t n);

#endif
