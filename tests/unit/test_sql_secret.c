/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No byte of a literal may come out, wherever a statement is cut. Random statements hold random
 * literals in every form of PostgreSQL's; the letters and digits in the literals are nowhere
 * else, so one of them in the output is a leak. Also: what a cut text says is not more than the
 * whole one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "probes/postgres/sql.h"
#include "tests/unit/test_sql_statements.h"

#define RANDOM_STATEMENTS 2000
#define SECRET_LETTERS "QJZqjz"
#define SECRET_DIGITS "6789"

static uint64_t seed = 20260101;

static unsigned int pick(unsigned int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % n;
}

struct text {
	char s[2048];
	size_t len;
};

static void add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	assert_true(t->len + n < sizeof(t->s));
	memcpy(t->s + t->len, s, n + 1);
	t->len += n;
}

static void add_of(struct text *t, const char *alphabet, unsigned int n)
{
	while (n--)
		add(t, (char[2]){ alphabet[pick(strlen(alphabet))], '\0' });
}

/* Letters, and what could make a lexer lose its way; none of it ends the string. */
static void add_inside(struct text *t, const char *const *tricks, unsigned int ntricks)
{
	for (unsigned int i = 0; i < 3; i++) {
		add_of(t, SECRET_LETTERS SECRET_DIGITS, 1 + pick(4));
		if (pick(2))
			add(t, tricks[pick(ntricks)]);
	}
	add_of(t, SECRET_LETTERS, 1);
}

#define TRICKS(...)                           \
	(const char *const[]){ __VA_ARGS__ }, \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static void add_string(struct text *t)
{
	static const char *const tags[] = { "$$", "$w$", "$_1w$" };
	const char *tag = tags[pick(3)];

	switch (pick(7)) {
	case 0:
		add(t, "'");
		add_inside(t,
			   TRICKS("''", "--", "/*", "*/", ";", "\n", "\"", "$$", "\\", "(", ","));
		add(t, "'");
		break;
	case 1:
		add(t, pick(2) ? "E'" : "e'");
		add_inside(t, TRICKS("''", "\\'", "\\\\", "\\n", "--", "/*", "\"", "\\\\''"));
		add(t, "'");
		break;
	case 2:
		add(t, pick(2) ? "B'" : "x'");
		add_of(t, SECRET_DIGITS, 5);
		add(t, "'");
		break;
	case 3:
		add(t, pick(2) ? "U&'" : "N'");
		add_inside(t, TRICKS("''", "\\0441", "--", "\"", "\\"));
		add(t, "'");
		break;
	case 4:
		add(t, tag);
		add_inside(t, TRICKS("'", "\"", "$", "$Q", "--", "/*", "E'"));
		add(t, tag);
		break;
	case 5: /* goes on in the next line, in the same way */
		add(t, "E'Q\\'Z'\n  'J\\'Q'");
		break;
	default:
		add(t, "'QZ' -- comment\n 'J''Z'");
	}
}

static void add_number(struct text *t)
{
	static const char *const joints[] = { "", ".", "e-", "E+", "_", "e" };

	if (!pick(6))
		add(t, pick(2) ? "0x" : ".");
	add_of(t, SECRET_DIGITS, 1 + pick(8));
	add(t, joints[pick(6)]);
	add_of(t, SECRET_DIGITS, 1 + pick(3));
}

static void add_literal(struct text *t)
{
	if (!pick(4))
		add(t, "-");
	if (pick(2))
		add_number(t);
	else
		add_string(t);
	if (!pick(5))
		add(t, "::text");
}

static void add_list(struct text *t, const char *open, const char *close)
{
	add(t, open);
	for (unsigned int n = 1 + pick(5); n--;) {
		if (!pick(8))
			add(t, pick(2) ? "NULL" : "f(a, $1)");
		else
			add_literal(t);
		if (n)
			add(t, pick(2) ? "," : " , ");
	}
	add(t, close);
}

