/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL analyser against PostgreSQL's own parser (libpg_query): tables and verb of diverse
 * statements, and that texts are equal where the parser's fingerprints say that only literals
 * differ.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <ctype.h>
#include <jansson.h>
#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>

#include "probes/postgres/sql.h"
#include "tests/unit/test_sql_statements.h"

#define NAMES 64

struct names {
	char list[NAMES][256];
	unsigned int count;
};

static bool names_have(const struct names *n, const char *name)
{
	for (unsigned int i = 0; i < n->count; i++)
		if (!strcmp(n->list[i], name))
			return true;
	return false;
}

static void names_add(struct names *n, const char *schema, const char *name)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s%s", schema ?: "", schema ? "." : "", name);
	if (!names_have(n, full)) {
		assert_true(n->count < NAMES);
		strcpy(n->list[n->count++], full);
	}
}

/* {"List": {"items": [{"String": {"sval": ...}}, ...]}}, less its last `drop` items. */
static void list_add(json_t *node, size_t drop, struct names *tables)
{
	json_t *items = json_object_get(json_object_get(node, "List"), "items");
	const char *part[3] = { NULL };
	size_t n = json_array_size(items) - drop;

	assert_in_range(n, 1, 3);
	for (size_t i = 0; i < n; i++)
		part[i] = json_string_value(json_object_get(
			json_object_get(json_array_get(items, i), "String"), "sval"));
	names_add(tables, n > 1 ? part[n - 2] : NULL, part[n - 1]);
}

static void walk(json_t *node, struct names *scope, struct names *tables);

static void walk_with(json_t *with, struct names *scope, struct names *tables)
{
	bool recursive = json_is_true(json_object_get(with, "recursive"));
	json_t *ctes = json_object_get(with, "ctes"), *cte;
	size_t i;

	for (int pass = recursive ? 0 : 1; pass < 2; pass++)
		json_array_foreach(ctes, i, cte) {
			json_t *c = json_object_get(cte, "CommonTableExpr");

			if (pass)
				walk(json_object_get(c, "ctequery"), scope, tables);
			names_add(scope, NULL, json_string_value(json_object_get(c, "ctename")));
		}
}

/* What names things that are no tables, or tables not as such. */
static bool is_skipped(const char *key, json_t *value)
{
	const char *type = json_string_value(json_object_get(value, "objtype"));
	const char *kind = json_string_value(json_object_get(value, "kind"));

	return !strcmp(key, "withClause") || !strcmp(key, "lockingClause") ||
	       (type && !strcmp(type, "OBJECT_INDEX")) ||
	       (!strcmp(key, "ReindexStmt") && !strcmp(kind, "REINDEX_OBJECT_INDEX"));
}

static void walk_objects(const char *key, json_t *value, struct names *tables)
{
	const char *type = json_string_value(json_object_get(value, "removeType"));
	json_t *objects = json_object_get(value, "objects"), *object;
	size_t i;

	if (!strcmp(key, "CommentStmt")) {
		type = json_string_value(json_object_get(value, "objtype"));
		list_add(json_object_get(value, "object"), !strcmp(type, "OBJECT_COLUMN"), tables);
	}
	if (strcmp(key, "DropStmt") || !strcmp(type, "OBJECT_INDEX"))
		return;
	json_array_foreach(objects, i, object)
		list_add(object, !strcmp(type, "OBJECT_TRIGGER"), tables);
}

static void walk(json_t *node, struct names *outer, struct names *tables)
{
	struct names scope = *outer;
	const char *key, *name, *schema;
	json_t *value;
	size_t i;

	json_array_foreach(node, i, value)
		walk(value, &scope, tables);
	if (!json_is_object(node))
		return;
	name = json_string_value(json_object_get(node, "relname"));
	schema = json_string_value(json_object_get(node, "schemaname"));
	if (name && (schema || !names_have(&scope, name)))
		names_add(tables, schema, name);
	if (json_object_get(node, "withClause"))
		walk_with(json_object_get(node, "withClause"), &scope, tables);
	json_object_foreach(node, key, value) {
		walk_objects(key, value, tables);
		if (!is_skipped(key, value))
			walk(value, &scope, tables);
	}
}

