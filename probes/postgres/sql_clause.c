/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enough of PostgreSQL's grammar to know which words are verbs and which names are tables. In:
 * words, names, brackets and commas, in order. Out: operation, tables, summary. Each level of
 * parentheses has a frame: which query runs there, and what the next name in it would be.
 */
#include "probes/postgres/sql_scan.h"

static const char *next_token(const struct sql_scan *s)
{
	const char *p = s->p;

	while (p < s->end && sql_char_of(p) == CHAR_SPACE)
		p++;
	return p;
}

static enum sql_char peek(const struct sql_scan *s)
{
	const char *p = next_token(s);

	return p == s->end ? CHAR_SEMICOLON : sql_char_of(p);
}

/* What comes next is cut off. */
static bool peek_cut(const struct sql_scan *s)
{
	return s->out->cut && next_token(s) == s->end;
}

static bool peek_open(const struct sql_scan *s)
{
	return peek(s) == CHAR_OPEN;
}

static bool peek_name(const struct sql_scan *s)
{
	enum sql_char c = peek(s);

	return c == CHAR_WORD || c == CHAR_DOUBLE_QUOTE;
}

static bool has(enum sql_word w, enum sql_word_flags flag)
{
	return sql_word_flags[w] & flag;
}

static void operation_verb(struct sql_scan *s, enum sql_word w)
{
	if (!s->operation_set) {
		s->operation_open = w == W_WITH;
		s->with_depth = s->depth;
	} else if (s->operation_open && s->depth == s->with_depth && w != W_WITH) {
		s->operation_open = false;
	} else {
		return;
	}
	s->operation_set = true;
	s->out->operation = sql_word_operation(w);
}

/* What stands behind the verb: its table at once, a list of them, or first the kind of object. */
static void verb_wants(struct sql_scan *s, struct sql_frame *f, enum sql_word w)
{
	f->want = f->want_listed = WANT_NONE;
	switch (w) {
	case W_TRUNCATE:
	case W_LOCK:
	case W_VACUUM:
	case W_ANALYZE:
	case W_ANALYSE:
		f->want_listed = WANT_TARGET;
		/* fall through */
	case W_UPDATE:
	case W_COPY:
	case W_TABLE:
	case W_CLUSTER:
		f->want = WANT_TARGET;
		break;
	case W_CREATE:
	case W_ALTER:
	case W_DROP:
	case W_REFRESH:
	case W_REINDEX:
		s->object_open = true;
		break;
	default:
		break;
	}
}

static void verb_start(struct sql_scan *s, struct sql_frame *f, enum sql_word w)
{
	operation_verb(s, w);
	if (!s->stmt)
		s->stmt = w;
	if (w == W_WITH) {
		f->with = true;
		f->recursive = false;
		return;
	}
	if (w != W_VALUES || !f->verb)
		sql_summary_verb(s, sql_word_operation(w));
	verb_wants(s, f, w);
	f->verb = w == W_TABLE ? W_SELECT : w;
	f->with = false;
	f->used = false;
	f->from = f->verb != W_SELECT;
}

/* INSERT, UPDATE and many others are names as well; SELECT is not. */
static bool starts_query(const struct sql_scan *s, const struct sql_frame *f, enum sql_word w)
{
	bool select = w == W_SELECT || (w == W_VALUES && peek_open(s)) || w == W_WITH;

	switch (s->prev) {
	case T_START:
		return has(w, WORD_VERB);
	case T_OPEN:
		return select || (w == W_TABLE && peek_name(s) && s->stmt != W_CREATE) ||
		       (has(w, WORD_QUERY) && (f->body || s->stmt == W_COPY));
	case T_CLOSE:
		if (f->with)
			return has(w, WORD_QUERY);
		break;
	case W_AS:
		if (f->verb == W_CREATE || f->verb == W_PREPARE || f->verb == W_EXPLAIN)
			return select || has(w, WORD_QUERY) || w == W_TABLE;
		return false; /* a label */
	case W_FOR:
		return s->stmt == W_DECLARE && (select || has(w, WORD_QUERY));
	case W_ON:
		return false;
	default:
		break;
	}
	if (f->verb == W_EXPLAIN)
		return has(w, WORD_QUERY) || w == W_WITH || w == W_CREATE || w == W_DECLARE;
	if (w == W_WITH)
		return f->verb == W_INSERT && !peek_open(s);
	if (w == W_TABLE)
		return f->verb == W_INSERT;
	return w == W_SELECT && s->stmt != W_GRANT && s->stmt != W_REVOKE;
}

