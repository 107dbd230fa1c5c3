/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sanitised text of a statement. In: spans of the statement, told apart by the lexer. Out:
 * text_buf. What is taken over unchanged is copied in one go, not token by token. It never
 * writes more bytes than it was given.
 */
#include <string.h>

#include "probes/postgres/sql_scan.h"

void sql_text_flush(struct sql_scan *s, const char *upto)
{
	size_t n = upto - s->run;

	if (n > SQL_TEXT_MAX - s->len)
		n = SQL_TEXT_MAX - s->len;
	memcpy(s->out->text_buf + s->len, s->run, n);
	s->len += n;
	s->run = upto;
}

static void put(struct sql_scan *s, char c)
{
	if (s->len < SQL_TEXT_MAX)
		s->out->text_buf[s->len++] = c;
}

static void trim(struct sql_scan *s)
{
	while (s->len && s->out->text_buf[s->len - 1] == ' ')
		s->len--;
}

void sql_text_space(struct sql_scan *s, const char *from, const char *to)
{
	sql_text_flush(s, from);
	s->run = to;
	if (s->len && s->out->text_buf[s->len - 1] != ' ')
		put(s, ' ');
}

void sql_text_hide(struct sql_scan *s, const char *from, const char *to)
{
	sql_text_flush(s, from);
	s->run = to;
	put(s, '?');
}

void sql_text_join(struct sql_scan *s, const char *from, const char *to)
{
	sql_text_flush(s, from);
	s->run = to;
	trim(s);
}

void sql_text_rewind(struct sql_scan *s, uint32_t to, const char *next)
{
	sql_text_flush(s, next);
	if (to < s->len)
		s->len = to;
}

void sql_text_end(struct sql_scan *s)
{
	struct sql_info *out = s->out;

	sql_text_flush(s, s->end);
	while (s->len && (out->text_buf[s->len - 1] == ' ' || out->text_buf[s->len - 1] == ';'))
		s->len--;
	sql_clean(out->text_buf, s->len);
	out->text_buf[s->len] = '\0';
	out->text = (struct str){ out->text_buf, s->len };
}
