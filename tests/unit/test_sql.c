/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL analyser's promises, one by one: operation, sanitised text, summary, tables, what a
 * cut changes, comments, limits. Examples named OpenTelemetry are those of its semantic
 * conventions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "probes/postgres/sql.h"
#include "probes/postgres/sql_word.h"

static struct sql_info info;

static const char *text_of(const char *sql)
{
	sql_analyze(&info, str_of(sql), false);
	assert_int_equal(strlen(info.text.s), info.text.len);
	return info.text.s;
}

static const char *text_of_cut(const char *sql)
{
	sql_analyze(&info, str_of(sql), true);
	return info.text.s;
}

static const char *summary_of(const char *sql)
{
	sql_analyze(&info, str_of(sql), false);
	assert_int_equal(strlen(info.summary.s), info.summary.len);
	return info.summary.s;
}

static const char *operation_of(const char *sql)
{
	sql_analyze(&info, str_of(sql), false);
	return info.operation;
}

/* All tables with blanks between. */
static const char *tables(void)
{
	static char all[SQL_TABLES_MAX * (SQL_NAME_MAX + 1)];

	all[0] = '\0';
	for (unsigned int i = 0; i < info.ntables; i++) {
		strcat(all, i ? " " : "");
		strcat(all, info.tables[i].s);
	}
	return all;
}

static const char *tables_of(const char *sql)
{
	sql_analyze(&info, str_of(sql), false);
	return tables();
}

static void every_word_is_found(void **state)
{
	static const char *const names[] = {
#define X(word, flags) [W_##word] = #word,
		SQL_WORDS(X)
#undef X
	};

	(void)state;
	for (enum sql_word w = T_NAME + 1; w < SQL_WORD_MAX; w++) {
		char lower[32];
		size_t len = strlen(names[w]);

		for (size_t i = 0; i <= len; i++)
			lower[i] = tolower((unsigned char)names[w][i]);
		assert_int_equal(sql_word(names[w], len), w);
		assert_int_equal(sql_word(lower, len), w);
		assert_int_equal(sql_word(lower, len - 1), T_NAME);
		lower[len - 1]++;
		assert_int_equal(sql_word(lower, len), T_NAME);
	}
	assert_int_equal(sql_word("SELECTED", 8), T_NAME);
	assert_int_equal(sql_word("", 0), T_NAME);
}

static void operations(void **state)
{
	(void)state;
	assert_string_equal(operation_of("select 1"), "SELECT");
	assert_string_equal(operation_of("-- x\n/* y */ ((Select 1))"), "SELECT");
	assert_string_equal(operation_of("START TRANSACTION"), "BEGIN");
	assert_string_equal(operation_of("end"), "COMMIT");
	assert_string_equal(operation_of("ABORT;"), "ROLLBACK");
	assert_string_equal(operation_of("WITH a AS (DELETE FROM b) INSERT INTO c SELECT 1"),
			    "INSERT");
	assert_string_equal(operation_of("EXPLAIN DELETE FROM a"), "EXPLAIN");
	assert_string_equal(operation_of("BEGIN; SELECT 1"), "BEGIN");
	assert_string_equal(operation_of("TABLE a"), "SELECT");
	assert_string_equal(operation_of("EXECUTE p(1)"), "EXECUTE");
	assert_string_equal(operation_of("frobnicate SELECT"), "unknown");
	assert_string_equal(operation_of("\"select\" 1"), "unknown");
	assert_string_equal(operation_of(" ;"), "unknown");
	assert_string_equal(operation_of(""), "unknown");
}

