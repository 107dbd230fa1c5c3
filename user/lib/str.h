/* SPDX-License-Identifier: Apache-2.0 */
/* A run of bytes that somebody else owns: pointer and length, no NUL at the end. */
#ifndef TALLYMAN_STR_H
#define TALLYMAN_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct str {
	const char *s;
	size_t len;
};

#define STR(literal) ((struct str){ literal, sizeof(literal) - 1 })

static inline struct str str_of(const char *cstr)
{
	return (struct str){ cstr, strlen(cstr) };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

static inline bool str_ieq(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || !strncasecmp(a.s, b.s, a.len));
}

#endif