static const char *transaction_verb(const char *kind)
{
	static const char *const verbs[][2] = {
		{ "TRANS_STMT_BEGIN", "BEGIN" },	 { "TRANS_STMT_START", "BEGIN" },
		{ "TRANS_STMT_COMMIT", "COMMIT" },	 { "TRANS_STMT_COMMIT_PREPARED", "COMMIT" },
		{ "TRANS_STMT_ROLLBACK", "ROLLBACK" },	 { "TRANS_STMT_ROLLBACK_TO", "ROLLBACK" },
		{ "TRANS_STMT_SAVEPOINT", "SAVEPOINT" }, { "TRANS_STMT_RELEASE", "RELEASE" },
		{ "TRANS_STMT_PREPARE", "PREPARE" },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i][0], kind))
			return verbs[i][1];
	return kind;
}

/* The verb that the parser's kind of statement stands for. */
static void verb_of(json_t *stmt, char *verb, size_t cap)
{
	static const char *const odd[][2] = {
		{ "IndexStmt", "CREATE" },	     { "ViewStmt", "CREATE" },
		{ "RenameStmt", "ALTER" },	     { "VariableShowStmt", "SHOW" },
		{ "DeclareCursorStmt", "DECLARE" },  { "ClosePortalStmt", "CLOSE" },
		{ "RefreshMatViewStmt", "REFRESH" },
	};
	const char *key = json_object_iter_key(json_object_iter(stmt));
	json_t *v = json_object_iter_value(json_object_iter(stmt));
	const char *kind = json_string_value(json_object_get(v, "kind"));
	const char *whole = NULL;
	size_t len = 1;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (!strcmp(odd[i][0], key))
			whole = odd[i][1];
	if (!strcmp(key, "TransactionStmt"))
		whole = transaction_verb(kind);
	else if (!strcmp(key, "VariableSetStmt"))
		whole = strncmp(kind, "VAR_RESET", 9) ? "SET" : "RESET";
	else if (!strcmp(key, "FetchStmt"))
		whole = json_is_true(json_object_get(v, "ismove")) ? "MOVE" : "FETCH";
	else if (!strcmp(key, "VacuumStmt"))
		whole = json_is_true(json_object_get(v, "is_vacuumcmd")) ? "VACUUM" : "ANALYZE";
	else if (!strcmp(key, "SelectStmt") && json_object_get(v, "valuesLists"))
		whole = "VALUES";
	else if (!strcmp(key, "CheckPointStmt"))
		whole = "CHECKPOINT";
	while (islower((unsigned char)key[len]))
		len++;
	snprintf(verb, cap, "%.*s", whole ? (int)cap : (int)len, whole ?: key);
	for (char *c = verb; *c; c++)
		*c = toupper((unsigned char)*c);
}

static unsigned int differences(const char *sql, const struct sql_info *info,
				const struct names *tables, const char *verb)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < info->ntables; i++)
		if (!names_have(tables, info->tables[i].s) && ++n)
			print_error("no table: %s\n", info->tables[i].s);
	if (info->ntables != tables->count && ++n)
		print_error("%u tables, not %u\n", info->ntables, tables->count);
	if (strcmp(info->operation, verb) && ++n)
		print_error("%s, not %s\n", info->operation, verb);
	if (n)
		print_error("in: %s\n", sql);
	return n;
}

static unsigned int compare(const char *sql)
{
	static struct sql_info info;
	PgQueryParseResult r = pg_query_parse(sql);
	struct names tables = { .count = 0 }, scope = { .count = 0 };
	unsigned int n = 1;
	json_t *root, *stmt;
	char verb[64];

	if (r.error) {
		print_error("%s\nin: %s\n", r.error->message, sql);
	} else {
		root = json_loads(r.parse_tree, 0, NULL);
		stmt = json_object_get(json_array_get(json_object_get(root, "stmts"), 0), "stmt");
		walk(stmt, &scope, &tables);
		verb_of(stmt, verb, sizeof(verb));
		sql_analyze(&info, str_of(sql), false);
		n = differences(sql, &info, &tables, verb) + info.tables_from_columns;
		json_decref(root);
	}
	pg_query_free_parse_result(r);
	return n;
}