static void table_name(struct sql_scan *s, struct sql_frame *f, const struct sql_name *name)
{
	struct str table = { name->s, f->want == WANT_COLUMN ? name->qualifier_len : name->len };
	bool source = f->want == WANT_SOURCE;

	f->want = WANT_NONE;
	if (source && peek_open(s))
		return; /* a function */
	if (source && !name->qualifier_len && sql_table_is_cte(s, table))
		return;
	sql_table_add(s, table);
}

static bool from_follows(const struct sql_scan *s)
{
	const char *p = next_token(s), *end = sql_word_end(p, s->end);

	return sql_word(p, end - p) == W_FROM || (end == s->end && s->out->cut);
}

/* A word of ours where a table's name can be. True: it was the name, or may stand before it. */
static bool word_wanted(struct sql_scan *s, struct sql_frame *f, enum sql_word w, const char *start)
{
	struct sql_name name = { .s = start, .len = s->p - start };

	if (w == W_ONLY || w == W_LATERAL)
		return true;
	if (has(w, WORD_FILLER) && f->want != WANT_SOURCE && (peek_name(s) || peek_cut(s)))
		return true;
	if (w == W_ROWS && f->want == WANT_SOURCE && from_follows(s))
		return true;
	if (has(w, WORD_RESERVED) || (w == W_VALUES && (peek_open(s) || peek_cut(s)))) {
		f->want = WANT_NONE;
		return false;
	}
	table_name(s, f, &name);
	return true;
}

/* CREATE UNIQUE INDEX: looks for the word that tells the kind of object. */
static void object_word(struct sql_scan *s, struct sql_frame *f, enum sql_word w)
{
	switch (w) {
	case W_TABLE:
	case W_VIEW:
		f->want = WANT_TARGET;
		f->want_listed = s->stmt == W_DROP ? WANT_TARGET : WANT_NONE;
		break;
	case W_COLUMN:
		f->want = WANT_COLUMN;
		break;
	case W_INDEX:
	case W_TRIGGER:
	case W_POLICY:
		s->on_target = s->stmt != W_COMMENT;
		break;
	case W_OR:
	case W_REPLACE:
	case W_TEMP:
	case W_TEMPORARY:
	case W_GLOBAL:
	case W_LOCAL:
	case W_UNLOGGED:
	case W_FOREIGN:
	case W_MATERIALIZED:
	case W_RECURSIVE:
	case W_UNIQUE:
	case W_CONSTRAINT:
		return;
	default:
		break;
	}
	s->object_open = false;
}

static void from_word(struct sql_scan *s, struct sql_frame *f)
{
	if (s->prev == W_DISTINCT && (s->before == W_IS || s->before == W_NOT))
		return;
	if (f->verb == W_DELETE) {
		f->want = WANT_TARGET;
	} else if (f->verb == W_SELECT || f->verb == W_UPDATE || f->want == WANT_SOURCE) {
		f->want = f->want_listed = WANT_SOURCE;
		f->from = true;
		s->nqualifiers = f->qualifiers;
	}
}

static void using_word(struct sql_frame *f)
{
	if ((f->verb != W_DELETE && f->verb != W_MERGE) || f->used)
		return;
	f->used = true;
	f->want = WANT_SOURCE;
	f->want_listed = f->verb == W_DELETE ? WANT_SOURCE : WANT_NONE;
}