static void literals_become_question_marks(void **state)
{
	(void)state;
	assert_string_equal(text_of("SELECT * FROM wuser_table where username = 'mary'"),
			    "SELECT * FROM wuser_table where username = ?");
	assert_string_equal(text_of("SET mykey 'x'"), "SET mykey ?"); /* OpenTelemetry */
	assert_string_equal(
		text_of("SELECT 'a''b', E'a\\'b', B'01', x'1F', U&'d', N'n', $$q$$, $t$ $$ $t$"),
		"SELECT ?, ?, ?, ?, ?, ?, ?, ?");
	assert_string_equal(text_of("SELECT 1, 1.5e-3, .5, 0x1F, 1_000, 1e+9, 5."),
			    "SELECT ?, ?, ?, ?, ?, ?, ?");
	assert_string_equal(text_of("a-1 = -2 - 3"), "a-? = -? - ?");
	assert_string_equal(text_of("f($1, NULL, true, FALSE, 3)"), "f($1, NULL, true, FALSE, ?)");
	assert_string_equal(text_of("'a'\n'b'='c'"), "?=?");
	assert_string_equal(text_of("E'a'\n'b\\'c' d"), "? d");
	/* Nobody's column: a literal all the same. */
	assert_string_equal(text_of("SELECT a. E'b\\'secret', t.u&'c', t.x"),
			    "SELECT a. ?, t.?, t.x");
	assert_string_equal(text_of("a1, b$2, \"3\", \"it''s\" '4'::text"),
			    "a1, b$2, \"3\", \"it''s\" ?::text");
	assert_string_equal(text_of("'unterminated"), "?");
	assert_string_equal(text_of("SELECT \"unterminated"), "SELECT");
	assert_string_equal(text_of("$x$unterminated $$"), "?");
}

static void space_and_comments_collapse(void **state)
{
	(void)state;
	assert_string_equal(text_of("  SELECT\t1 ,\r\n  a -- x\nFROM /* y /* z */ */ b ; ;"),
			    "SELECT ? , a FROM b");
	assert_string_equal(text_of("SELECT/**/a"), "SELECT a");
	assert_string_equal(text_of("SELECT a /* open"), "SELECT a");
	assert_string_equal(text_of("BEGIN; SELECT 1;"), "BEGIN; SELECT ?");
}

static void lists_keep_one_constant(void **state)
{
	(void)state;
	assert_string_equal(text_of("a IN (1, 2,3) AND b in ('x')"), "a IN (?) AND b in (?)");
	assert_string_equal(text_of("a IN (-1, 2, NULL, 'x')"), "a IN (?)");
	assert_string_equal(text_of("a IN ($1, $2, 3)"), "a IN ($1)");
	assert_string_equal(text_of("a IN (b, 1, c, 2)"), "a IN (b, ?, c)");
	assert_string_equal(text_of("a IN ((1, 2), (3, 4))"), "a IN ((?, ?))");
	assert_string_equal(text_of("a IN ('x'::uuid, 'y'::uuid)"), "a IN (?::uuid)");
	assert_string_equal(text_of("a IN (f(1), f(2), g(3))"), "a IN (f(?), g(?))");
	assert_string_equal(text_of("a IN (SELECT 1, 2)"), "a IN (SELECT ?, ?)");
	assert_string_equal(text_of("ARRAY[1,2,3] || ARRAY[[1,2],[3,4]]"),
			    "ARRAY[?] || ARRAY[[?]]");
	assert_string_equal(text_of("f(1, 2, 3) + b[1]"), "f(?, ?, ?) + b[?]");
	assert_string_equal(text_of("VALUES (1, -2), (3, 4), (5, f(6)) RETURNING a"),
			    "VALUES (?, ?) RETURNING a");
	assert_string_equal(text_of("VALUES ($1, now()), ($2, now())"), "VALUES ($1, now())");
	assert_string_equal(text_of("(VALUES (1, NULL), (true, 2)) AS t(a, b)"),
			    "(VALUES (?, ?)) AS t(a, b)");
	assert_string_equal(text_of("a IN (VALUES (1), (2)) AND b"), "a IN (VALUES (?)) AND b");
}

