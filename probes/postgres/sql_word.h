/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of SQL that decide anything for the analyser, and the kinds of all other tokens.
 * In: an unquoted word's bytes. Out: its number. Internal to the SQL analyser; it knows no
 * context.
 */
#ifndef TALLYMAN_SQL_WORD_H
#define TALLYMAN_SQL_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* X(word, flags): see enum sql_word_flags. */
#define SQL_WORDS(X)                                      \
	X(ALL, WORD_RESERVED)                             \
	X(ARRAY, WORD_RESERVED)                           \
	X(AS, WORD_RESERVED)                              \
	X(COLUMN, WORD_RESERVED)                          \
	X(CONCURRENTLY, WORD_RESERVED | WORD_FILLER)      \
	X(CONSTRAINT, WORD_RESERVED)                      \
	X(DISTINCT, WORD_RESERVED)                        \
	X(EXCEPT, WORD_RESERVED | WORD_ENDS_FROM)         \
	X(EXISTS, WORD_FILLER)                            \
	X(FALSE, WORD_RESERVED)                           \
	X(FOR, WORD_RESERVED | WORD_ENDS_FROM)            \
	X(FOREIGN, WORD_RESERVED)                         \
	X(FREEZE, WORD_RESERVED | WORD_FILLER)            \
	X(FROM, WORD_RESERVED)                            \
	X(FULL, WORD_RESERVED | WORD_FILLER)              \
	X(GLOBAL, WORD_FILLER)                            \
	X(GROUP, WORD_RESERVED | WORD_ENDS_FROM)          \
	X(HAVING, WORD_RESERVED | WORD_ENDS_FROM)         \
	X(IF, WORD_FILLER)                                \
	X(IN, WORD_RESERVED)                              \
	X(INDEX, 0)                                       \
	X(INHERITS, 0)                                    \
	X(INTERSECT, WORD_RESERVED | WORD_ENDS_FROM)      \
	X(INTO, WORD_RESERVED)                            \
	X(IS, WORD_RESERVED)                              \
	X(JOIN, WORD_RESERVED)                            \
	X(LATERAL, WORD_RESERVED | WORD_FILLER)           \
	X(LIKE, WORD_RESERVED)                            \
	X(LIMIT, WORD_RESERVED | WORD_ENDS_FROM)          \
	X(LOCAL, WORD_FILLER)                             \
	X(MATERIALIZED, WORD_FILLER)                      \
	X(NOT, WORD_RESERVED | WORD_FILLER)               \
	X(NULL, WORD_RESERVED)                            \
	X(OF, 0)                                          \
	X(OFFSET, WORD_RESERVED | WORD_ENDS_FROM)         \
	X(ON, WORD_RESERVED)                              \
	X(ONLY, WORD_RESERVED | WORD_FILLER)              \
	X(OR, WORD_RESERVED)                              \
	X(ORDER, WORD_RESERVED | WORD_ENDS_FROM)          \
	X(PARTITION, 0)                                   \
	X(POLICY, 0)                                      \
	X(RECURSIVE, 0)                                   \
	X(REFERENCES, WORD_RESERVED)                      \
	X(REPLACE, 0)                                     \
	X(RETURNING, WORD_RESERVED | WORD_ENDS_FROM)      \
	X(ROWS, 0)                                        \
	X(TABLE, WORD_RESERVED | WORD_VERB | WORD_FILLER) \
	X(TEMP, WORD_FILLER)                              \
	X(TEMPORARY, WORD_FILLER)                         \
	X(TO, WORD_RESERVED)                              \
	X(TRIGGER, 0)                                     \
	X(TRUE, WORD_RESERVED)                            \
	X(UNION, WORD_RESERVED | WORD_ENDS_FROM)          \
	X(UNIQUE, WORD_RESERVED)                          \
	X(UNLOGGED, WORD_FILLER)                          \
	X(USING, WORD_RESERVED)                           \
	X(VERBOSE, WORD_RESERVED | WORD_FILLER)           \
	X(VIEW, 0)                                        \
	X(WHEN, WORD_RESERVED | WORD_ENDS_FROM)           \
	X(WHERE, WORD_RESERVED | WORD_ENDS_FROM)          \
	X(WINDOW, WORD_RESERVED | WORD_ENDS_FROM)         \
	SQL_VERBS(X)

