/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PostgreSQL statement does and to which tables, without any of its literals. Input: the
 * bytes of a statement as a client sent them (hostile, any length, maybe cut at any byte).
 * Output: a struct the caller owns and reuses. Nothing is allocated, no error is possible: what
 * cannot be understood is left out. This is a tolerant lexer, not a parser; it knows nothing of
 * connections or events.
 */
#ifndef TALLYMAN_SQL_H
#define TALLYMAN_SQL_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/str.h"

#define SQL_TEXT_MAX 4096   /* bytes of a statement that are read; a longer one counts as cut */
#define SQL_SUMMARY_MAX 255 /* OpenTelemetry's limit for db.query.summary */
#define SQL_NAME_MAX 127    /* schema (63) '.' table (63): PostgreSQL itself cuts names at 63 */
#define SQL_TABLES_MAX 16

/*
 * All strings are NUL-terminated (the NUL is not in .len), valid UTF-8 without control
 * characters (offending bytes become '_'), and live until the next sql_analyze() on the same
 * struct. They point into the struct: do not copy or move it. It is about 7 KiB and needs no
 * initialisation.
 *
 * operation: upper case, one of a closed set of verbs (static storage), so fit for a metric
 *   label. The first verb of the first statement; with WITH, the main verb behind the CTEs
 *   ("WITH" when the text was cut before it). START is BEGIN, END is COMMIT, ABORT is ROLLBACK,
 *   TABLE is SELECT. "unknown": no verb that PostgreSQL knows, or nothing but comments.
 *
 * text: OpenTelemetry's db.query.text. Every literal is '?' (a sign before it is kept), also
 *   one that is cut off; comments are gone, white space is one blank, trailing ';' are gone.
 *   Kept: identifiers as written, keywords, $1 parameters, NULL, TRUE, FALSE. So that one
 *   statement of an application is one text:
 *   - IN (...) and ARRAY[...] keep only their first constant or parameter: IN (?), IN ($1);
 *   - VALUES loses all rows after the first one;
 *   - in IN, ARRAY and VALUES, NULL, TRUE and FALSE are '?' too, and a sign before a number is
 *     lost;
 *   - names of savepoints, cursors and (in DEALLOCATE) prepared statements are '?': clients
 *     make them up at run time;
 *   - a word or number that the cut may have gone through is left out.
 *   Strings are read as with standard_conforming_strings = on, the default since 9.1.
 *
 * summary: OpenTelemetry's db.query.summary: "INSERT shipping_details SELECT orders". Verbs in
 *   upper case, targets as in tables[] (in double quotes if they hold anything but letters,
 *   digits, '_', '$' and '.'), in order of appearance, nested queries included. A target is not
 *   repeated within one operation. At most SQL_SUMMARY_MAX bytes, only whole words. Never
 *   empty: "unknown".
 *
 * tables: tables and views read or written (DDL, COPY, LOCK, TRUNCATE included), in order of
 *   first appearance, without duplicates; lower case unless quoted; "schema.table" where the
 *   schema is given. No CTEs, functions or aliases. Later ones than SQL_TABLES_MAX are dropped.
 *
 * tables_from_columns: the text was cut before a SELECT's FROM, so some of tables[] are the
 *   qualifiers of its columns ("t"."c"). Usually those are the tables, but they can be aliases.
 */
struct sql_info {
	const char *operation;
	struct str text;
	struct str summary;
	struct str tables[SQL_TABLES_MAX];
	unsigned int ntables;
	bool tables_from_columns;
	bool cut; /* text is not the whole statement */

	char text_buf[SQL_TEXT_MAX + 1];
	char summary_buf[SQL_SUMMARY_MAX + 1];
	char table_buf[SQL_TABLES_MAX][SQL_NAME_MAX + 1];
};

/* Fills *out. `cut`: the statement goes on after `text`. Linear time. */
void sql_analyze(struct sql_info *out, struct str text, bool cut);

/*
 * The value of `key` in the statement's sqlcommenter comments (key='value',key2='value2' in a
 * comment, both URL-encoded), decoded, NUL-terminated, into out[cap]. What looks like a comment
 * within a string literal or a quoted name is none. Where a key comes twice, the first one
 * counts; a value that the cut went through does not. Bytes as in struct sql_info's strings.
 * Costs one search for a slash and asterisk when there is no comment.
 * Returns the length; -ENOENT: no such key; -ENOSPC: longer than cap - 1 (out is then "").
 */
int sql_comment_value(struct str text, struct str key, char *out, size_t cap);

#endif