static void session_names_are_hidden(void **state)
{
	(void)state;
	assert_string_equal(text_of("SAVEPOINT \"5b1c\""), "SAVEPOINT ?");
	assert_string_equal(text_of("ROLLBACK TO SAVEPOINT x"), "ROLLBACK TO SAVEPOINT ?");
	assert_string_equal(text_of("RELEASE x"), "RELEASE ?");
	assert_string_equal(text_of("FETCH FORWARD 10 FROM c1"), "FETCH FORWARD ? FROM ?");
	assert_string_equal(text_of("DECLARE c1 CURSOR FOR SELECT c1 FROM t"),
			    "DECLARE ? CURSOR FOR SELECT c1 FROM t");
	assert_string_equal(text_of("CLOSE c1"), "CLOSE ?");
	assert_string_equal(text_of("DEALLOCATE p"), "DEALLOCATE ?");
	assert_string_equal(text_of("DEALLOCATE ALL"), "DEALLOCATE ALL");
	assert_string_equal(text_of("EXECUTE p(1)"), "EXECUTE p(?)");
	assert_string_equal(text_of("ROLLBACK"), "ROLLBACK");
}

static void summaries(void **state)
{
	(void)state;
	/* OpenTelemetry */
	assert_string_equal(summary_of("SELECT * FROM wuser_table WHERE username = 'x'"),
			    "SELECT wuser_table");
	assert_string_equal(
		summary_of("INSERT INTO shipping_details (order_id, address) SELECT order_id, "
			   "address FROM orders WHERE order_id = 1"),
		"INSERT shipping_details SELECT orders");
	assert_string_equal(
		summary_of("SELECT * FROM songs, artists WHERE songs.artist_id = artists.id"),
		"SELECT songs artists");
	assert_string_equal(
		summary_of("SELECT order_date FROM (SELECT * FROM orders o JOIN customers c ON "
			   "o.customer_id = c.customer_id) x"),
		"SELECT SELECT orders customers");
	assert_string_equal(summary_of("SELECT * FROM \"song list\""), "SELECT \"song list\"");
	assert_string_equal(summary_of("call some_stored_procedure(1)"),
			    "CALL some_stored_procedure");
	/* ours */
	assert_string_equal(summary_of(
				    "SELECT 1 FROM \"stock_picking\" a LEFT JOIN \"res_partner\" b "
				    "ON true JOIN \"stock_picking\" c ON true"),
			    "SELECT stock_picking res_partner");
	assert_string_equal(summary_of("SELECT 1 FROM a WHERE b IN (SELECT 1 FROM a)"),
			    "SELECT a SELECT a");
	assert_string_equal(summary_of("WITH x AS (SELECT 1 FROM a) SELECT 1 FROM x, b"),
			    "SELECT a SELECT b");
	assert_string_equal(summary_of("BEGIN"), "BEGIN");
	assert_string_equal(summary_of("nonsense"), "unknown");
}

/* The parser's view of 200 statements is in test_sql_oracle.c; this is the order and the form. */
static void tables_in_order_and_form(void **state)
{
	(void)state;
	assert_string_equal(
		tables_of("SELECT 1 FROM B, a JOIN B x ON true, Public.C, \"D\".\"e F\""),
		"b a public.c D.e F");
	assert_string_equal(tables_of("SELECT 1 FROM db.s.t, \"a\"\"b\""), "s.t a\"b");
	assert_string_equal(tables_of("SELECT 1 FROM a; DELETE FROM c"), "a c");
	assert_string_equal(
		tables_of("WITH x AS (SELECT 1 FROM a) SELECT 1 FROM x; SELECT 1 FROM x"), "a x");
	assert_string_equal(tables_of("SELECT a.b, c.d"), "");
}

