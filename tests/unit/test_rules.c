/* SPDX-License-Identifier: Apache-2.0 */
/* Globs and rules: which pattern matches what, what captures take, which rule wins. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "user/rules.h"
#include "user/rules_glob.h"

static struct glob *glob_of(const char *pattern, enum glob_mode mode)
{
	struct glob *g = NULL;
	const char *why;

	if (glob_new(&g, str_of(pattern), mode, &why))
		fail_msg("%s: %s", pattern, why);
	return g;
}

/* "-": no match; else the captures' values, a space behind each. */
static const char *taken(const char *pattern, enum glob_mode mode, const char *text)
{
	static char out[256];
	struct glob_captures caps = { 0 };
	struct glob *g = glob_of(pattern, mode);
	size_t used = 0;

	snprintf(out, sizeof(out), "-");
	if (glob_match(g, str_of(text), &caps)) {
		out[0] = '\0';
		for (unsigned int i = 0; i < caps.count; i++)
			used += (size_t)snprintf(out + used, sizeof(out) - used, "%.*s ",
						 (int)caps.of[i].value.len, caps.of[i].value.s);
	}
	glob_free(g);
	return out;
}

struct glob_case {
	const char *pattern;
	const char *text;
	const char *taken;
};

static void check_globs(const struct glob_case *c, enum glob_mode mode)
{
	for (; c->pattern; c++) {
		const char *got = taken(c->pattern, mode, c->text);

		if (strcmp(got, c->taken))
			fail_msg("\"%s\" on \"%s\": got \"%s\", want \"%s\"", c->pattern, c->text,
				 got, c->taken);
	}
}

static void globs_of_text(void **state)
{
	static const struct glob_case cases[] = {
		{ "acme", "acme", "" },
		{ "acme", "acme2", "-" },
		{ "acme", "acm", "-" },
		{ "acme", "Acme", "-" },
		{ "sale_*", "sale_order", "" },
		{ "sale_*", "sale_", "" },
		{ "sale_*", "sale", "-" },
		{ "*_rel", "a_b_rel", "" },
		{ "*_rel", "a_rel_b", "-" },
		{ "*", "x", "" },
		{ "*", "", "-" },
		{ "a*/c", "a/b/c", "" },
		{ "a?c", "abc", "" },
		{ "a?c", "ac", "-" },
		{ "a?c",
		  "a\xc3\xa4"
		  "c",
		  "" },
		{ "a??c",
		  "a\xc3\xa4"
		  "c",
		  "-" },
		{ "\\*", "*", "" },
		{ "\\*", "x", "-" },
		{ "session:*", "session:*", "" },
		{ "session:\\*:x", "session:*:x", "" },
		{ "session:\\*:x", "session:1:x", "-" },
		{ "{name}", "acme", "acme " },
		{ "{name}", "a/b", "-" },
		{ "{name}_prod", "acme_prod", "acme " },
		{ "{name}_prod", "_prod", "-" },
		{ "{name}_prod", "a_prod_prod", "a_prod " },
		{ "{a}_{b}", "x_y_z", "x y_z " },
		{ "*-{b}", "x-y-z", "y-z " },
		{ "{a}-*", "x-y-z", "x " },
		{ "\\{a}", "{a}", "" },
		{ "a}b", "a}b", "" },
		{ NULL, NULL, NULL },
	};
	static const struct glob_case nocase[] = {
		{ "select", "SELECT", "" },
		{ "Ins*", "INSERT", "" },
		{ "Ins*", "SELECT", "-" },
		{ NULL, NULL, NULL },
	};

	(void)state;
	check_globs(cases, GLOB_TEXT);
	check_globs(nocase, GLOB_TEXT_NOCASE);
}

static void globs_of_paths(void **state)
{
	static const struct glob_case cases[] = {
		{ "/tenants.slice-{name}", "/tenants.slice-acme", "acme " },
		{ "/tenants.slice-{name}", "/tenants.slice-acme/app", "acme " },
		{ "/tenants.slice-{name}", "/tenants.slice-acme/app/x", "acme " },
		{ "/tenants.slice-{name}", "/tenants.slice-", "-" },
		{ "/tenants.slice-{name}", "/tenants.slice-/app", "-" },
		{ "/tenants.slice-{name}", "/other/tenants.slice-acme", "-" },
		{ "tenants.slice-{name}", "/other/tenants.slice-acme/app", "acme " },
		{ "tenants.slice-{name}", "/tenants.slice-a/tenants.slice-b", "a " },
		{ "tenants.slice-{name}", "/xtenants.slice-a", "-" },
		{ "/a", "/a", "" },
		{ "/a/", "/a/b", "" },
		{ "/a", "/ab", "-" },
		{ "/a/*/c", "/a/b/c/d", "" },
		{ "/a/*/c", "/a/b/b/c", "-" },
		{ "/a/**/c", "/a/b/b/c/d", "" },
		{ "/a?b", "/a/b", "-" },
		{ "/**", "/a/b", "" },
		{ "/", "/a/b", "" },
		{ "/", "/", "" },
		{ "/*.slice/{n}.service", "/system.slice/redis.service", "redis " },
		{ "/kubepods.slice/**-pod{uid}.slice",
		  "/kubepods.slice/kubepods-burstable.slice/kubepods-pod12_ab.slice/cri-1",
		  "12_ab " },
		{ NULL, NULL, NULL },
	};

	(void)state;
	check_globs(cases, GLOB_PATH);
}

