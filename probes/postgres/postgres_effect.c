/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few words at the start of a statement decide; anything else has no effect. Nothing is unescaped:
 * a quoted value with quotes in it is not taken.
 */
#include "probes/postgres/postgres_effect.h"

#include "user/lib/cursor.h"

static void blanks(struct cursor *c)
{
	while (c->p < c->end && strchr(" \t\r\n\f\v", *c->p) && *c->p)
		c->p++;
}

static bool in_word(char ch)
{
	return ch == '_' || ch == '$' || (ch >= '0' && ch <= '9') ||
	       ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z') || (unsigned char)ch >= 0x80;
}

static struct str word(struct cursor *c)
{
	const char *begin;

	blanks(c);
	begin = c->p;
	while (c->p < c->end && in_word(*c->p))
		c->p++;
	return (struct str){ begin, c->p - begin };
}

/* A quoted run without a quote in it, or a word. False: none; *out is what there is of it. */
static bool value(struct cursor *c, struct str *out)
{
	const char *begin, *quote;

	blanks(c);
	if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) {
		*out = word(c);
		return out->len;
	}
	begin = c->p + 1;
	quote = memchr(begin, *c->p, c->end - begin);
	*out = (struct str){ begin, (quote ? quote : c->end) - begin };
	if (!quote || (quote + 1 < c->end && quote[1] == *quote))
		return false;
	c->p = quote + 1;
	return true;
}

static struct pg_effect set(struct cursor *c)
{
	struct pg_effect e = { PG_SET_NAME, { NULL, 0 } };
	struct str w = word(c);

	if (str_ieq(w, STR("SESSION")))
		w = word(c);
	if (!str_ieq(w, STR("application_name")))
		return (struct pg_effect){ 0 };
	blanks(c);
	if (c->p < c->end && *c->p == '=')
		c->p++;
	else if (!str_ieq(word(c), STR("TO")))
		return (struct pg_effect){ 0 };
	if (!value(c, &e.value))
		e.kind = PG_NOTHING;
	else if (str_ieq(e.value, STR("DEFAULT")) && e.value.s[-1] != '\'')
		e.kind = PG_RESET_NAME;
	return e;
}

static struct pg_effect deallocate(struct cursor *c)
{
	struct pg_effect e = { PG_DEALLOCATE, { NULL, 0 } };

	if (!value(c, &e.value))
		return (struct pg_effect){ 0 };
	if (str_ieq(e.value, STR("PREPARE")) && e.value.s[-1] != '"' && !value(c, &e.value))
		return (struct pg_effect){ 0 };
	if (str_ieq(e.value, STR("ALL")) && e.value.s[-1] != '"')
		e.kind = PG_DEALLOCATE_ALL;
	return e;
}

struct pg_effect pg_effect_of(struct str sql)
{
	struct cursor c = cursor_of(sql.s, sql.len);
	struct str verb;

	blanks(&c);
	/* Nearly every statement ends here: S, D or R, but not SELECT or DELETE. */
	if (cursor_left(&c) < 8 || !strchr("SsDdRr", *c.p) || !strchr("EeIi", c.p[1]) ||
	    !strchr("TtAaSs", c.p[2]))
		return (struct pg_effect){ 0 };
	verb = word(&c);
	if (str_ieq(verb, STR("SET")))
		return set(&c);
	if (str_ieq(verb, STR("DEALLOCATE")))
		return deallocate(&c);
	if (str_ieq(verb, STR("DISCARD")) && str_ieq(word(&c), STR("ALL")))
		return (struct pg_effect){ PG_DISCARD_ALL, { NULL, 0 } };
	if (str_ieq(verb, STR("RESET"))) {
		struct str what = word(&c);

		if (str_ieq(what, STR("ALL")) || str_ieq(what, STR("application_name")))
			return (struct pg_effect){ PG_RESET_NAME, { NULL, 0 } };
	}
	return (struct pg_effect){ 0 };
}