static void cut_before_from_takes_qualifiers(void **state)
{
	(void)state;
	text_of_cut("SELECT \"stock_picking\".\"id\", \"stock_picking\".\"name\", "
		    "\"stock_picking__partner_id\".\"name\", COALESCE(\"res_partner\".\"x\", 'a'), "
		    "f.g(1), \"stock_mo");
	assert_string_equal(info.text.s,
			    "SELECT \"stock_picking\".\"id\", \"stock_picking\".\"name\", "
			    "\"stock_picking__partner_id\".\"name\", "
			    "COALESCE(\"res_partner\".\"x\", ?), f.g(?),");
	assert_string_equal(tables(), "stock_picking res_partner");
	assert_string_equal(info.summary.s, "SELECT stock_picking res_partner");
	assert_true(info.tables_from_columns);
	assert_true(info.cut);

	text_of_cut("SELECT a.id, (SELECT max(b.x) FROM b WHERE b.y = a.y), a.z");
	assert_string_equal(tables(), "b a");
	assert_true(info.tables_from_columns);

	text_of_cut("SELECT \"sale_order\".\"na");
	assert_string_equal(tables(), "sale_order");
	text_of_cut("SELECT x.a FROM sale_order AS x WHERE x.b = 1 AND y.c = 2 AND");
	assert_string_equal(tables(), "sale_order");
	assert_false(info.tables_from_columns);
	text_of_cut("UPDATE a AS x SET b = x.c, d = ");
	assert_string_equal(tables(), "a");
	assert_false(info.tables_from_columns);
}

static void cut_leaves_no_part_of_a_token(void **state)
{
	(void)state;
	assert_string_equal(text_of_cut("SELECT a FROM stock_pick"), "SELECT a FROM");
	assert_int_equal(info.ntables, 0);
	assert_string_equal(text_of_cut("SELECT a FROM b WHERE c = 'se"),
			    "SELECT a FROM b WHERE c = ?");
	assert_string_equal(text_of_cut("SELECT $x$se"), "SELECT ?");
	assert_string_equal(text_of_cut("a IN (1, 2, "), "a IN (?");
	assert_string_equal(text_of_cut("a IN ((1, 2), (3, "), "a IN ((?, ?)");
	assert_string_equal(text_of_cut("VALUES (1, 2), (3, f("), "VALUES (?, ?)");
	assert_string_equal(text_of_cut("a = $12"), "a =");
	assert_string_equal(text_of_cut("SEL"), "");
	assert_string_equal(info.operation, "unknown");
	text_of_cut("WITH x AS (SELECT 1 FROM orders), y AS (");
	assert_string_equal(info.operation, "WITH");
	assert_string_equal(info.summary.s, "SELECT orders");
}

static void limits_hold(void **state)
{
	static char sql[8192];
	size_t n = sprintf(sql, "SELECT 1 FROM ");

	(void)state;
	for (int i = 0; i < 40; i++)
		n += sprintf(sql + n, "%sa_table_with_a_long_name_%02d", i ? ", " : "", i);
	sql_analyze(&info, (struct str){ sql, n }, false);
	assert_int_equal(info.ntables, SQL_TABLES_MAX);
	assert_string_equal(info.tables[15].s, "a_table_with_a_long_name_15");
	assert_int_equal(info.summary.len, 6 + 8 * 28);

	memset(sql, 'x', sizeof(sql));
	memcpy(sql, "SELECT 1 FROM ", 14);
	sql[8000] = ' ';
	sql_analyze(&info, (struct str){ sql, 100 }, false);
	assert_int_equal(info.tables[0].len, 63);
	sql_analyze(&info, (struct str){ sql, sizeof(sql) }, false);
	assert_true(info.cut);
	assert_string_equal(info.text.s, "SELECT ? FROM");

	memset(sql, '(', sizeof(sql));
	memcpy(sql + 200, "SELECT 'x' FROM a", 17);
	sql_analyze(&info, (struct str){ sql, 400 }, false);
	assert_int_equal(info.text.len, 400 - 2);
	assert_non_null(strstr(info.text.s, "SELECT ? FROM a"));
}

