/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content negotiation for the exposition. In: an HTTP Accept header, from anybody. Out: which of
 * our two formats it prefers. Linear in the header's length.
 */
#include <stdbool.h>

#include "user/export_prom.h"
#include "user/lib/str.h"

const char *export_prom_content_type(enum prom_format format)
{
	return format == PROM_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

static struct str str_trim(struct str s)
{
	while (s.len && (*s.s == ' ' || *s.s == '\t')) {
		s.s++;
		s.len--;
	}
	while (s.len && (s.s[s.len - 1] == ' ' || s.s[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Takes what is before the next `by` off the front of *rest. */
static struct str str_split(struct str *rest, char by)
{
	const char *at = memchr(rest->s, by, rest->len);
	struct str head = { rest->s, at ? (size_t)(at - rest->s) : rest->len };

	rest->s += head.len + (at != NULL);
	rest->len -= head.len + (at != NULL);
	return str_trim(head);
}

/* "0.75" is 750. Not a quality value at all: 0, so that the range does not count. */
static int quality_of(struct str s)
{
	int q = 0, unit = 1000;

	for (size_t i = 0; i < s.len; i++) {
		if (i == 1 && s.s[i] == '.')
			continue;
		if (s.s[i] < '0' || s.s[i] > '9')
			return 0;
		q += unit * (s.s[i] - '0');
		unit /= 10;
	}
	return q > 1000 ? 1000 : q;
}

/* What was asked for, in thousandths; -1: not named. */
struct wishes {
	int openmetrics, application, plain, text, any;
};

static void wish_note(struct wishes *w, struct str range)
{
	struct str type = str_split(&range, ';');
	bool known_version = true;
	int q = 1000;
	int *wish = NULL;

	while (range.len) {
		struct str value = str_split(&range, ';');
		struct str key = str_split(&value, '=');

		value = str_trim(value);
		if (str_ieq(key, STR("q")))
			q = quality_of(value);
		else if (str_ieq(key, STR("version")))
			known_version = str_eq(value, STR("1.0.0")) ||
					str_eq(value, STR("\"1.0.0\""));
	}
	if (str_ieq(type, STR("application/openmetrics-text")) && known_version)
		wish = &w->openmetrics;
	else if (str_ieq(type, STR("application/*")))
		wish = &w->application;
	else if (str_ieq(type, STR("text/plain")))
		wish = &w->plain;
	else if (str_ieq(type, STR("text/*")))
		wish = &w->text;
	else if (str_ieq(type, STR("*/*")))
		wish = &w->any;
	if (wish && q > *wish)
		*wish = q;
}

enum prom_format export_prom_format(const char *accept)
{
	struct wishes w = { -1, -1, -1, -1, -1 };
	struct str rest = str_of(accept ? accept : "");
	int openmetrics, text;

	while (rest.len)
		wish_note(&w, str_split(&rest, ','));
	openmetrics = w.openmetrics >= 0 ? w.openmetrics : w.application;
	text = w.plain >= 0 ? w.plain : w.text >= 0 ? w.text : w.any;
	return openmetrics > 0 && openmetrics >= text ? PROM_OPENMETRICS : PROM_TEXT;
}
