/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that the analyser collects: tables, common table expressions, qualifiers of
 * columns, and the summary made of them. In: names as written. Out: tables[] and summary. Knows
 * no grammar.
 */
#include <string.h>

#include "probes/postgres/sql_scan.h"

#define PART_MAX \
	63 /* PostgreSQL's NAMEDATALEN - 1: longer names are cut there by the server, too */

/* Copies one part of a name, unquoted and folded, and moves *p behind it. Returns its length. */
static size_t part_fold(const char **p, const char *end, char *to)
{
	const char *s = *p;
	size_t len = 0;

	if (end - s > 3 && s[1] == '&' && s[2] == '"')
		s += 2;
	if (*s == '"') {
		while (++s < end && (*s != '"' || (++s < end && *s == '"')))
			if (len < PART_MAX)
				to[len++] = *s;
	} else {
		for (; s < end && sql_word_char[(unsigned char)*s]; s++)
			if (len < PART_MAX)
				to[len++] = *s | ((unsigned char)(*s - 'A') < 26) << 5;
	}
	*p = s;
	return len;
}

/* "Schema".table as Schema.table, of at most two parts. */
static size_t name_fold(struct str name, char to[SQL_NAME_MAX + 1])
{
	const char *p = name.s, *end = name.s + name.len;
	size_t len = 0, last = 0;

	while (p < end) {
		if (len) {
			memmove(to, to + last, len - last); /* database.schema.table */
			len -= last;
			last = len + 1;
			to[len++] = '.';
		}
		len += part_fold(&p, end, to + len);
		while (p < end && !sql_word_char[(unsigned char)*p] && *p != '"')
			p++; /* a dot, blanks around it, or '*' */
	}
	sql_clean(to, len);
	to[len] = '\0';
	return len;
}

/* The table's index, or -1 if there is no more room. */
static int table_index(struct sql_info *out, struct str name)
{
	unsigned int n = out->ntables;
	char folded[SQL_NAME_MAX + 1];
	size_t len = name_fold(name, folded);

	for (unsigned int i = 0; i < n; i++)
		if (out->tables[i].len == len && !memcmp(out->tables[i].s, folded, len))
			return i;
	if (n == SQL_TABLES_MAX || !len)
		return -1;
	memcpy(out->table_buf[n], folded, len + 1);
	out->tables[n] = (struct str){ out->table_buf[n], len };
	return out->ntables++;
}

static void summary_append(struct sql_scan *s, const char *word, size_t len, bool quote)
{
	char *to = s->out->summary_buf + s->summary_len;
	size_t need = len + 2 * quote + (s->summary_len > 0);

	if (s->summary_full || need > SQL_SUMMARY_MAX - s->summary_len) {
		s->summary_full = true;
		return;
	}
	if (s->summary_len)
		*to++ = ' ';
	if (quote)
		*to++ = '"';
	memcpy(to, word, len);
	if (quote)
		to[len] = '"';
	s->summary_len += need;
}

void sql_summary_verb(struct sql_scan *s, const char *verb)
{
	summary_append(s, verb, strlen(verb), false);
	s->named = 0;
}

/* Only what was quoted can hold what would have to be. */
static void summary_folded(struct sql_scan *s, struct str name, struct str written)
{
	bool quote = false;

	if (memchr(written.s, '"', written.len))
		for (size_t i = 0; i < name.len; i++)
			quote |= !sql_word_char[(unsigned char)name.s[i]] && name.s[i] != '.';
	summary_append(s, name.s, name.len, quote);
}

void sql_summary_target(struct sql_scan *s, struct str name)
{
	char folded[SQL_NAME_MAX + 1];

	summary_folded(s, (struct str){ folded, name_fold(name, folded) }, name);
}

void sql_summary_end(struct sql_scan *s)
{
	if (!s->summary_len)
		sql_summary_verb(s, s->out->operation);
	s->out->summary_buf[s->summary_len] = '\0';
	s->out->summary = (struct str){ s->out->summary_buf, s->summary_len };
}

void sql_table_add(struct sql_scan *s, struct str name)
{
	int i = table_index(s->out, name);

	if (i < 0 || s->named & 1u << i)
		return;
	s->named |= 1u << i;
	summary_folded(s, s->out->tables[i], name);
}

void sql_cte_add(struct sql_scan *s, struct str name)
{
	struct sql_cte *c = &s->ctes[s->nctes];

	if (!name.len || s->nctes == SQL_CTES)
		return;
	c->len = name_fold(name, c->name);
	s->nctes++;
}

bool sql_table_is_cte(const struct sql_scan *s, struct str name)
{
	char table[SQL_NAME_MAX + 1];
	size_t len;

	if (!s->nctes)
		return false;
	len = name_fold(name, table);
	for (unsigned int i = 0; i < s->nctes; i++)
		if (s->ctes[i].len == len && !memcmp(s->ctes[i].name, table, len))
			return true;
	return false;
}

/* Called for each column of a long list: the qualifier is mostly the last one again. */
void sql_qualifier_add(struct sql_scan *s, struct str name)
{
	for (unsigned int i = s->nqualifiers; i-- > 0;)
		if (str_eq(s->qualifiers[i], name))
			return;
	if (s->nqualifiers < SQL_QUALIFIERS)
		s->qualifiers[s->nqualifiers++] = name;
}

/* Odoo's aliases are made of a table that is there as well: sale_order__partner_id. */
static bool is_derived(const struct sql_info *out, const char *name, size_t len)
{
	for (unsigned int i = 0; i < out->ntables; i++) {
		struct str t = out->tables[i];

		if (len > t.len + 2 && !memcmp(name, t.s, t.len) && !memcmp(name + t.len, "__", 2))
			return true;
	}
	return false;
}

void sql_qualifiers_use(struct sql_scan *s)
{
	for (unsigned int i = 0; i < s->nqualifiers; i++) {
		char folded[SQL_NAME_MAX + 1];
		size_t len = name_fold(s->qualifiers[i], folded);

		if (is_derived(s->out, folded, len) || sql_table_is_cte(s, s->qualifiers[i]))
			continue;
		sql_table_add(s, s->qualifiers[i]);
		s->out->tables_from_columns = true;
	}
}
