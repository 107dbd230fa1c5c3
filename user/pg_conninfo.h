/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection strings of libpq, as the configuration has them, made safe for a loop that must not block:
 * no name that has to be looked up, no key that reaches for another service.
 */
#ifndef TALLYMAN_PG_CONNINFO_H
#define TALLYMAN_PG_CONNINFO_H

#include <stddef.h>

#define PG_CONNINFO_KEYS 64

/* Keywords and values for PQconnectStartParams(), each list with a NULL at the end. */
struct pg_conninfo {
	const char *keywords[PG_CONNINFO_KEYS];
	const char *values[PG_CONNINFO_KEYS];
	void *parsed;
};

/*
 * 0, or -EINVAL with one line in err[], without the string itself: it may have a password in it.
 */
int pg_conninfo_parse(struct pg_conninfo *out, const char *text, char *err, size_t cap);
void pg_conninfo_free(struct pg_conninfo *c);

#endif
