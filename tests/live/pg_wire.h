/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's protocol by hand, for what no library would send: messages put together in memory, and sent cut as
 * the test likes. What cannot be done fails the running test.
 */
#ifndef TALLYMAN_LIVE_PG_WIRE_H
#define TALLYMAN_LIVE_PG_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/live/server.h"

struct wire {
	char bytes[8192];
	size_t len;
	int answers; /* ReadyForQuerys that it will be answered with */
};

/* Per letter of fmt: s a string with its NUL, h int16, i int32, b an int32 of length and the string's bytes. */
void wire_put(struct wire *w, char type, const char *fmt, ...);

/* A connection of that user after its first ReadyForQuery; over a Unix socket or over TCP. */
int wire_connect(const struct server *s, bool over_unix, const char *database);

/*
 * Sends w in two parts, the second when the server has had time for the first; reads replies, at first so many
 * bytes, until all of it is answered. cut 0, first 0: in one.
 */
void wire_run(int fd, const struct wire *w, size_t cut, size_t first);

/* Byte for byte, both ways. */
void wire_run_single(int fd, const struct wire *w);

#endif
