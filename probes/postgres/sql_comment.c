/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of sqlcommenter comments. In: a statement and a key. Out: the key's value, decoded.
 * Only real comments are looked at: a string that a user typed in must not be able to name a
 * tenant.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "probes/postgres/sql_scan.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a URL-encoded, backslash-escaped span. */
static char decode(const char **p, const char *end)
{
	const char *s = (*p)++;

	if (*s == '\\' && s + 1 < end) {
		(*p)++;
		return s[1];
	}
	if (*s == '%' && end - s > 2 && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
		*p += 2;
		return (char)(hex(s[1]) << 4 | hex(s[2]));
	}
	return *s;
}

bool sql_comment_key_is(struct str encoded, struct str key)
{
	const char *p = encoded.s, *end = p + encoded.len;
	size_t n = 0;

	while (p < end)
		if (n == key.len || decode(&p, end) != key.s[n++])
			return false;
	return n == key.len;
}

bool sql_comment_key_begins(struct str encoded, struct str key)
{
	const char *p = encoded.s, *end = p + encoded.len;
	size_t n = 0;

	while (p < end) {
		if ((*p == '%' && end - p < 3) || (*p == '\\' && end - p < 2))
			return true; /* what it stands for is not there yet */
		if (n == key.len || decode(&p, end) != key.s[n++])
			return false;
	}
	return true;
}

static int value_copy(struct str encoded, char *out, size_t cap)
{
	const char *p = encoded.s, *end = p + encoded.len;
	size_t n = 0;

	while (p < end) {
		if (n + 1 >= cap) {
			if (cap)
				*out = '\0';
			return -ENOSPC;
		}
		out[n++] = decode(&p, end);
	}
	sql_clean(out, n);
	out[n] = '\0';
	return n;
}

/* The quote that ends a value, or `end`. */
static const char *value_end(const char *p, const char *end)
{
	while (p < end && *p != '\'')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p;
}

/* [p, end): within one comment. */
static int comment_value(const char *p, const char *end, struct str key, char *out, size_t cap)
{
	while (p < end) {
		const char *equals, *quote;

		while (p < end && (sql_char_of(p) == CHAR_SPACE || *p == ','))
			p++;
		equals = memchr(p, '=', end - p);
		if (!equals || equals + 1 == end)
			return -ENOENT;
		if (equals[1] != '\'') {
			p = equals + 1;
			continue;
		}
		quote = value_end(equals + 2, end);
		if (quote == end)
			return -ENOENT;
		if (sql_comment_key_is((struct str){ p, equals - p }, key))
			return value_copy((struct str){ equals + 2, quote - equals - 2 }, out, cap);
		p = quote + 1;
	}
	return -ENOENT;
}

/* Moves behind the string or quoted name at p, or one byte. Escapes: see scan_string(). */
static const char *step(const char *p, const char *end, bool *escapes)
{
	const char *word;
	bool closed;

	switch (sql_char_of(p)) {
	case CHAR_SPACE:
		return p + 1;
	case CHAR_QUOTE:
		if (*escapes)
			return sql_escaped_end(p + 1, end);
		return sql_quoted_end(p + 1, end, '\'', &closed);
	case CHAR_WORD:
		word = sql_word_end(p, end);
		*escapes = word == p + 1 && word < end && (*p | 0x20) == 'e' && *word == '\'';
		return word;
	case CHAR_DOUBLE_QUOTE:
		*escapes = false;
		return sql_quoted_end(p + 1, end, '"', &closed);
	case CHAR_DIGIT:
		*escapes = false;
		return sql_number_end(p, end);
	case CHAR_DOLLAR:
		*escapes = false;
		word = sql_parameter_end(p, end);
		return word > p ? word : sql_dollar_end(p, end);
	default:
		*escapes = false;
		return p + 1;
	}
}

int sql_comment_value(struct str text, struct str key, char *out, size_t cap)
{
	const char *p = text.s, *end = p + text.len;
	bool escapes = false, closed;

	if (!text.len || !memmem(p, text.len, "/*", 2))
		return -ENOENT;
	while (p < end) {
		if (end - p > 1 && p[0] == '-' && p[1] == '-') {
			p = sql_line_end(p, end);
		} else if (end - p > 1 && p[0] == '/' && p[1] == '*') {
			const char *behind = sql_comment_end(p + 2, end, &closed);
			const char *inner_end = closed ? behind - 2 : behind;
			int n = comment_value(p + 2, inner_end, key, out, cap);

			if (n != -ENOENT)
				return n;
			p = behind;
		} else {
			p = step(p, end, &escapes);
		}
	}
	return -ENOENT;
}
