/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters of PostgreSQL's SQL, and where strings, numbers and comments end. In: bytes. Out:
 * spans. Where PostgreSQL would report an error, the span is as long as it can be, so that
 * nothing of a literal is taken for something else. Knows no context.
 */
#include <string.h>

#include "probes/postgres/sql_scan.h"

const unsigned char sql_char[256] = {
	[0 ... 0x20] = CHAR_SPACE,  [0x7f] = CHAR_SPACE,    ['a' ... 'z'] = CHAR_WORD,
	['A' ... 'Z'] = CHAR_WORD,  ['_'] = CHAR_WORD,	    [0x80 ... 0xff] = CHAR_WORD,
	['0' ... '9'] = CHAR_DIGIT, ['\''] = CHAR_QUOTE,    ['"'] = CHAR_DOUBLE_QUOTE,
	['$'] = CHAR_DOLLAR,	    ['.'] = CHAR_DOT,	    [','] = CHAR_COMMA,
	['('] = CHAR_OPEN,	    ['['] = CHAR_OPEN,	    [')'] = CHAR_CLOSE,
	[']'] = CHAR_CLOSE,	    [';'] = CHAR_SEMICOLON, ['+'] = CHAR_SIGN,
	['-'] = CHAR_SIGN,	    ['/'] = CHAR_SLASH,	    [':'] = CHAR_COLON,
};

const bool sql_word_char[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['_'] = true,
	['0' ... '9'] = true, ['$'] = true,	    [0x80 ... 0xff] = true,
};

/* A doubled quote stands for one. */
const char *sql_quoted_end(const char *p, const char *end, char quote, bool *closed)
{
	*closed = false;
	while (p < end) {
		p = memchr(p, quote, end - p);
		if (!p)
			return end;
		p++;
		if (p == end || *p != quote) {
			*closed = true;
			return p;
		}
		p++;
	}
	return end;
}

const char *sql_prefixed_string(const char *p, const char *end)
{
	char c = *p | 0x20;

	if (end - p > 2 && c == 'u' && p[1] == '&' && p[2] == '\'')
		return p + 2;
	if (end - p < 2 || p[1] != '\'')
		return NULL;
	return c == 'e' || c == 'b' || c == 'x' || c == 'n' ? p + 1 : NULL;
}

/* Behind E': a backslash takes the next character with it. */
const char *sql_escaped_end(const char *p, const char *end)
{
	while (p < end) {
		char c = *p++;

		if (c == '\\' && p < end) {
			p++;
		} else if (c == '\'') {
			if (p == end || *p != '\'')
				return p;
			p++;
		}
	}
	return end;
}

/* p: the first '$' of $tag$, or of what looks like it. */
const char *sql_dollar_end(const char *p, const char *end)
{
	const char *tag = p, *q = p + 1;
	size_t len;

	if (q < end && sql_char_of(q) == CHAR_WORD) /* a tag is a word without '$' */
		while (q < end && *q != '$' && sql_word_char[(unsigned char)*q])
			q++;
	if (q == end || *q != '$')
		return q;
	len = ++q - tag;
	while ((size_t)(end - q) >= len) {
		q = memchr(q, '$', end - q);
		if (!q || (size_t)(end - q) < len)
			return end;
		if (!memcmp(q, tag, len))
			return q + len;
		q++;
	}
	return end;
}

/* "$1"; a '$' that follows is no part of it. */
const char *sql_parameter_end(const char *p, const char *end)
{
	const char *q = p + 1;

	while (q < end && sql_char_of(q) == CHAR_DIGIT)
		q++;
	return q == p + 1 ? p : q;
}

/* Takes trailing junk ("12ab", "1.2.3") along: it may be part of a secret. */
const char *sql_number_end(const char *p, const char *end)
{
	bool decimal = !(*p == '0' && p + 1 < end && sql_char_of(p + 1) == CHAR_WORD);

	while (p < end && sql_char_of(p) == CHAR_DIGIT)
		p++;
	while (p < end) {
		if ((*p == 'e' || *p == 'E') && decimal && p + 1 < end &&
		    (p[1] == '-' || p[1] == '+') &&
		    (p + 2 == end || sql_char_of(p + 2) == CHAR_DIGIT))
			p += 2;
		else if (sql_word_char[(unsigned char)*p] || *p == '.')
			p++;
		else
			break;
	}
	return p;
}

const char *sql_line_end(const char *p, const char *end)
{
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

/* Behind the opening slash and asterisk. Comments nest. */
const char *sql_comment_end(const char *p, const char *end, bool *closed)
{
	unsigned int level = 1;

	*closed = false;
	while (p + 1 < end) {
		if (p[0] == '*' && p[1] == '/') {
			p += 2;
			if (!--level) {
				*closed = true;
				return p;
			}
		} else if (p[0] == '/' && p[1] == '*') {
			level++;
			p += 2;
		} else {
			p++;
		}
	}
	return end;
}

/* Length of the UTF-8 sequence at s, 0 if it is none; overlong forms and surrogates are none. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *s < 0x80	 ? 1
		     : *s < 0xc2 ? 0
		     : *s < 0xe0 ? 2
		     : *s < 0xf0 ? 3
		     : *s < 0xf5 ? 4
				 : 0;
	unsigned int code = *s & (0x7f >> len);

	if (len < 2 || len > left)
		return len == 1;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return len == 2 && code < 0xa0 ? 0 : len; /* C1 controls */
}

static void clean_slowly(unsigned char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(s + i, len - i);

		if (!n || s[i] < 0x20 || s[i] == 0x7f)
			s[i] = '_';
		i += n ?: 1;
	}
}

/* Nearly all text is plain ASCII: eight bytes at a time tell so. */
void sql_clean(char *s, size_t len)
{
	const uint64_t high = 0x8080808080808080, ones = 0x0101010101010101;
	uint64_t bad = 0;
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t v;

		memcpy(&v, s + i, 8);
		bad |= v | (v - ones * 0x20) | (v + ones);
	}
	bad &= high;
	for (; i < len; i++)
		bad |= (unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e;
	if (bad)
		clean_slowly((unsigned char *)s, len);
}