/* The words that a statement can start with. */
#define SQL_VERBS(X)                                                      \
	X(ABORT, WORD_VERB)                                               \
	X(ALTER, WORD_VERB)                                               \
	X(ANALYSE, WORD_VERB | WORD_RESERVED | WORD_FILLER)               \
	X(ANALYZE, WORD_VERB | WORD_RESERVED | WORD_FILLER)               \
	X(BEGIN, WORD_VERB)                                               \
	X(CALL, WORD_VERB)                                                \
	X(CHECKPOINT, WORD_VERB)                                          \
	X(CLOSE, WORD_VERB | WORD_NAMES)                                  \
	X(CLUSTER, WORD_VERB)                                             \
	X(COMMENT, WORD_VERB)                                             \
	X(COMMIT, WORD_VERB)                                              \
	X(COPY, WORD_VERB)                                                \
	X(CREATE, WORD_VERB | WORD_RESERVED)                              \
	X(DEALLOCATE, WORD_VERB | WORD_NAMES)                             \
	X(DECLARE, WORD_VERB | WORD_NAMES)                                \
	X(DELETE, WORD_VERB | WORD_QUERY)                                 \
	X(DISCARD, WORD_VERB)                                             \
	X(DO, WORD_VERB | WORD_RESERVED)                                  \
	X(DROP, WORD_VERB)                                                \
	X(END, WORD_VERB | WORD_RESERVED)                                 \
	X(EXECUTE, WORD_VERB)                                             \
	X(EXPLAIN, WORD_VERB)                                             \
	X(FETCH, WORD_VERB | WORD_NAMES | WORD_RESERVED | WORD_ENDS_FROM) \
	X(GRANT, WORD_VERB | WORD_RESERVED)                               \
	X(IMPORT, WORD_VERB)                                              \
	X(INSERT, WORD_VERB | WORD_QUERY)                                 \
	X(LISTEN, WORD_VERB)                                              \
	X(LOAD, WORD_VERB)                                                \
	X(LOCK, WORD_VERB)                                                \
	X(MERGE, WORD_VERB | WORD_QUERY)                                  \
	X(MOVE, WORD_VERB | WORD_NAMES)                                   \
	X(NOTIFY, WORD_VERB)                                              \
	X(PREPARE, WORD_VERB)                                             \
	X(REASSIGN, WORD_VERB)                                            \
	X(REFRESH, WORD_VERB)                                             \
	X(REINDEX, WORD_VERB)                                             \
	X(RELEASE, WORD_VERB | WORD_NAMES)                                \
	X(RESET, WORD_VERB)                                               \
	X(REVOKE, WORD_VERB)                                              \
	X(ROLLBACK, WORD_VERB | WORD_NAMES)                               \
	X(SAVEPOINT, WORD_VERB | WORD_NAMES)                              \
	X(SECURITY, WORD_VERB)                                            \
	X(SELECT, WORD_VERB | WORD_QUERY | WORD_RESERVED)                 \
	X(SET, WORD_VERB)                                                 \
	X(SHOW, WORD_VERB)                                                \
	X(START, WORD_VERB)                                               \
	X(TRUNCATE, WORD_VERB)                                            \
	X(UNLISTEN, WORD_VERB)                                            \
	X(UPDATE, WORD_VERB | WORD_QUERY)                                 \
	X(VACUUM, WORD_VERB)                                              \
	X(VALUES, WORD_VERB | WORD_QUERY)                                 \
	X(WITH, WORD_VERB | WORD_RESERVED)

enum sql_word_flags {
	WORD_RESERVED = 1,  /* can be no table's name unless quoted */
	WORD_VERB = 2,	    /* can start a statement */
	WORD_QUERY = 4,	    /* can start what stands behind EXPLAIN, WITH, AS */
	WORD_ENDS_FROM = 8, /* what follows is no longer a list of tables */
	WORD_FILLER = 16,   /* can stand between a verb and the name of its table */
	WORD_NAMES = 32,    /* a verb for savepoints, cursors, prepared statements */
};

/* A token: T_* by its form, W_* an unquoted word that we know. */
enum sql_word {
	T_START, /* none before it: start of a statement */
	T_OPEN,
	T_CLOSE,
	T_COMMA,
	T_SIGN, /* + or - in front of an operand */
	T_CAST, /* :: */
	T_OPERATOR,
	T_STRING,
	T_ESCAPES, /* a string with backslash escapes: its continuation has them too */
	T_NUMBER,
	T_PARAM,
	T_NAME,
#define X(word, flags) W_##word,
	SQL_WORDS(X)
#undef X
		SQL_WORD_MAX
};

extern const unsigned char sql_word_flags[SQL_WORD_MAX];

/* T_NAME if the word is none of ours. */
enum sql_word sql_word(const char *s, size_t len);

/* The operation's name for a verb: "SELECT"; "unknown" if it is none. */
const char *sql_word_operation(enum sql_word w);

#endif
