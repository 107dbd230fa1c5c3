/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one run of the analyser, and what its parts offer each other: characters and
 * spans (sql_lex.c), the sanitised text (sql_text.c), tables and summary (sql_table.c), words
 * (sql_clause.c). Internal to the SQL analyser.
 */
#ifndef TALLYMAN_SQL_SCAN_H
#define TALLYMAN_SQL_SCAN_H

#include <stdint.h>

#include "probes/postgres/sql.h"
#include "probes/postgres/sql_word.h"

#define SQL_DEPTH 64 /* parentheses deeper than this are read, but not understood */
#define SQL_CTES 32
#define SQL_QUALIFIERS SQL_TABLES_MAX

/* sql_lex.c: characters */

enum sql_char {
	CHAR_OTHER, /* operators, and what PostgreSQL would not take */
	CHAR_SPACE, /* and control characters */
	CHAR_WORD,  /* starts a word; bytes from 0x80 on included */
	CHAR_DIGIT,
	CHAR_QUOTE,
	CHAR_DOUBLE_QUOTE,
	CHAR_DOLLAR,
	CHAR_DOT,
	CHAR_COMMA,
	CHAR_OPEN,  /* ( [ */
	CHAR_CLOSE, /* ) ] */
	CHAR_SEMICOLON,
	CHAR_SIGN, /* + - */
	CHAR_SLASH,
	CHAR_COLON,
};

extern const unsigned char sql_char[256]; /* enum sql_char */
extern const bool sql_word_char[256];	  /* can go on a word */

static inline enum sql_char sql_char_of(const char *p)
{
	return sql_char[(unsigned char)*p];
}

static inline const char *sql_word_end(const char *p, const char *end)
{
	while (p < end && sql_word_char[(unsigned char)*p])
		p++;
	return p;
}

/* Each takes a span's first byte, or the one behind its opening quote, and returns the byte behind
 * the span, or `end` if it does not end. *closed, where given, tells which. */
const char *sql_quoted_end(const char *p, const char *end, char quote, bool *closed);
/* The opening quote of E'' B'' X'' N'' or U&'' at p; NULL: it is none of them. */
const char *sql_prefixed_string(const char *p, const char *end);
const char *sql_escaped_end(const char *p, const char *end);
const char *sql_dollar_end(const char *p, const char *end);
const char *sql_parameter_end(const char *p, const char *end); /* p: at a '$' that is none */
const char *sql_number_end(const char *p, const char *end);
const char *sql_line_end(const char *p, const char *end);
const char *sql_comment_end(const char *p, const char *end, bool *closed);

/* Makes bytes that are no UTF-8, and control characters, '_'. */
void sql_clean(char *s, size_t len);

/* state */

enum sql_want {
	WANT_NONE,
	WANT_SOURCE, /* a table, a function or a query, as in FROM */
	WANT_TARGET, /* a table; parentheses behind it are its columns */
	WANT_COLUMN, /* a table and a column */
};

enum sql_list {
	LIST_NONE,
	LIST_ITEMS, /* in IN (...) or ARRAY[...] */
	LIST_ROW,   /* in a row of VALUES */
};

/* What is known of one level of parentheses. Positions are in the sanitised text. */
struct sql_frame {
	uint8_t verb; /* of the query at this level, W_JOIN in parentheses within FROM, or 0 */
	uint8_t want; /* enum sql_want: for the next name */
	uint8_t want_listed; /* and for the one behind the next comma */
	uint8_t list;	     /* enum sql_list */
	uint8_t ctes;	     /* how many were in sight when it was opened */
	uint8_t qualifiers;
	bool with : 1; /* between WITH and the main verb */
	bool recursive : 1;
	bool body : 1;	   /* the body of the last CTE of the level below */
	bool from : 1;	   /* FROM was seen */
	bool used : 1;	   /* USING was seen */
	bool constant : 1; /* the current element is, so far */
	bool had_constant : 1;
	bool array : 1;
	uint16_t element; /* LIST_ITEMS: where the current element's comma is */
	uint16_t kept;	  /* LIST_ITEMS: where the last element that was kept starts */
	uint16_t kept_end;
	uint16_t rows_end; /* in or behind VALUES: the end of the first row; 0: not there */
	struct str cte;	   /* with: the name that the next body is for */
};

