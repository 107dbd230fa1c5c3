/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over a statement. In: its bytes. Out: struct sql_info. Splits the bytes into tokens,
 * tells the text writer what to hide, and the clause tracker what was said; decides nothing
 * else.
 */
#include "probes/postgres/sql_scan.h"

static void scan_space(struct sql_scan *s)
{
	const char *p = s->p;
	bool written = p > s->run || (s->len && s->out->text_buf[s->len - 1] != ' ');

	s->p++;
	if (*p == ' ' && written && s->p < s->end && sql_char_of(s->p) != CHAR_SPACE)
		return; /* is as it should be */
	while (s->p < s->end && sql_char_of(s->p) == CHAR_SPACE)
		s->p++;
	sql_text_space(s, p, s->p);
}

static void scan_comment(struct sql_scan *s, const char *behind)
{
	sql_text_space(s, s->p, behind);
	s->p = behind;
}

/* `quote` is the opening one, behind a prefix or at s->p. */
static void scan_string(struct sql_scan *s, const char *quote, bool escapes)
{
	bool after_string = s->prev == T_STRING || s->prev == T_ESCAPES;
	bool goes_on = after_string && quote == s->p; /* 'a' and, on the next line, 'b' are one */
	const char *q;
	bool closed;

	escapes |= goes_on && s->prev == T_ESCAPES;
	q = escapes ? sql_escaped_end(quote + 1, s->end)
		    : sql_quoted_end(quote + 1, s->end, '\'', &closed);
	if (goes_on)
		sql_text_join(s, s->p, q);
	else
		sql_text_hide(s, s->p, q);
	s->p = q;
	sql_token(s, escapes ? T_ESCAPES : T_STRING);
}

static void scan_number(struct sql_scan *s)
{
	const char *q = sql_number_end(s->p, s->end);

	if (s->prev == T_SIGN)
		sql_text_rewind(s, s->sign_at, s->p);
	sql_text_hide(s, s->p, q);
	s->p = q;
	sql_token(s, T_NUMBER);
}

/* The rest is cut off in the middle of a token that would not tell: it goes. */
static void scan_stop(struct sql_scan *s)
{
	sql_text_flush(s, s->p);
	s->p = s->run = s->end;
}

static void scan_dollar(struct sql_scan *s)
{
	const char *q = sql_parameter_end(s->p, s->end);

	if (q > s->p) {
		if (q == s->end && s->out->cut) {
			scan_stop(s);
			return;
		}
		s->p = q;
		sql_token(s, T_PARAM);
		return;
	}
	q = sql_dollar_end(s->p, s->end);
	sql_text_hide(s, s->p, q);
	s->p = q;
	sql_token(s, T_STRING);
}

/* The end of one part of a name, NULL if the cut may have gone through it. */
static const char *part_end(struct sql_scan *s, const char *p)
{
	bool closed = true;

	if (*p == '"')
		p = sql_quoted_end(p + 1, s->end, '"', &closed);
	else
		p = sql_word_end(p, s->end);
	return closed && !(p == s->end && s->out->cut) ? p : NULL;
}

/* If a dot comes next, with or without blanks around it: where the next part is, else NULL. */
static const char *next_part(const struct sql_scan *s, const char *p)
{
	p += p < s->end && *p == ' ';
	if (p == s->end || *p != '.')
		return NULL;
	p++;
	p += p < s->end && *p == ' ';
	if (p == s->end)
		return p;
	if (sql_char_of(p) == CHAR_WORD)
		return sql_prefixed_string(p, s->end) ? NULL : p;
	return *p == '"' || *p == '*' ? p : NULL;
}

/* `part`: where the first part starts, behind U& if that is there. */
static void scan_name(struct sql_scan *s, const char *part)
{
	struct sql_name name = { .s = s->p };
	const char *behind = s->p, *end;
	bool quoted = *part == '"';

	do {
		end = *part == '*' ? part + 1 : part_end(s, part);
		if (!end)
			break;
		name.qualifier_len = behind - name.s;
		behind = end;
		part = next_part(s, end);
	} while (part && part < s->end);
	name.len = behind - name.s;
	if (!end || part) { /* cut */
		if (name.len && !sql_frame(s)->from && !s->too_deep && !sql_frame(s)->want)
			sql_qualifier_add(s, (struct str){ name.s, name.len });
		scan_stop(s);
		return;
	}
	s->p = behind;
	if (!quoted && !name.qualifier_len) {
		enum sql_word w = sql_word(name.s, name.len);

		if (w != T_NAME) {
			sql_clause_word(s, w, name.s);
			return;
		}
	}
	sql_clause_name(s, &name);
}