static void on_word(struct sql_scan *s, struct sql_frame *f)
{
	if (s->stmt == W_COMMENT && s->prev == W_COMMENT)
		s->object_open = true;
	else if (s->on_target)
		f->want = WANT_TARGET;
	s->on_target = false;
}

/* Clauses of CREATE TABLE and ALTER TABLE that name another table. */
static void ddl_word(struct sql_scan *s, struct sql_frame *f, enum sql_word w)
{
	if (s->stmt != W_CREATE && s->stmt != W_ALTER)
		return;
	if (w == W_REFERENCES || (w == W_LIKE && s->prev <= T_COMMA) ||
	    (w == W_OF && s->prev == W_PARTITION))
		f->want = WANT_TARGET;
	else if (w == W_INHERITS)
		f->want = WANT_SOURCE;
}

static void clause_start(struct sql_scan *s, struct sql_frame *f, enum sql_word w)
{
	switch (w) {
	case W_FROM:
		from_word(s, f);
		break;
	case W_JOIN:
		if (f->verb)
			f->want = WANT_SOURCE;
		break;
	case W_INTO:
		if (f->verb == W_INSERT || f->verb == W_MERGE || f->verb == W_SELECT)
			f->want = WANT_TARGET;
		break;
	case W_USING:
		using_word(f);
		break;
	case W_ON:
		on_word(s, f);
		break;
	case W_REFERENCES:
	case W_LIKE:
	case W_OF:
	case W_INHERITS:
		ddl_word(s, f, w);
		break;
	default:
		if (has(w, WORD_ENDS_FROM))
			f->want = f->want_listed = WANT_NONE;
	}
}

/* In front of a CTE's name, unless it is not WITH's list. */
static bool cte_expected(const struct sql_scan *s, const struct sql_frame *f)
{
	return f->with && (s->prev == W_WITH || s->prev == W_RECURSIVE || s->prev == T_COMMA);
}

static void cte_name(struct sql_scan *s, struct sql_frame *f, struct str name)
{
	f->cte = name;
	if (f->recursive)
		sql_cte_add(s, name);
}

static void cte_word(struct sql_scan *s, struct sql_frame *f, enum sql_word w, struct str name)
{
	if (w == W_RECURSIVE)
		f->recursive = true;
	else
		cte_name(s, f, name);
}

static void constant_word(struct sql_scan *s, const struct sql_frame *f, const char *start)
{
	if (f->list != LIST_NONE && (s->prev == T_OPEN || s->prev == T_COMMA))
		sql_text_hide(s, start, s->p);
}

static void word(struct sql_scan *s, struct sql_frame *f, enum sql_word w, const char *start)
{
	if (w == W_NULL || w == W_TRUE || w == W_FALSE) {
		constant_word(s, f, start);
		return;
	}
	f->rows_end = 0;
	if (s->prev != T_CAST)
		f->constant = false;
	if (s->prev == T_START && !has(w, WORD_VERB))
		s->operation_set = true;
	if (s->object_open && !s->depth)
		object_word(s, f, w);
	else if (f->want && word_wanted(s, f, w, start))
		return;
	else if (has(w, WORD_VERB) && starts_query(s, f, w))
		verb_start(s, f, w);
	else if (cte_expected(s, f))
		cte_word(s, f, w, (struct str){ start, s->p - start });
	else
		clause_start(s, f, w);
}

void sql_clause_word(struct sql_scan *s, enum sql_word w, const char *start)
{
	if (!s->too_deep)
		word(s, sql_frame(s), w, start);
	sql_token(s, w);
}

/* Savepoints, cursors and prepared statements are named at run time. */
static bool is_session_name(const struct sql_scan *s)
{
	switch (s->stmt) {
	case W_ROLLBACK:
		return s->prev == W_TO || s->prev == W_SAVEPOINT;
	case W_RELEASE:
		return s->prev == W_RELEASE || s->prev == W_SAVEPOINT;
	case W_DEALLOCATE:
		return s->prev == W_DEALLOCATE || s->prev == W_PREPARE;
	case W_FETCH:
	case W_MOVE:
		return s->prev == W_FROM || s->prev == W_IN || peek(s) == CHAR_SEMICOLON;
	default:
		return s->prev == s->stmt;
	}
}

