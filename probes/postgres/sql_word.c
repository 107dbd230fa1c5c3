/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks SQL words up: a perfect hash of the first eight letters. In: an unquoted word.
 * Out: its number, flags and operation name.
 */
#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "probes/postgres/sql_word.h"

#define X(word, flags) [W_##word] = (flags),
const unsigned char sql_word_flags[SQL_WORD_MAX] = { SQL_WORDS(X) };
#undef X

#define X(word, flags) [W_##word] = #word,
static const char *const word_names[SQL_WORD_MAX] = { SQL_WORDS(X) };
#undef X

/* The first eight letters of each. If two hash alike, compilers warn of a second initialiser. */
#define LETTERS(X)                                              \
	X(ALL, 'A', 'L', 'L', 0, 0, 0, 0, 0)                    \
	X(ARRAY, 'A', 'R', 'R', 'A', 'Y', 0, 0, 0)              \
	X(AS, 'A', 'S', 0, 0, 0, 0, 0, 0)                       \
	X(COLUMN, 'C', 'O', 'L', 'U', 'M', 'N', 0, 0)           \
	X(CONCURRENTLY, 'C', 'O', 'N', 'C', 'U', 'R', 'R', 'E') \
	X(CONSTRAINT, 'C', 'O', 'N', 'S', 'T', 'R', 'A', 'I')   \
	X(DISTINCT, 'D', 'I', 'S', 'T', 'I', 'N', 'C', 'T')     \
	X(EXCEPT, 'E', 'X', 'C', 'E', 'P', 'T', 0, 0)           \
	X(EXISTS, 'E', 'X', 'I', 'S', 'T', 'S', 0, 0)           \
	X(FALSE, 'F', 'A', 'L', 'S', 'E', 0, 0, 0)              \
	X(FOR, 'F', 'O', 'R', 0, 0, 0, 0, 0)                    \
	X(FOREIGN, 'F', 'O', 'R', 'E', 'I', 'G', 'N', 0)        \
	X(FREEZE, 'F', 'R', 'E', 'E', 'Z', 'E', 0, 0)           \
	X(FROM, 'F', 'R', 'O', 'M', 0, 0, 0, 0)                 \
	X(FULL, 'F', 'U', 'L', 'L', 0, 0, 0, 0)                 \
	X(GLOBAL, 'G', 'L', 'O', 'B', 'A', 'L', 0, 0)           \
	X(GROUP, 'G', 'R', 'O', 'U', 'P', 0, 0, 0)              \
	X(HAVING, 'H', 'A', 'V', 'I', 'N', 'G', 0, 0)           \
	X(IF, 'I', 'F', 0, 0, 0, 0, 0, 0)                       \
	X(IN, 'I', 'N', 0, 0, 0, 0, 0, 0)                       \
	X(INDEX, 'I', 'N', 'D', 'E', 'X', 0, 0, 0)              \
	X(INHERITS, 'I', 'N', 'H', 'E', 'R', 'I', 'T', 'S')     \
	X(INTERSECT, 'I', 'N', 'T', 'E', 'R', 'S', 'E', 'C')    \
	X(INTO, 'I', 'N', 'T', 'O', 0, 0, 0, 0)                 \
	X(IS, 'I', 'S', 0, 0, 0, 0, 0, 0)                       \
	X(JOIN, 'J', 'O', 'I', 'N', 0, 0, 0, 0)                 \
	X(LATERAL, 'L', 'A', 'T', 'E', 'R', 'A', 'L', 0)        \
	X(LIKE, 'L', 'I', 'K', 'E', 0, 0, 0, 0)                 \
	X(LIMIT, 'L', 'I', 'M', 'I', 'T', 0, 0, 0)              \
	X(LOCAL, 'L', 'O', 'C', 'A', 'L', 0, 0, 0)              \
	X(MATERIALIZED, 'M', 'A', 'T', 'E', 'R', 'I', 'A', 'L') \
	X(NOT, 'N', 'O', 'T', 0, 0, 0, 0, 0)                    \
	X(NULL, 'N', 'U', 'L', 'L', 0, 0, 0, 0)                 \
	X(OF, 'O', 'F', 0, 0, 0, 0, 0, 0)                       \
	X(OFFSET, 'O', 'F', 'F', 'S', 'E', 'T', 0, 0)           \
	X(ON, 'O', 'N', 0, 0, 0, 0, 0, 0)                       \
	X(ONLY, 'O', 'N', 'L', 'Y', 0, 0, 0, 0)                 \
	X(OR, 'O', 'R', 0, 0, 0, 0, 0, 0)                       \
	X(ORDER, 'O', 'R', 'D', 'E', 'R', 0, 0, 0)              \
	X(PARTITION, 'P', 'A', 'R', 'T', 'I', 'T', 'I', 'O')    \
	X(POLICY, 'P', 'O', 'L', 'I', 'C', 'Y', 0, 0)           \
	X(RECURSIVE, 'R', 'E', 'C', 'U', 'R', 'S', 'I', 'V')    \
	X(REFERENCES, 'R', 'E', 'F', 'E', 'R', 'E', 'N', 'C')   \
	X(REPLACE, 'R', 'E', 'P', 'L', 'A', 'C', 'E', 0)        \
	X(RETURNING, 'R', 'E', 'T', 'U', 'R', 'N', 'I', 'N')    \
	X(ROWS, 'R', 'O', 'W', 'S', 0, 0, 0, 0)                 \
	X(TABLE, 'T', 'A', 'B', 'L', 'E', 0, 0, 0)              \
	X(TEMP, 'T', 'E', 'M', 'P', 0, 0, 0, 0)                 \
	X(TEMPORARY, 'T', 'E', 'M', 'P', 'O', 'R', 'A', 'R')    \
	X(TO, 'T', 'O', 0, 0, 0, 0, 0, 0)                       \
	X(TRIGGER, 'T', 'R', 'I', 'G', 'G', 'E', 'R', 0)        \
	X(TRUE, 'T', 'R', 'U', 'E', 0, 0, 0, 0)                 \
	X(UNION, 'U', 'N', 'I', 'O', 'N', 0, 0, 0)              \
	X(UNIQUE, 'U', 'N', 'I', 'Q', 'U', 'E', 0, 0)           \
	X(UNLOGGED, 'U', 'N', 'L', 'O', 'G', 'G', 'E', 'D')     \
	X(USING, 'U', 'S', 'I', 'N', 'G', 0, 0, 0)              \
	X(VERBOSE, 'V', 'E', 'R', 'B', 'O', 'S', 'E', 0)        \
	X(VIEW, 'V', 'I', 'E', 'W', 0, 0, 0, 0)                 \
	X(WHEN, 'W', 'H', 'E', 'N', 0, 0, 0, 0)                 \
	X(WHERE, 'W', 'H', 'E', 'R', 'E', 0, 0, 0)              \
	X(WINDOW, 'W', 'I', 'N', 'D', 'O', 'W', 0, 0)           \
	X(ABORT, 'A', 'B', 'O', 'R', 'T', 0, 0, 0)              \
	X(ALTER, 'A', 'L', 'T', 'E', 'R', 0, 0, 0)              \
	X(ANALYSE, 'A', 'N', 'A', 'L', 'Y', 'S', 'E', 0)        \
	X(ANALYZE, 'A', 'N', 'A', 'L', 'Y', 'Z', 'E', 0)        \
	X(BEGIN, 'B', 'E', 'G', 'I', 'N', 0, 0, 0)              \
	X(CALL, 'C', 'A', 'L', 'L', 0, 0, 0, 0)                 \
	X(CHECKPOINT, 'C', 'H', 'E', 'C', 'K', 'P', 'O', 'I')   \
	X(CLOSE, 'C', 'L', 'O', 'S', 'E', 0, 0, 0)              \
	X(CLUSTER, 'C', 'L', 'U', 'S', 'T', 'E', 'R', 0)        \
	X(COMMENT, 'C', 'O', 'M', 'M', 'E', 'N', 'T', 0)        \
	X(COMMIT, 'C', 'O', 'M', 'M', 'I', 'T', 0, 0)           \
	X(COPY, 'C', 'O', 'P', 'Y', 0, 0, 0, 0)                 \
	X(CREATE, 'C', 'R', 'E', 'A', 'T', 'E', 0, 0)           \
	X(DEALLOCATE, 'D', 'E', 'A', 'L', 'L', 'O', 'C', 'A')   \
	X(DECLARE, 'D', 'E', 'C', 'L', 'A', 'R', 'E', 0)        \
	X(DELETE, 'D', 'E', 'L', 'E', 'T', 'E', 0, 0)           \
	X(DISCARD, 'D', 'I', 'S', 'C', 'A', 'R', 'D', 0)        \
	X(DO, 'D', 'O', 0, 0, 0, 0, 0, 0)                       \
	X(DROP, 'D', 'R', 'O', 'P', 0, 0, 0, 0)                 \
	X(END, 'E', 'N', 'D', 0, 0, 0, 0, 0)                    \
	X(EXECUTE, 'E', 'X', 'E', 'C', 'U', 'T', 'E', 0)        \
	X(EXPLAIN, 'E', 'X', 'P', 'L', 'A', 'I', 'N', 0)        \
	X(FETCH, 'F', 'E', 'T', 'C', 'H', 0, 0, 0)              \
	X(GRANT, 'G', 'R', 'A', 'N', 'T', 0, 0, 0)              \
	X(IMPORT, 'I', 'M', 'P', 'O', 'R', 'T', 0, 0)           \
	X(INSERT, 'I', 'N', 'S', 'E', 'R', 'T', 0, 0)           \
	X(LISTEN, 'L', 'I', 'S', 'T', 'E', 'N', 0, 0)           \
	X(LOAD, 'L', 'O', 'A', 'D', 0, 0, 0, 0)                 \
	X(LOCK, 'L', 'O', 'C', 'K', 0, 0, 0, 0)                 \
	X(MERGE, 'M', 'E', 'R', 'G', 'E', 0, 0, 0)              \
	X(MOVE, 'M', 'O', 'V', 'E', 0, 0, 0, 0)                 \
	X(NOTIFY, 'N', 'O', 'T', 'I', 'F', 'Y', 0, 0)           \
	X(PREPARE, 'P', 'R', 'E', 'P', 'A', 'R', 'E', 0)        \
	X(REASSIGN, 'R', 'E', 'A', 'S', 'S', 'I', 'G', 'N')     \
	X(REFRESH, 'R', 'E', 'F', 'R', 'E', 'S', 'H', 0)        \
	X(REINDEX, 'R', 'E', 'I', 'N', 'D', 'E', 'X', 0)        \
	X(RELEASE, 'R', 'E', 'L', 'E', 'A', 'S', 'E', 0)        \
	X(RESET, 'R', 'E', 'S', 'E', 'T', 0, 0, 0)              \
	X(REVOKE, 'R', 'E', 'V', 'O', 'K', 'E', 0, 0)           \
	X(ROLLBACK, 'R', 'O', 'L', 'L', 'B', 'A', 'C', 'K')     \
	X(SAVEPOINT, 'S', 'A', 'V', 'E', 'P', 'O', 'I', 'N')    \
	X(SECURITY, 'S', 'E', 'C', 'U', 'R', 'I', 'T', 'Y')     \
	X(SELECT, 'S', 'E', 'L', 'E', 'C', 'T', 0, 0)           \
	X(SET, 'S', 'E', 'T', 0, 0, 0, 0, 0)                    \
	X(SHOW, 'S', 'H', 'O', 'W', 0, 0, 0, 0)                 \
	X(START, 'S', 'T', 'A', 'R', 'T', 0, 0, 0)              \
	X(TRUNCATE, 'T', 'R', 'U', 'N', 'C', 'A', 'T', 'E')     \
	X(UNLISTEN, 'U', 'N', 'L', 'I', 'S', 'T', 'E', 'N')     \
	X(UPDATE, 'U', 'P', 'D', 'A', 'T', 'E', 0, 0)           \
	X(VACUUM, 'V', 'A', 'C', 'U', 'U', 'M', 0, 0)           \
	X(VALUES, 'V', 'A', 'L', 'U', 'E', 'S', 0, 0)           \
	X(WITH, 'W', 'I', 'T', 'H', 0, 0, 0, 0)