/* The usual case: a word without dots or quotes, and something behind it. */
static inline bool scan_plain_word(struct sql_scan *s)
{
	const char *start = s->p, *p = sql_word_end(start + 1, s->end);
	struct sql_name name = { start, p - start, 0 };
	enum sql_word w;

	if (s->end - p < 2 || *p == '\'' || *p == '.' || *p == '&' || (*p == ' ' && p[1] == '.'))
		return false;
	s->p = p;
	w = sql_word(start, p - start);
	if (w == T_NAME)
		sql_clause_name(s, &name);
	else
		sql_clause_word(s, w, start);
	return true;
}

/* A name, a word, or the prefix of a string. */
static void scan_word(struct sql_scan *s)
{
	const char *p = s->p, *quote;

	if (scan_plain_word(s))
		return;
	quote = sql_prefixed_string(p, s->end);
	if (quote) {
		scan_string(s, quote, (*p | 0x20) == 'e');
		return;
	}
	if (s->end - p > 2 && (*p | 0x20) == 'u' && p[1] == '&' && p[2] == '"')
		p += 2;
	scan_name(s, p);
}

static void scan_operator(struct sql_scan *s, size_t len, enum sql_word token)
{
	if (token == T_OPERATOR)
		sql_frame(s)->constant = false;
	s->p += len;
	sql_token(s, token);
}

static void scan_sign(struct sql_scan *s)
{
	bool first = s->prev == T_OPEN || s->prev == T_COMMA;

	if (*s->p == '-' && s->p + 1 < s->end && s->p[1] == '-') {
		scan_comment(s, sql_line_end(s->p, s->end));
		return;
	}
	s->sign_at = sql_text_at(s, s->p);
	scan_operator(s, 1, first && sql_frame(s)->list != LIST_NONE ? T_SIGN : T_OPERATOR);
}

static void scan_semicolon(struct sql_scan *s)
{
	s->p++;
	if (s->depth || s->too_deep)
		sql_token(s, T_OPERATOR);
	else
		sql_clause_statement(s);
}

/* Characters that need a look at what follows, or are operators. */
static void scan_other(struct sql_scan *s, enum sql_char c)
{
	char next = s->p + 1 < s->end ? s->p[1] : '\0';
	bool closed;

	if (c == CHAR_SLASH && next == '*')
		scan_comment(s, sql_comment_end(s->p + 2, s->end, &closed));
	else if (c == CHAR_DOT && sql_char_of(&next) == CHAR_DIGIT)
		scan_number(s);
	else if (c == CHAR_COLON && next == ':')
		scan_operator(s, 2, T_CAST);
	else
		scan_operator(s, 1, T_OPERATOR);
}

static void scan_token(struct sql_scan *s)
{
	enum sql_char c = sql_char_of(s->p);

	switch (c) {
	case CHAR_SPACE:
		scan_space(s);
		break;
	case CHAR_WORD:
		scan_word(s);
		break;
	case CHAR_DOUBLE_QUOTE:
		scan_name(s, s->p);
		break;
	case CHAR_COMMA:
		s->p++;
		sql_clause_comma(s);
		break;
	case CHAR_DIGIT:
		scan_number(s);
		break;
	case CHAR_QUOTE:
		scan_string(s, s->p, false);
		break;
	case CHAR_DOLLAR:
		scan_dollar(s);
		break;
	case CHAR_OPEN:
		s->p++;
		sql_clause_open(s, s->p[-1]);
		break;
	case CHAR_CLOSE:
		s->p++;
		sql_clause_close(s);
		break;
	case CHAR_SIGN:
		scan_sign(s);
		break;
	case CHAR_SEMICOLON:
		scan_semicolon(s);
		break;
	default:
		scan_other(s, c);
	}
}

void sql_analyze(struct sql_info *out, struct str text, bool cut)
{
	struct sql_scan s;

	if (text.len > SQL_TEXT_MAX) {
		text.len = SQL_TEXT_MAX;
		cut = true;
	}
	out->operation = "unknown";
	out->ntables = 0;
	out->tables_from_columns = false;
	out->cut = cut;
	s.out = out;
	s.p = s.run = text.s;
	s.end = text.s + text.len;
	s.len = s.sign_at = s.summary_len = s.named = 0;
	s.with_depth = 0;
	s.operation_set = s.operation_open = s.summary_full = false;
	sql_clause_statement(&s);
	while (s.p < s.end) {
		/* Most blanks stand alone, and behind something that is copied. */
		if (*s.p == ' ' && s.p > s.run && s.end - s.p > 1 &&
		    sql_char_of(s.p + 1) != CHAR_SPACE)
			s.p++;
		else
			scan_token(&s);
	}
	if (cut && s.nqualifiers)
		sql_qualifiers_use(&s);
	if (s.depth || s.frames[0].rows_end)
		sql_list_cut(&s);
	sql_text_end(&s);
	sql_summary_end(&s);
}