static void bad_globs_are_refused(void **state)
{
	static const char *const bad[] = { "",
					   "a\\",
					   "{",
					   "{a",
					   "{}",
					   "{1a}",
					   "{a b}",
					   "{a}{b}",
					   "{a}*",
					   "{a}?",
					   "{a}{a}",
					   "x{a}y{a}",
					   "{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}-{i}" };
	char big[GLOB_PATTERN_MAX + 2], stars[2 * GLOB_TOKENS_MAX + 3];
	struct glob *g = NULL;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(glob_new(&g, str_of(bad[i]), GLOB_TEXT, &why), -EINVAL);
		assert_non_null(why);
	}
	memset(big, 'x', sizeof(big));
	assert_int_equal(glob_new(&g, (struct str){ big, sizeof(big) - 1 }, GLOB_TEXT, &why),
			 -EINVAL);
	for (size_t i = 0; i < sizeof(stars); i++)
		stars[i] = i % 2 ? '*' : 'a';
	assert_int_equal(glob_new(&g, (struct str){ stars, sizeof(stars) }, GLOB_TEXT, &why),
			 -EINVAL);
	assert_string_equal(why, "too many wildcards");
	assert_null(g);
	assert_int_equal(glob_new(&g, (struct str){ big, sizeof(big) - 2 }, GLOB_TEXT, &why), 0);
	glob_free(g);
}

/* A matcher that backtracks would take longer than the universe has. */
static void hostile_text_takes_linear_time(void **state)
{
	struct glob *g = glob_of("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", GLOB_TEXT);
	struct glob_captures caps = { 0 };
	char text[GLOB_TEXT_MAX + 1];
	clock_t start = clock();

	(void)state;
	memset(text, 'a', sizeof(text));
	for (int i = 0; i < 100; i++)
		assert_false(glob_match(g, (struct str){ text, GLOB_TEXT_MAX }, &caps));
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	text[GLOB_TEXT_MAX - 1] = 'b';
	assert_true(glob_match(g, (struct str){ text, GLOB_TEXT_MAX }, &caps));
	assert_false(glob_match(g, (struct str){ text, GLOB_TEXT_MAX + 1 }, &caps));
	glob_free(g);
}

/* Adds a rule; keys and patterns in turn, NULL at the end. */
static void add(struct rules *list, const char *name, ...)
{
	struct rule *r = rule_new(1);
	const char *key, *why;
	struct str bad;
	va_list ap;

	va_start(ap, name);
	while ((key = va_arg(ap, const char *))) {
		const char *pattern = va_arg(ap, const char *);

		if (*key)
			assert_int_equal(rule_add_key(r, str_of(key)), 0);
		assert_int_equal(rule_add_pattern(r, str_of(pattern), &why), 0);
	}
	va_end(ap);
	assert_int_equal(rule_set_name(r, str_of(name), &why, &bad), 0);
	assert_int_equal(rules_add(list, r), 0);
}

static const char *match(const struct rules *list, const struct rule_facts *f)
{
	static struct rule_name name;

	if (!rules_match(list, f, &name))
		return "-";
	assert_int_equal(strlen(name.s), name.len);
	return name.s;
}

static void all_keys_any_pattern_first_rule(void **state)
{
	struct rules *list = rules_new();
	struct rule_facts f = { .database = "acme", .user = "odoo" };

	(void)state;
	add(list, "both", "database", "acme", "user", "admin", "", "root", NULL);
	add(list, "first", "database", "ac*", NULL);
	add(list, "second", "database", "acme", NULL);
	add(list, "{app}-{db}", "application_name", "{app}", "database", "{db}", NULL);
	assert_string_equal(match(list, &f), "first");
	f.user = "root";
	assert_string_equal(match(list, &f), "both");
	f.database = "";
	assert_string_equal(match(list, &f), "-");
	f.database = NULL;
	f.application_name = "web";
	assert_string_equal(match(list, &f), "-");
	f.database = "zen";
	assert_string_equal(match(list, &f), "web-zen");
	rules_free(list);
}