static void strings_are_clean_utf8(void **state)
{
	(void)state;
	assert_string_equal(text_of("SELECT \"a\nb\x7f\" FROM \"\xc3\xa4\xff\xc3\""),
			    "SELECT \"a_b_\" FROM \"\xc3\xa4__\"");
	assert_string_equal(info.tables[0].s, "\xc3\xa4__");
	assert_string_equal(text_of("\xed\xa0\x80 \xc0\x80 \xf0\x9f\x98\x80 \xc2\x85"),
			    "___ __ \xf0\x9f\x98\x80 __");
	sql_analyze(&info, (struct str){ "SELECT\0a", 8 }, false);
	assert_string_equal(info.text.s, "SELECT a");
	assert_int_equal(info.text.len, 8);
}

static int comment(const char *sql, const char *key, char out[16])
{
	return sql_comment_value(str_of(sql), str_of(key), out, 16);
}

static void comment_values(void **state)
{
	static const char spec[] = "SELECT * FROM FOO /*action='%2Fparam*d',controller='index',"
				   "framework='spring',route%20parameter='FOO%20\\'BAR'*/";
	char v[16];

	(void)state;
	assert_int_equal(comment(spec, "action", v), 8);
	assert_string_equal(v, "/param*d");
	assert_int_equal(comment(spec, "framework", v), 6);
	assert_string_equal(v, "spring");
	assert_int_equal(comment(spec, "route parameter", v), 8);
	assert_string_equal(v, "FOO 'BAR");
	assert_int_equal(comment(spec, "contr", v), -ENOENT);
	assert_int_equal(comment("/* a='1', b='2' */ SELECT 1 /*c='3'*/", "b", v), 1);
	assert_string_equal(v, "2");
	assert_int_equal(comment("/* a='1' */ SELECT 1 /* plain */ /*c='3',a='4'*/", "c", v), 1);
	assert_int_equal(comment("SELECT 1", "c", v), -ENOENT);
	assert_int_equal(comment("", "c", v), -ENOENT);
	assert_int_equal(comment("SELECT 1 /*c='cut", "c", v), -ENOENT);
	assert_int_equal(comment("SELECT 1 /*c='1'", "c", v), 1);
	assert_int_equal(comment("SELECT 1 /*c='1',d='cut", "c", v), 1);
	assert_int_equal(comment("/*c='123456789012345'*/", "c", v), 15);
	assert_int_equal(comment("/*c='1234567890123456'*/", "c", v), -ENOSPC);
	assert_string_equal(v, "");
	assert_int_equal(comment("/*c='%00%zz%4'*/", "c", v), 6);
	assert_string_equal(v, "_%zz%4");
}

/* Whoever can put text into a literal must not be able to choose a tenant. */
static void comments_in_literals_are_none(void **state)
{
	char v[16];

	(void)state;
	assert_int_equal(comment("SELECT '/*t=''x''*/'", "t", v), -ENOENT);
	assert_int_equal(comment("SELECT E'\\'/*t=''x''*/'", "t", v), -ENOENT);
	assert_int_equal(comment("SELECT E'a'\n'\\'/*t=''x''*/'", "t", v), -ENOENT);
	assert_int_equal(comment("SELECT $$/*t='x'*/$$", "t", v), -ENOENT);
	assert_int_equal(comment("SELECT $a$/*t='x'*/$a$, \"/*t='x'*/\"", "t", v), -ENOENT);
	assert_int_equal(comment("SELECT 1 -- /*t='x'*/\n", "t", v), -ENOENT);
	assert_int_equal(comment("SELECT '\\' /*t='y'*/", "t", v), 1);
	assert_string_equal(v, "y");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_is_found),
		cmocka_unit_test(operations),
		cmocka_unit_test(literals_become_question_marks),
		cmocka_unit_test(space_and_comments_collapse),
		cmocka_unit_test(lists_keep_one_constant),
		cmocka_unit_test(session_names_are_hidden),
		cmocka_unit_test(summaries),
		cmocka_unit_test(tables_in_order_and_form),
		cmocka_unit_test(cut_before_from_takes_qualifiers),
		cmocka_unit_test(cut_leaves_no_part_of_a_token),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(strings_are_clean_utf8),
		cmocka_unit_test(comment_values),
		cmocka_unit_test(comments_in_literals_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
