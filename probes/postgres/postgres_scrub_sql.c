/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A statement in, the same one with other literals out. Spans are found as the analyser finds them.
 * What decides where a span ends (quotes, backslashes, tags, the end of a comment) stays, so that a
 * statement that comes in parts is understood as before; everything else in it is overwritten.
 */
#include "probes/postgres/postgres_effect.h"
#include "probes/postgres/postgres_scrub.h"
#include "probes/postgres/sql_scan.h"

struct scrub {
	const char *p, *end;
	struct str kept; /* a literal that is a fact about the connection */
	bool escapes;	 /* the last token was a string with escapes: its continuation has them */
	const char *const *comment_keys;
};

static void put(const char *at, char ch)
{
	*(char *)at = ch; /* the analyser's functions want const */
}

static bool is_kept(const struct scrub *s, const char *p)
{
	return s->kept.s && p >= s->kept.s && p < s->kept.s + s->kept.len;
}

static bool alnum(char ch)
{
	return (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') ||
	       (unsigned char)ch >= 0x80;
}

/* quote: the opening one. */
static void string(struct scrub *s, const char *quote, bool escapes)
{
	bool closed;
	const char *end = escapes ? sql_escaped_end(quote + 1, s->end)
				  : sql_quoted_end(quote + 1, s->end, '\'', &closed);

	for (const char *p = quote; p < end; p++)
		if (*p != '\'' && *p != '\\' && !is_kept(s, p))
			put(p, 'x');
	s->p = end;
	s->escapes = escapes;
}

/* The first digit tells hexadecimal, and "e" before a sign an exponent: those stay. */
static void number(struct scrub *s)
{
	const char *end = sql_number_end(s->p, s->end);

	for (const char *p = s->p; p < end; p++) {
		if (is_kept(s, p) || (p == s->p && *p == '0'))
			continue;
		if (*p >= '0' && *p <= '9')
			put(p, '1');
		else if (alnum(*p) && (*p | 0x20) != 'e')
			put(p, 'a');
	}
	s->p = end;
}

/* How many bytes at the end of [from, end) could be the start of the closing tag. */
static size_t tag_begun(const char *from, const char *end, const char *tag, size_t len)
{
	size_t n = (size_t)(end - from) < len - 1 ? (size_t)(end - from) : len - 1;

	while (n && memcmp(end - n, tag, n) != 0)
		n--;
	return n;
}

static void dollar(struct scrub *s)
{
	const char *tag = s->p, *p = sql_parameter_end(tag, s->end), *end, *stop;
	size_t len;

	if (p > tag) {
		s->p = p;
		return;
	}
	p = tag + 1;
	end = sql_dollar_end(tag, s->end);
	while (p < end && *p != '$')
		p++;
	s->p = end;
	if (p == end)
		return;
	len = ++p - tag;
	stop = end - p >= (ptrdiff_t)len && !memcmp(end - len, tag, len)
		       ? end - len
		       : end - tag_begun(p, end, tag, len);
	for (; p < stop; p++)
		if (!is_kept(s, p))
			put(p, '.'); /* in no tag */
}

static void word(struct scrub *s)
{
	const char *quote = sql_prefixed_string(s->p, s->end);

	if (quote)
		string(s, quote, (*s->p | 0x20) == 'e');
	else
		s->p = sql_word_end(s->p, s->end);
}

static bool wanted(const struct scrub *s, struct str key)
{
	for (const char *const *k = s->comment_keys; k && *k; k++)
		if (sql_comment_key_is(key, str_of(*k)))
			return true;
	return false;
}

/* Could the key at the end of what is there be one that is wanted? */
static bool wanted_begun(const struct scrub *s, struct str begun)
{
	for (const char *const *k = s->comment_keys; k && *k; k++)
		if (sql_comment_key_begins(begun, str_of(*k)))
			return true;
	return false;
}

static void blank(const char *from, const char *to)
{
	for (; from < to; from++)
		if (alnum(*from))
			put(from, '#');
}

/* Within a comment: pairs of a key and a quoted value, as sql_comment_value() reads them. */
static void pairs(const struct scrub *s, const char *p, const char *end)
{
	while (p < end) {
		const char *equals, *behind;
		struct str key;

		while (p < end && (sql_char_of(p) == CHAR_SPACE || *p == ','))
			p++;
		equals = memchr(p, '=', end - p);
		key = (struct str){ p, (equals ? equals : end) - p };
		if (!equals || equals + 1 == end) {
			if (!(equals ? wanted(s, key) : wanted_begun(s, key)))
				blank(p, end);
			return;
		}
		behind = equals + 1;
		if (*behind == '\'') {
			behind++;
			while (behind < end && *behind != '\'')
				behind += *behind == '\\' && behind + 1 < end ? 2 : 1;
			behind += behind < end;
		}
		if (equals[1] != '\'' || !wanted(s, key))
			blank(p, behind);
		p = behind;
	}
}

/* Anything that is no literal, or too short to tell. */
static void other(struct scrub *s)
{
	char c = *s->p, next = s->p + 1 < s->end ? s->p[1] : 0;
	const char *end;
	bool closed;

	if (c == '-' && next == '-') {
		end = sql_line_end(s->p, s->end);
		blank(s->p, end);
		s->p = end;
	} else if (c == '/' && next == '*') {
		end = sql_comment_end(s->p + 2, s->end, &closed);
		pairs(s, s->p + 2, closed ? end - 2 : end);
		s->p = end;
	} else if (c == '.' && sql_char_of(&next) == CHAR_DIGIT) {
		number(s);
		s->escapes = false;
	} else {
		s->p++;
		s->escapes = false;
	}
}

void postgres_scrub_sql(char *sql, size_t len, const char *const *comment_keys)
{
	struct scrub s = { .p = sql, .end = sql + len, .comment_keys = comment_keys };
	struct pg_effect effect = pg_effect_of((struct str){ sql, len });
	bool closed;

	if (effect.kind == PG_SET_NAME || effect.kind == PG_NOTHING)
		s.kept = effect.value;
	while (s.p < s.end) {
		enum sql_char c = sql_char_of(s.p);

		if (c == CHAR_SPACE) {
			s.p++;
			continue;
		}
		if (c == CHAR_QUOTE) {
			string(&s, s.p, s.escapes);
			continue;
		}
		if (c == CHAR_WORD || c == CHAR_DOUBLE_QUOTE || c == CHAR_DIGIT || c == CHAR_DOLLAR)
			s.escapes = false;
		if (c == CHAR_WORD)
			word(&s);
		else if (c == CHAR_DOUBLE_QUOTE)
			s.p = sql_quoted_end(s.p + 1, s.end, '"', &closed);
		else if (c == CHAR_DIGIT)
			number(&s);
		else if (c == CHAR_DOLLAR)
			dollar(&s);
		else
			other(&s);
	}
}