/* A name as written: words and quoted names with dots, and maybe blanks, between. */
struct sql_name {
	const char *s;
	size_t len;
	size_t qualifier_len; /* up to the last dot; 0: none */
};

/* Folded, as tables[] are. */
struct sql_cte {
	size_t len;
	char name[SQL_NAME_MAX + 1];
};

struct sql_scan {
	struct sql_info *out;
	const char *p, *end;
	const char *run; /* from here to p the text is taken over as it is, but not yet copied */
	uint32_t len;	 /* bytes in out->text_buf */
	uint32_t depth;
	uint32_t too_deep; /* levels open beyond SQL_DEPTH */
	uint32_t sign_at;  /* where the last T_SIGN is in the text */
	uint8_t prev;	   /* enum sql_word: the last token, and the one before it */
	uint8_t before;
	uint8_t stmt; /* verb of the current statement */
	uint8_t with_depth;
	bool operation_set;
	bool operation_open; /* WITH was the first verb: its main verb will tell */
	bool object_open;    /* CREATE, ALTER, DROP: the kind of object is not known yet */
	bool on_target;	     /* a table follows the next ON */
	bool summary_full;
	uint32_t summary_len;
	uint32_t named; /* bit n: tables[n] is in the summary since the last verb */
	unsigned int nctes, nqualifiers;
	struct sql_cte ctes[SQL_CTES];
	struct str qualifiers[SQL_QUALIFIERS];
	struct sql_frame frames[SQL_DEPTH];
};

static inline struct sql_frame *sql_frame(struct sql_scan *s)
{
	return &s->frames[s->depth];
}

static inline void sql_token(struct sql_scan *s, enum sql_word w)
{
	s->before = s->prev;
	s->prev = w;
}

/* sql_text.c */

/* Where in the sanitised text `p` is or will be. */
static inline uint32_t sql_text_at(const struct sql_scan *s, const char *p)
{
	return s->len + (uint32_t)(p - s->run);
}

void sql_text_flush(struct sql_scan *s, const char *upto);
void sql_text_space(struct sql_scan *s, const char *from, const char *to);
void sql_text_hide(struct sql_scan *s, const char *from, const char *to); /* puts '?' there */
void sql_text_rewind(struct sql_scan *s, uint32_t to, const char *next);
void sql_text_end(struct sql_scan *s);

void sql_text_join(struct sql_scan *s, const char *from,
		   const char *to); /* drops [from, to) and the space before it */

/* sql_comment.c */

/* A comment's key as it is written, which may be encoded: is it that one, or what comes of it so far its beginning? */
bool sql_comment_key_is(struct str encoded, struct str key);
bool sql_comment_key_begins(struct str encoded, struct str key);

/* sql_list.c */

/* `p`: the comma or bracket; `behind`: the byte behind the bracket. */
void sql_list_open(struct sql_scan *s, struct sql_frame *f, const struct sql_frame *outer,
		   char bracket);
void sql_list_next(struct sql_scan *s, struct sql_frame *f, const char *p);
void sql_list_close(struct sql_scan *s, struct sql_frame *outer, const struct sql_frame *f,
		    const char *behind);
/* Behind a comma: skips constants that would only be dropped. True: that was all of VALUES. */
bool sql_list_skip(struct sql_scan *s, struct sql_frame *f);
void sql_list_cut(struct sql_scan *s);

/* sql_table.c */

/* Names are as written, quotes included. */
void sql_table_add(struct sql_scan *s, struct str name);
bool sql_table_is_cte(const struct sql_scan *s, struct str name);
void sql_cte_add(struct sql_scan *s, struct str name);
void sql_qualifier_add(struct sql_scan *s, struct str name);
void sql_qualifiers_use(struct sql_scan *s); /* makes those that are left tables */
void sql_summary_verb(struct sql_scan *s, const char *verb);
void sql_summary_target(struct sql_scan *s, struct str name);
void sql_summary_end(struct sql_scan *s);

/* sql_clause.c */

/* s->p is behind the token already; it becomes s->prev. */
void sql_clause_word(struct sql_scan *s, enum sql_word w, const char *start);
void sql_clause_name(struct sql_scan *s, const struct sql_name *name);
void sql_clause_comma(struct sql_scan *s);
void sql_clause_open(struct sql_scan *s, char bracket);
void sql_clause_close(struct sql_scan *s);
void sql_clause_statement(struct sql_scan *s); /* the next one starts */

#endif
