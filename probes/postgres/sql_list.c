/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of values, whose length tells nothing: IN (1, 2, 3) becomes IN (?), and VALUES keeps
 * its first row. In: where elements and rows start and end. Out: the sanitised text, gone back
 * over. Runs of constants are skipped without a look at each token, as there can be thousands.
 */
#include <string.h>

#include "probes/postgres/sql_scan.h"

/* s->prev is the token before the bracket. */
void sql_list_open(struct sql_scan *s, struct sql_frame *f, const struct sql_frame *outer,
		   char bracket)
{
	f->element = f->kept = sql_text_at(s, s->p);
	if (bracket == '[') {
		f->array = s->prev == W_ARRAY || (outer->array && s->prev <= T_COMMA);
		f->list = f->array ? LIST_ITEMS : LIST_NONE;
	} else if (s->prev == W_IN) {
		f->list = LIST_ITEMS;
	} else if (s->prev == W_VALUES || (s->prev == T_COMMA && outer->rows_end)) {
		f->list = LIST_ROW;
	}
}

static bool same_text(const char *text, uint32_t a, uint32_t a_end, uint32_t b, uint32_t b_end)
{
	while (a < a_end && text[a] == ' ')
		a++;
	while (b < b_end && text[b] == ' ')
		b++;
	while (a_end > a && text[a_end - 1] == ' ')
		a_end--;
	while (b_end > b && text[b_end - 1] == ' ')
		b_end--;
	return a <= a_end && b <= b_end && a_end - a == b_end - b &&
	       !memcmp(text + a, text + b, a_end - a);
}

/* An element ends at p: it goes if a constant was there before, or if it repeats the one before. */
void sql_list_next(struct sql_scan *s, struct sql_frame *f, const char *p)
{
	uint32_t at;

	sql_text_flush(s, p);
	at = s->len;
	if (f->kept_end &&
	    ((f->constant && f->had_constant) ||
	     same_text(s->out->text_buf, f->kept, f->kept_end, f->element + 1, at))) {
		sql_text_rewind(s, f->element, p);
	} else {
		f->kept = f->kept_end ? f->element + 1 : f->kept;
		f->kept_end = at;
		f->had_constant |= f->constant;
	}
	f->element = s->len;
	f->constant = true;
}

void sql_list_close(struct sql_scan *s, struct sql_frame *outer, const struct sql_frame *f,
		    const char *behind)
{
	if (f->list == LIST_ITEMS || !f->constant)
		outer->constant = false;
	if (f->list != LIST_ROW)
		return;
	if (outer->rows_end)
		sql_text_rewind(s, outer->rows_end, behind);
	else
		outer->rows_end = sql_text_at(s, behind);
}

/* The statement ends within lists: what has begun and would have gone must go as well. */
void sql_list_cut(struct sql_scan *s)
{
	bool constant = true;
	uint32_t to = SQL_TEXT_MAX;

	for (uint32_t d = s->depth + 1; d-- > 0;) {
		const struct sql_frame *f = &s->frames[d];
		bool in_row = d < s->depth && f[1].list == LIST_ROW;

		constant &= f->constant;
		if (f->rows_end && (in_row || (d == s->depth && s->prev == T_COMMA)))
			to = f->rows_end;
		else if (f->list == LIST_ITEMS && f->kept_end && f->had_constant && constant)
			to = f->element;
	}
	sql_text_rewind(s, to, s->end);
}

static const char *space_end(const char *p, const char *end)
{
	while (p < end && sql_char_of(p) == CHAR_SPACE)
		p++;
	return p;
}

static const char *value_end(const char *p, const char *end)
{
	bool closed;
	enum sql_word w;
	const char *q;

	if (p + 1 >= end)
		return NULL;
	if (sql_char_of(p) == CHAR_SIGN && sql_char_of(p + 1) == CHAR_DIGIT)
		p++;
	switch (sql_char_of(p)) {
	case CHAR_DIGIT:
		return sql_number_end(p, end);
	case CHAR_QUOTE:
		p = sql_quoted_end(p + 1, end, '\'', &closed);
		return closed ? p : NULL;
	case CHAR_DOLLAR:
		for (q = p + 1; q < end && sql_char_of(q) == CHAR_DIGIT;)
			q++;
		return q > p + 1 ? q : NULL;
	case CHAR_WORD:
		q = sql_word_end(p, end);
		w = sql_word(p, q - p);
		return w == W_NULL || w == W_TRUE || w == W_FALSE ? q : NULL;
	default:
		return NULL;
	}
}

/* Where the comma or bracket behind a constant is; NULL if it is anything but a plain constant. */
static const char *constant_end(const char *p, const char *end)
{
	p = value_end(space_end(p, end), end);
	if (!p)
		return NULL;
	p = space_end(p, end);
	return p < end && (*p == ',' || sql_char_of(p) == CHAR_CLOSE) ? p : NULL;
}

/* Behind a row of nothing but constants, or NULL. */
static const char *row_end(const char *p, const char *end)
{
	p = space_end(p, end);
	if (p == end || *p != '(')
		return NULL;
	do
		p = constant_end(p + 1, end);
	while (p && *p == ',');
	return p ? p + 1 : NULL;
}

/* s->p is behind a comma between elements, and one constant has been kept: more may go. */
static void skip_items(struct sql_scan *s)
{
	const char *p = s->p, *q;

	while ((q = constant_end(p, s->end)) && *q == ',')
		p = q + 1;
	sql_text_flush(s, s->p);
	s->p = s->run = p;
}

/* s->p is behind a comma between rows. True: it is behind the last row now. */
static bool skip_rows(struct sql_scan *s, struct sql_frame *f)
{
	const char *p = s->p, *q;

	while ((q = row_end(p, s->end))) {
		p = space_end(q, s->end);
		if (p < s->end && *p == ',') {
			p++;
			continue;
		}
		sql_text_rewind(s, f->rows_end, q);
		s->p = q;
		return true;
	}
	sql_text_flush(s, s->p);
	s->p = s->run = p;
	return false;
}

bool sql_list_skip(struct sql_scan *s, struct sql_frame *f)
{
	if (f->rows_end)
		return skip_rows(s, f);
	if (f->list == LIST_ITEMS && f->had_constant)
		skip_items(s);
	return false;
}