static void add_condition(struct text *t)
{
	static const char *const columns[] = { "\"stock_picking\".\"name\"", "a", "t.b", "E", "u" };

	add(t, columns[pick(5)]);
	switch (pick(5)) {
	case 0:
		add_list(t, " IN (", ")");
		break;
	case 1:
		add_list(t, "= ANY(ARRAY[", "])");
		break;
	case 2:
		add(t, " BETWEEN ");
		add_literal(t);
		add(t, " AND ");
		add_literal(t);
		break;
	default:
		add(t, pick(2) ? " = " : "=");
		add_literal(t);
	}
}

static void make_statement(struct text *t)
{
	t->len = 0;
	if (!pick(4))
		add(t, "/* QJZ ' \" $$ E' 678 */ ");
	switch (pick(5)) {
	case 0:
		add(t, "INSERT INTO \"sale_order\" (\"a\", \"b\") VALUES ");
		for (unsigned int n = 1 + pick(3); n--;)
			add_list(t, "(", n ? "), " : ")");
		break;
	case 1:
		add(t, "UPDATE res_partner SET a = ");
		add_literal(t);
		break;
	case 2:
		add(t, "SET app.user = ");
		add_literal(t);
		return;
	case 3:
		add_list(t, "CALL f(", ")");
		return;
	default:
		add(t, "SELECT ");
		add_literal(t);
		add(t, ", \"stock_picking\".\"id\", b[");
		add_number(t);
		add(t, "] FROM \"stock_picking\"");
	}
	add(t, " WHERE ");
	add_condition(t);
	add(t, pick(2) ? " AND " : " OR -- QJZ 678 '\n ");
	add_condition(t);
}

static bool leaks(const char *s)
{
	return s[strcspn(s, SECRET_LETTERS SECRET_DIGITS)];
}

static void check_secret(const char *whole, size_t len, bool cut)
{
	static struct sql_info info;
	char *copy = malloc(len ?: 1); /* so that a read past the end is seen */
	bool bad;

	memcpy(copy, whole, len);
	sql_analyze(&info, (struct str){ copy, len }, cut);
	bad = leaks(info.text.s) || leaks(info.summary.s) || leaks(info.operation);
	for (unsigned int i = 0; i < info.ntables; i++)
		bad |= leaks(info.tables[i].s);
	free(copy);
	if (bad)
		fail_msg("%.*s\nbecomes: %s", (int)len, whole, info.text.s);
}

static void no_byte_of_a_literal_comes_out(void **state)
{
	static struct text t;

	(void)state;
	for (unsigned int i = 0; i < RANDOM_STATEMENTS; i++) {
		make_statement(&t);
		for (size_t len = 0; len <= t.len; len++) {
			check_secret(t.s, len, true);
			check_secret(t.s, len, false);
		}
	}
}

/* The alphabets must really be in what is tested. */
static void statements_do_hold_secrets(void **state)
{
	static struct text t;
	unsigned int holding = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		make_statement(&t);
		holding += leaks(t.s);
	}
	assert_in_range(holding, 90, 100);
}

static bool is_table(const struct sql_info *info, struct str name)
{
	for (unsigned int i = 0; i < info->ntables; i++)
		if (str_eq(info->tables[i], name))
			return true;
	return false;
}

static void a_cut_never_makes_up_tables(void **state)
{
	static struct sql_info whole, cut;

	(void)state;
	for (size_t i = 0; i < STATEMENTS; i++) {
		if (strstr(statements[i], " . "))
			continue; /* schema or table: the cut has taken what tells */
		sql_analyze(&whole, str_of(statements[i]), false);
		for (size_t len = 0; len < strlen(statements[i]); len++) {
			sql_analyze(&cut, (struct str){ statements[i], len }, true);
			for (unsigned int k = 0; k < cut.ntables; k++)
				if (!cut.tables_from_columns && !is_table(&whole, cut.tables[k]))
					fail_msg("%.*s\nhas %s", (int)len, statements[i],
						 cut.tables[k].s);
			assert_true(cut.text.len <= len);
			assert_true(cut.cut);
			if (strcmp(cut.operation, whole.operation) &&
			    strcmp(cut.operation, "WITH") && strcmp(cut.operation, "unknown"))
				fail_msg("%.*s\nis %s", (int)len, statements[i], cut.operation);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_do_hold_secrets),
		cmocka_unit_test(no_byte_of_a_literal_comes_out),
		cmocka_unit_test(a_cut_never_makes_up_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
