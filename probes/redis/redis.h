/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/) from bytes, and
 * what a command is about: its operation and the pattern of its first key. Values are never kept.
 */
#ifndef TALLYMAN_REDIS_H
#define TALLYMAN_REDIS_H

#include <stdint.h>

#include "probes/redis/redis_command.h"
#include "probes/redis/redis_key.h"
#include "user/lib/str.h"

#define REDIS_ARGS 16 /* arguments of a command that are looked at */

/* Where an argument is: offsets from the command's first byte. */
struct redis_arg {
	uint32_t at;
	uint32_t len; /* as announced: all of it need not be there */
};

/* The scan of one command; zero: none. Goes on where it was when more bytes have come. */
struct redis_scan {
	uint64_t off;	/* where the next header or the rest of the line is */
	uint32_t items; /* arguments still to come */
	uint32_t total; /* of them */
	uint32_t nargs; /* of args[] */
	bool begun;
	struct redis_arg args[REDIS_ARGS];
};

/* Arguments as far as their bytes are there. */
struct redis_args {
	unsigned int n;
	struct str arg[REDIS_ARGS];
	bool cut[REDIS_ARGS]; /* the argument goes on behind what is there */
};

/* What a command is about. */
struct redis_facts {
	const struct redis_command *command; /* NULL: none that we know */
	const char *operation;		     /* "unknown" then */
	unsigned int key;		     /* the first key's argument; 0: none */
	size_t pattern_len;
	char pattern[REDIS_PATTERN_MAX + 1];
};

/*
 * 1: *bytes is the command's length, which may be more than n; *counted is false for an empty line
 * and "*0". 0: more bytes are needed, at least *bytes in all. -EBADMSG: not RESP.
 */
int redis_scan(struct redis_scan *s, const char *p, size_t n, uint64_t *bytes, bool *counted);
/* Of a scanned command, or a part of one. */
void redis_scan_args(const struct redis_scan *s, const char *p, size_t n, struct redis_args *out);

/*
 * Reads "<type><number>\r\n" at p. Its length; 0: more bytes are needed; -EBADMSG. *num is -1 for any
 * negative number.
 */
int redis_header(const char *p, size_t n, char type, int64_t *num);

void redis_describe(const struct redis_args *args, struct redis_facts *out);
/* A command as typed: "GET cart:1001". */
void redis_describe_line(struct str line, struct redis_facts *out);

#endif