static void name_plain(struct sql_scan *s, struct sql_frame *f, const struct sql_name *name)
{
	if (s->prev == T_START)
		s->operation_set = true;
	s->object_open &= s->depth > 0;
	if (has(s->stmt, WORD_NAMES) && is_session_name(s))
		sql_text_hide(s, name->s, name->s + name->len);
	if (cte_expected(s, f))
		cte_name(s, f, (struct str){ name->s, name->len });
	else if (name->qualifier_len && !f->from && !peek_open(s))
		sql_qualifier_add(s, (struct str){ name->s, name->qualifier_len });
	else if (s->prev == W_CALL && s->stmt == W_CALL)
		sql_summary_target(s, (struct str){ name->s, name->len });
}

void sql_clause_name(struct sql_scan *s, const struct sql_name *name)
{
	struct sql_frame *f = sql_frame(s);

	if (!s->too_deep) {
		f->rows_end = 0;
		if (s->prev != T_CAST)
			f->constant = false;
		if (f->want)
			table_name(s, f, name);
		else
			name_plain(s, f, name);
	}
	sql_token(s, T_NAME);
}

void sql_clause_comma(struct sql_scan *s)
{
	struct sql_frame *f = sql_frame(s);

	if (!s->too_deep) {
		f->want = f->want_listed;
		if (f->list == LIST_ITEMS && !f->rows_end)
			sql_list_next(s, f, s->p - 1);
		if ((f->list || f->rows_end) && sql_list_skip(s, f))
			return; /* as behind the first row */
	}
	sql_token(s, T_COMMA);
}

void sql_clause_open(struct sql_scan *s, char bracket)
{
	struct sql_frame *outer = sql_frame(s), *f = outer + 1;

	if (s->depth + 1 == SQL_DEPTH) {
		s->too_deep++;
		sql_token(s, T_OPEN);
		return;
	}
	*f = (struct sql_frame){ .ctes = s->nctes, .qualifiers = s->nqualifiers, .constant = true };
	f->from = outer->from;
	sql_list_open(s, f, outer, bracket);
	if (s->prev != T_OPEN && s->prev != T_COMMA)
		outer->constant = false;
	if (outer->want == WANT_SOURCE) {
		f->want = f->want_listed = WANT_SOURCE;
		f->verb = W_JOIN;
		outer->want = WANT_NONE;
	} else if (s->stmt == W_COPY) {
		outer->want = WANT_NONE;
	}
	if (outer->with && s->prev == T_CLOSE) { /* WITH a AS (...) (SELECT ...) */
		outer->with = false;
		s->with_depth += s->with_depth == s->depth;
	}
	f->body = outer->with && (s->prev == W_AS || s->prev == W_MATERIALIZED);
	s->depth++;
	sql_token(s, T_OPEN);
}

void sql_clause_close(struct sql_scan *s)
{
	struct sql_frame *f = sql_frame(s);

	if (s->too_deep) {
		s->too_deep--;
	} else if (s->depth) {
		struct sql_frame *outer = &s->frames[--s->depth];

		if (f->list == LIST_ITEMS)
			sql_list_next(s, f, s->p - 1);
		sql_list_close(s, outer, f, s->p);
		s->nctes = f->ctes;
		if (f->body && !outer->recursive)
			sql_cte_add(s, outer->cte);
	}
	sql_token(s, T_CLOSE);
}

void sql_clause_statement(struct sql_scan *s)
{
	s->depth = s->too_deep = 0;
	s->frames[0] = (struct sql_frame){ .from = true };
	s->nctes = s->nqualifiers = 0;
	s->stmt = 0;
	s->object_open = s->on_target = false;
	s->prev = s->before = T_START;
}