/* A hash of the lower-case letters, the first one in the lowest byte, and the length. */
#define SLOT_BITS 9
#define SLOT(letters, len) \
	((((letters) + (len)) * UINT64_C(0x0afb761ceb065823)) >> (64 - SLOT_BITS))
#define LETTER(c, i) ((uint64_t)((c) ? (c) | 0x20 : 0) << 8 * (i))
#define PACK(a, b, c, d, e, f, g, h)                                                               \
	(LETTER(a, 0) | LETTER(b, 1) | LETTER(c, 2) | LETTER(d, 3) | LETTER(e, 4) | LETTER(f, 5) | \
	 LETTER(g, 6) | LETTER(h, 7))

#define X(word, ...) [SLOT(PACK(__VA_ARGS__), sizeof(#word) - 1)] = W_##word,
static const uint8_t slots[1 << SLOT_BITS] = { LETTERS(X) };
#undef X

#define X(word, ...) [W_##word] = { PACK(__VA_ARGS__), sizeof(#word) - 1 },
static const struct {
	uint64_t letters;
	size_t len;
} keys[SQL_WORD_MAX] = { LETTERS(X) };
#undef X

static inline uint64_t load(const char *s, size_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, s, bytes);
	return v;
}

/* PACK() of two or more letters, in two loads that overlap. */
static inline uint64_t pack(const char *s, size_t len)
{
	uint64_t v;

	if (len >= 8)
		return le64toh(load(s, 8)) | 0x2020202020202020;
	if (len >= 4)
		v = le64toh(load(s, 4)) | le64toh(load(s + len - 4, 4)) << 8 * (len - 4);
	else
		v = le64toh(load(s, 2)) | le64toh(load(s + len - 2, 2)) << 8 * (len - 2);
	return v | 0x2020202020202020 >> 8 * (8 - len);
}

enum sql_word sql_word(const char *s, size_t len)
{
	uint64_t letters;
	enum sql_word w;

	if (len < 2)
		return T_NAME;
	letters = pack(s, len);
	w = slots[SLOT(letters, len)];
	if (keys[w].letters != letters || keys[w].len != len)
		return T_NAME;
	if (len > 8 && strncasecmp(s + 8, word_names[w] + 8, len - 8))
		return T_NAME;
	return w;
}

const char *sql_word_operation(enum sql_word w)
{
	switch (w) {
	case W_START:
		return "BEGIN";
	case W_END:
		return "COMMIT";
	case W_ABORT:
		return "ROLLBACK";
	case W_TABLE:
		return "SELECT";
	case W_ANALYSE:
		return "ANALYZE";
	default:
		return sql_word_flags[w] & WORD_VERB ? word_names[w] : "unknown";
	}
}
