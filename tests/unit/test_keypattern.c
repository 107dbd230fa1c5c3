/* SPDX-License-Identifier: Apache-2.0 */
/* Key patterns: what stays, what becomes '*', and that scrubbing a key keeps its pattern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probes/redis/redis.h"

static const struct {
	const char *key, *pattern;
} cases[] = {
	{ "", "" },
	{ "cart", "cart" },
	{ "cart:1001:items", "cart:*:items" },
	{ "user42", "user*" },
	{ "v2:a1b2", "v*:a*b*" },
	{ "key:000000001234", "key:*" },
	{ "2024-01-15", "*" },
	{ "report:2024-01-15:eu", "report:*:eu" },
	{ "ip:10.0.0.1", "ip:*" },
	{ "s:8f14e45f-ceea-467f-a0e6-7d1d5f2c1b3a:x", "s:*:x" },
	{ "s:abcdefab-abcd-abcd-abcd-abcdefabcdef", "s:*" },
	{ "sess:3f2a8b7c", "sess:*" },
	{ "sess:deadbeef", "sess:deadbeef" }, /* could be a word */
	{ "facade:1", "facade:*" },
	{ "tok:aGVsbG8gd29y", "tok:*" },
	{ "tok:abcdefghijklmnopqrstuvwxyzabcdefg", "tok:*" },
	{ "celery-task-meta-d9428888-122b-11e1-b85c-61cd3cbb3210", "celery-task-meta-*" },
	{ "{tenant1}.cart", "{tenant*}.cart" },
	{ "\x01\x02:\xff\xfe", "*:*" },
	{ "na\xc3\xafve", "na*ve" },
	{ "a b\n", "a b*" },
	{ "*:1", "*:*" },
	/* Longer than what is looked at: its last word may go on. */
	{ "aaaa:bbbb:cccc:dddd:eeee:ffff:gggg:hhhh:iiii:jjjj:kkkk:llll:mmmm:nnnn",
	  "aaaa:bbbb:cccc:dddd:eeee:ffff:gggg:hhhh:iiii:jjjj:kkkk:llll:*" },
};

static void patterns(void **state)
{
	char out[REDIS_PATTERN_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = redis_key_pattern(out, str_of(cases[i].key), false);

		assert_string_equal(out, cases[i].pattern);
		assert_int_equal(n, strlen(out));
	}
}

static void a_cut_key_ends_in_a_star(void **state)
{
	char out[REDIS_PATTERN_MAX + 1];

	(void)state;
	redis_key_pattern(out, STR("cart:ab"), true);
	assert_string_equal(out, "cart:*");
	redis_key_pattern(out, STR("cart:"), true);
	assert_string_equal(out, "cart:");
}

static void scrubbing_keeps_the_pattern(void **state)
{
	char key[128], before[REDIS_PATTERN_MAX + 1], after[REDIS_PATTERN_MAX + 1];

	(void)state;
	srand(1);
	for (int i = 0; i < 200000; i++) {
		size_t n = rand() % 80;
		static const char chars[] = "0123456789abcdefABCDEFxyzXYZ:-._\x01\xc3";

		for (size_t k = 0; k < n; k++)
			key[k] = chars[rand() % (sizeof(chars) - 1)];
		redis_key_pattern(before, (struct str){ key, n }, false);
		/* As if its bytes came one record after the other. */
		if (n)
			redis_key_scrub(key, rand() % n, true);
		redis_key_scrub(key, n, i % 2);
		redis_key_pattern(after, (struct str){ key, n }, false);
		assert_string_equal(before, after);
		for (size_t k = 0; k < n; k++)
			assert_false(key[k] >= '1' && key[k] <= '9');
	}
}

static void commands(void **state)
{
	static const struct {
		const char *line, *operation, *pattern;
	} lines[] = {
		{ "get cart:1", "GET", "cart:*" },
		{ "  mset a:1 x b:2 y", "MSET", "a:*" },
		{ "config get maxmemory", "CONFIG GET", "" },
		{ "config nonsense", "CONFIG", "" },
		{ "evalsha abc 2 k:1 k:2 v", "EVALSHA", "k:*" },
		{ "eval abc 0 k:1", "EVAL", "" },
		{ "zunion 2 z:1 z:2", "ZUNION", "z:*" },
		{ "zunionstore out:9 2 z:1 z:2", "ZUNIONSTORE", "out:*" },
		{ "blmpop 1 2 l:1 l:2 LEFT", "BLMPOP", "l:*" },
		{ "xread count 2 streams s:1 s:2 0 0", "XREAD", "s:*" },
		{ "xreadgroup group g streams count 1 streams s:1 >", "XREADGROUP", "s:*" },
		{ "xgroup create st:1 g $", "XGROUP CREATE", "st:*" },
		{ "xinfo stream st:1", "XINFO STREAM", "st:*" },
		{ "object encoding o:1", "OBJECT ENCODING", "o:*" },
		{ "memory usage m:1", "MEMORY USAGE", "m:*" },
		{ "bitop and d:1 s:1", "BITOP", "d:*" },
		{ "auth user secret1", "AUTH", "" },
		{ "hello 3 auth user secret1", "HELLO", "" },
		{ "publish ch:1 msg", "PUBLISH", "" },
		{ "json.set doc:1 $ 1", "JSON.SET", "doc:*" },
		{ "get \"a b:1\"", "GET", "a b:*" },
		{ "hunter2 k:1", "unknown", "" },
		{ "", "unknown", "" },
	};
	struct redis_facts f;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		redis_describe_line(str_of(lines[i].line), &f);
		assert_string_equal(f.operation, lines[i].operation);
		assert_string_equal(f.pattern, lines[i].pattern);
	}
}

static void a_name_is_found_in_any_case_and_only_whole(void **state)
{
	struct str none = STR("");

	(void)state;
	assert_string_equal(redis_command_find(STR("gEt"), none)->name, "GET");
	assert_null(redis_command_find(STR("GE"), none));
	assert_null(redis_command_find(STR("GETX"), none));
	assert_null(redis_command_find(STR("CONFIG GET"), none));
	assert_null(redis_command_find(none, none));
	assert_string_equal(redis_command_find(STR("ACL"), STR("cat"))->name, "ACL CAT");
	assert_string_equal(redis_command_find(STR("ZUNIONSTORE"), none)->name, "ZUNIONSTORE");
	assert_true(redis_command_begins(STR("zun"), (struct str){ NULL, 0 }));
	assert_false(redis_command_begins(STR("hunter"), (struct str){ NULL, 0 }));
	assert_true(redis_command_begins(STR("config"), STR("g")));
	assert_false(redis_command_begins(STR("config"), STR("q")));
}

static void the_table_is_sorted(void **state)
{
	size_t n;
	const struct redis_command *c = redis_command_table(&n);

	(void)state;
	for (size_t i = 1; i < n; i++)
		assert_true(strcmp(c[i - 1].name, c[i].name) < 0);
	for (size_t i = 0; i < n; i++)
		assert_true(strlen(c[i].name) < REDIS_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(a_cut_key_ends_in_a_star),
		cmocka_unit_test(scrubbing_keeps_the_pattern),
		cmocka_unit_test(commands),
		cmocka_unit_test(a_name_is_found_in_any_case_and_only_whole),
		cmocka_unit_test(the_table_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
