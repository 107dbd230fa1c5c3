/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of statements (see event.h): same facts, same pointer, for as long as the table lives.
 * Bounded: when it is full, a new statement becomes its operation's "other", and is counted. Looking
 * up a statement that is present allocates nothing.
 */
#ifndef TALLYMAN_STATEMENT_H
#define TALLYMAN_STATEMENT_H

#include <stdint.h>

#include "user/event.h"
#include "user/lib/str.h"

#define STATEMENT_TABLES 32
#define STATEMENT_COMMENTS 8

/* A statement before it is interned. Everything is borrowed for the call; no NUL bytes inside. */
struct statement_facts {
	enum protocol protocol;
	struct str operation; /* of a closed set */
	struct str summary;
	struct str text;
	struct str key_pattern;
	struct str host;
	struct str tables[STATEMENT_TABLES];
	unsigned int ntables;
	struct str comment_keys[STATEMENT_COMMENTS];
	struct str comment_values[STATEMENT_COMMENTS];
	unsigned int ncomments;
};

struct statements;

struct statements *statements_new(uint32_t max);
void statements_free(struct statements *t);

/* Never NULL. */
const struct statement *statement_intern(struct statements *t, const struct statement_facts *f);

/* A statement without any detail, such as one whose text was not seen. Never NULL. */
const struct statement *statement_bare(struct statements *t, enum protocol protocol,
				       struct str operation, struct str text);

uint32_t statements_count(const struct statements *t);
uint64_t statements_reduced(const struct statements *t); /* look-ups that ended in an "other" */

#endif
