/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads from a run of bytes that somebody else owns, never past its end. A read that does not fit
 * returns false (or an empty run) and leaves the cursor where it was.
 */
#ifndef TALLYMAN_CURSOR_H
#define TALLYMAN_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "user/lib/str.h"

struct cursor {
	const char *p;
	const char *end;
};

static inline struct cursor cursor_of(const char *p, size_t len)
{
	return (struct cursor){ p, p + len };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->end - c->p;
}

static inline bool cursor_skip(struct cursor *c, size_t n)
{
	if (n > cursor_left(c))
		return false;
	c->p += n;
	return true;
}

/* Big-endian, as protocols on the network have it. */
static inline bool cursor_be32(struct cursor *c, uint32_t *v)
{
	const unsigned char *p = (const unsigned char *)c->p;

	if (cursor_left(c) < 4)
		return false;
	*v = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	c->p += 4;
	return true;
}

/* Up to a NUL, which is passed over. False: no NUL; *s is then all that is left, and stays unread. */
static inline bool cursor_cstr(struct cursor *c, struct str *s)
{
	size_t left = cursor_left(c);
	const char *nul = left ? memchr(c->p, 0, left) : NULL;

	*s = (struct str){ c->p, nul ? (size_t)(nul - c->p) : left };
	if (nul)
		c->p = nul + 1;
	return nul;
}

#endif