static void tables_and_verb_are_the_parsers(void **state)
{
	unsigned int n = 0;

	(void)state;
	assert_true(STATEMENTS >= 200);
	for (size_t i = 0; i < STATEMENTS; i++)
		n += compare(statements[i]);
	assert_int_equal(n, 0);
}

static uint64_t fingerprint(const char *sql)
{
	PgQueryFingerprintResult r = pg_query_fingerprint(sql);
	uint64_t f = r.error ? 0 : r.fingerprint;

	pg_query_free_fingerprint_result(r);
	return f;
}

/* Other numbers, other strings in simple quotes. If that spoils a statement, the parser says so. */
static void vary(const char *sql, char *to)
{
	char last = ' ';
	bool in = false;

	for (; *sql; last = *sql++) {
		*to++ = *sql;
		if (*sql == '\'' && !in && (isspace((unsigned char)last) || strchr("(,=", last)))
			*to++ = 'v';
		in ^= *sql == '\'';
		if (!in && *sql >= '1' && *sql <= '9' && strchr(" (,=-+", last))
			*to++ = '6';
	}
	*to = '\0';
}

static void literals_do_not_change_the_text(void **state)
{
	static struct sql_info a, b;
	unsigned int pairs = 0;

	(void)state;
	for (size_t i = 0; i < STATEMENTS; i++) {
		char other[4096];
		uint64_t f = fingerprint(statements[i]);

		assert_true(strlen(statements[i]) < sizeof(other) / 2);
		vary(statements[i], other);
		if (!strcmp(other, statements[i]) || !f || fingerprint(other) != f)
			continue;
		pairs++;
		sql_analyze(&a, str_of(statements[i]), false);
		sql_analyze(&b, str_of(other), false);
		assert_string_equal(a.text.s, b.text.s);
	}
	assert_in_range(pairs, 70, STATEMENTS);
}

static void equal_texts_are_one_statement_to_the_parser(void **state)
{
	static char texts[STATEMENTS][SQL_TEXT_MAX + 1];
	static uint64_t prints[STATEMENTS];
	static struct sql_info info;

	(void)state;
	for (size_t i = 0; i < STATEMENTS; i++) {
		sql_analyze(&info, str_of(statements[i]), false);
		strcpy(texts[i], info.text.s);
		prints[i] = fingerprint(statements[i]);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(texts[k], texts[i]))
				assert_int_equal(prints[k], prints[i]);
	}
}

/* Pairs that the parser takes for one statement, and that must have one text. */
static void lists_of_any_length_are_one_text(void **state)
{
	static const char *const pairs[][2] = {
		{ "SELECT a FROM b WHERE c IN (1, 2, 3)", "SELECT a FROM b WHERE c IN (4)" },
		{ "SELECT a FROM b WHERE c IN ('x', 'y')", "SELECT a FROM b WHERE c IN ('z')" },
		{ "SELECT a FROM b WHERE c NOT IN (1,2,3,4)",
		  "SELECT a FROM b WHERE c NOT IN (1,5)" },
		{ "INSERT INTO a (b) VALUES (1), (2), (3)", "INSERT INTO a (b) VALUES (7), (9)" },
		{ "INSERT INTO a VALUES (1, 'x'), (2, NULL)",
		  "INSERT INTO a VALUES (3, 'y'), (4, 'z')" },
	};
	static struct sql_info a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(fingerprint(pairs[i][0]), fingerprint(pairs[i][1]));
		sql_analyze(&a, str_of(pairs[i][0]), false);
		sql_analyze(&b, str_of(pairs[i][1]), false);
		assert_string_equal(a.text.s, b.text.s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_and_verb_are_the_parsers),
		cmocka_unit_test(literals_do_not_change_the_text),
		cmocka_unit_test(equal_texts_are_one_statement_to_the_parser),
		cmocka_unit_test(lists_of_any_length_are_one_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