static void facts_of_statements(void **state)
{
	static const char *const tables[] = { "res_partner", "public.sale_order" };
	static const struct sql_comment comments[] = { { "route", "/shop" }, { "app", "" } };
	struct statement sql = { .protocol = PROTO_POSTGRESQL,
				 .operation = "SELECT",
				 .tables = tables,
				 .ntables = 2,
				 .key_pattern = "",
				 .comments = comments,
				 .ncomments = 2 };
	struct statement redis = { .protocol = PROTO_REDIS,
				   .operation = "GET",
				   .key_pattern = "cart:*:lines" };
	struct rule_facts f = { .statement = &sql };
	struct rules *list = rules_new();

	(void)state;
	add(list, "empty", "sql.comment.app", "*", NULL);
	add(list, "wrong-schema", "sql.table", "odoo.sale_*", NULL);
	add(list, "write", "sql.table", "sale_order", "sql.operation", "insert", "", "update",
	    NULL);
	add(list, "schema-{s}", "sql.table", "{s}.sale_order", "sql.operation", "delete", NULL);
	add(list, "route", "sql.comment.route", "/shop", "sql.table", "sale_order", NULL);
	add(list, "redis-all", "redis.key", "nothing", "", "cart:*", "redis.command", "set", NULL);
	add(list, "redis", "redis.key", "cart:\\*:lines", "protocol", "redis", NULL);
	add(list, "sql-get", "sql.operation", "get", NULL);
	assert_string_equal(match(list, &f), "route");
	sql.operation = "UPDATE";
	assert_string_equal(match(list, &f), "write");
	sql.operation = "DELETE";
	assert_string_equal(match(list, &f), "schema-public");
	f.statement = &redis;
	assert_string_equal(match(list, &f), "redis");
	redis.operation = "SET";
	assert_string_equal(match(list, &f), "redis-all");
	redis.key_pattern = "";
	redis.operation = "GET";
	assert_string_equal(match(list, &f), "-");
	f.statement = NULL;
	assert_string_equal(match(list, &f), "-");
	rules_free(list);
}

static void bad_rules_are_refused(void **state)
{
	struct rule *r = rule_new(7);
	const char *why;
	struct str bad;

	(void)state;
	assert_int_equal(rule_line(r), 7);
	assert_int_equal(rule_add_key(r, STR("sql.tabel")), -ENOENT);
	assert_int_equal(rule_add_key(r, STR("sql.comment.")), -EINVAL);
	assert_int_equal(rule_add_key(r, STR("sql.comment.route")), 0);
	assert_int_equal(rule_add_key(r, STR("sql.comment.route")), -EEXIST);
	assert_int_equal(rule_add_pattern(r, STR("/{a}"), &why), 0);
	assert_int_equal(rule_add_pattern(r, STR("x"), &why), 0);
	assert_int_equal(rule_add_key(r, STR("user")), 0);
	assert_int_equal(rule_add_pattern(r, STR("{a}"), &why), -EINVAL);
	assert_string_equal(why, "another key of this match has a capture of the same name");
	assert_string_equal(rule_comment_key(r, 0), "route");
	assert_string_equal(rule_comment_key(r, 1), "");
	assert_null(rule_comment_key(r, 2));
	rule_free(r);

	r = rule_new(1);
	assert_int_equal(rule_add_key(r, STR("protocol")), 0);
	assert_int_equal(rule_add_pattern(r, STR("htpp"), &why), -EINVAL);
	rule_free(r);

	/* {a} is not taken if the second pattern is the one that matches. */
	r = rule_new(1);
	assert_int_equal(rule_add_key(r, STR("user")), 0);
	assert_int_equal(rule_add_pattern(r, STR("{a}-x"), &why), 0);
	assert_int_equal(rule_add_pattern(r, STR("y"), &why), 0);
	assert_int_equal(rule_set_name(r, STR("t-{a}"), &why, &bad), -EINVAL);
	assert_int_equal(bad.len, 1);
	assert_int_equal(bad.s[0], 'a');
	rule_free(r);
}

static void names(void **state)
{
	struct rules *list = rules_new(), *more = rules_new();
	struct rule_facts f = { .user = "u" };
	char big[200];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	add(list, "\\{a}\\\\ {a}{a}!", "user", "{a}", NULL);
	add(more, "{d}{d}", "database", "{d}", NULL);
	assert_int_equal(rules_append(list, more), 0);
	rules_free(more);
	assert_int_equal(rules_count(list), 2);
	assert_string_equal(match(list, &f), "{a}\\ uu!");
	f = (struct rule_facts){ .database = big };
	assert_string_equal(match(list, &f), "other");
	rules_free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_of_text),
		cmocka_unit_test(globs_of_paths),
		cmocka_unit_test(bad_globs_are_refused),
		cmocka_unit_test(hostile_text_takes_linear_time),
		cmocka_unit_test(all_keys_any_pattern_first_rule),
		cmocka_unit_test(facts_of_statements),
		cmocka_unit_test(bad_rules_are_refused),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
