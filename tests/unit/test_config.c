/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: defaults, every key, every kind of error with its line, and the manual's
 * examples.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/config.h"

#define MANUAL "docs/configuration.md"

static char err[CONFIG_ERR_MAX];

static struct config *parsed(const char *text)
{
	struct config *cfg = NULL;

	if (config_parse(&cfg, "t.yaml", str_of(text), err, sizeof(err)))
		fail_msg("%s", err);
	assert_non_null(cfg);
	return cfg;
}

static void check_defaults(const struct config *cfg)
{
	unsigned int n;

	assert_int_equal(rules_count(cfg->tenants), 0);
	assert_true(cfg->builtin_odoo);
	assert_int_not_equal(rules_count(cfg->workflows), 0);
	assert_string_equal(cfg->listen_address, "127.0.0.1");
	assert_int_equal(cfg->listen_port, 9464);
	assert_string_equal(cfg->cgroup_hierarchy, "auto");
	assert_int_equal(cfg->text_window_bytes, 1024);
	assert_int_equal(cfg->ring_bytes, 8 << 20);
	assert_int_equal(cfg->series_limit, 10000);
	assert_int_equal(cfg->cpu_budget, 1000);
	assert_int_equal(cfg->ports[PROTO_POSTGRESQL].count, 1);
	assert_int_equal(cfg->ports[PROTO_POSTGRESQL].port[0], 5432);
	assert_int_equal(cfg->ports[PROTO_REDIS].count, 1);
	assert_int_equal(cfg->ports[PROTO_REDIS].port[0], 6379);
	assert_true(cfg->capture_text);
	assert_false(cfg->dns_names);
	assert_false(cfg->tls_openssl);
	assert_null(config_comment_keys(cfg, &n)[0]);
	assert_int_equal(n, 0);
}

static void defaults(void **state)
{
	static const char *const empty[] = { "",
					     "\n\n",
					     "# nothing\n",
					     "---\n",
					     "~\n",
					     "{}\n",
					     "tenants:\nworkflows:\n",
					     "\xef\xbb\xbf# BOM\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		struct config *cfg = parsed(empty[i]);

		check_defaults(cfg);
		config_free(cfg);
	}
}

static void every_key(void **state)
{
	struct config *cfg = parsed("listen: '[::1]:80'\n"
				    "cgroup_hierarchy: memory\n"
				    "text_window: 4096\n"
				    "ring_size: 3M\n"
				    "series_limit: 5\n"
				    "cpu_budget: 2.5\n"
				    "capture_text: false\n"
				    "dns_names: true\n"
				    "builtin_workflows: none\n"
				    "ports: {postgresql: [1, 65535], redis: 7}\n"
				    "tenants:\n"
				    "- {match: {sql.comment.b: x}, name: n}\n"
				    "- {match: {sql.comment.a: x, sql.comment.b: y}, name: n}\n"
				    "workflows:\n"
				    "- name: '{t}'\n"
				    "  match: {sql.table: ['{t}_x', 'y_{t}'], sql.comment.c: '*'}\n"
				    "tls: openssl\n");
	const char *const *keys;
	unsigned int n;

	(void)state;
	assert_string_equal(cfg->listen_address, "::1");
	assert_int_equal(cfg->listen_port, 80);
	assert_string_equal(cfg->cgroup_hierarchy, "memory");
	assert_int_equal(cfg->text_window_bytes, 4096);
	assert_int_equal(cfg->ring_bytes, 4 << 20);
	assert_int_equal(cfg->series_limit, 5);
	assert_int_equal(cfg->cpu_budget, 2500);
	assert_false(cfg->capture_text);
	assert_true(cfg->dns_names);
	assert_true(cfg->tls_openssl);
	assert_false(cfg->builtin_odoo);
	assert_int_equal(cfg->ports[PROTO_POSTGRESQL].count, 2);
	assert_int_equal(cfg->ports[PROTO_POSTGRESQL].port[1], 65535);
	assert_int_equal(cfg->ports[PROTO_REDIS].port[0], 7);
	assert_int_equal(rules_count(cfg->tenants), 2);
	assert_int_equal(rules_count(cfg->workflows), 1);
	assert_int_equal(rule_line(rules_at(cfg->workflows, 0)), 15);
	keys = config_comment_keys(cfg, &n);
	assert_int_equal(n, 3);
	assert_string_equal(keys[0], "b");
	assert_string_equal(keys[1], "a");
	assert_string_equal(keys[2], "c");
	assert_null(keys[3]);
	config_free(cfg);
}

static void ring_sizes(void **state)
{
	static const struct {
		const char *text;
		uint32_t bytes; /* 0: a page */
	} cases[] = {
		{ "ring_size: 1", 0 },
		{ "ring_size: 4K", 0 },
		{ "ring_size: 1048576", 1 << 20 },
		{ "ring_size: 1048577", 2 << 20 },
		{ "ring_size: 1024M", 1 << 30 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *cfg = parsed(cases[i].text);

		assert_int_equal(cfg->ring_bytes,
				 cases[i].bytes ? cases[i].bytes : (uint32_t)sysconf(_SC_PAGESIZE));
		config_free(cfg);
	}
}

/*
 * What is wrong, and the whole message. Messages are what an operator gets to see, so they are
 * tested.
 */
static const struct {
	const char *text;
	const char *message;
} errors[] = {
	{ "\nlisten: a\nlisten: b\n",
	  "t.yaml:2: listen \"a\" is not ADDR:PORT (as in 127.0.0.1:9464 or "
	  "[::1]:9464; a numeric address)" },
	{ "text_window: 128\n\ntext_window: 128\n",
	  "t.yaml:3: key \"text_window\" is here twice (first in line 1)" },
	{ "lisen: x\n", "t.yaml:1: unknown key \"lisen\" (did you mean \"listen\"?)" },
	{ "zzzz: x\n",
	  "t.yaml:1: unknown key \"zzzz\" (there are: tenants, workflows, builtin_workflows, "
	  "listen, cgroup_hierarchy, text_window, ring_size, series_limit, cpu_budget, ports, capture_text, postgresql, lock_ask_ms, tls, dns_names)" },
	{ "tenants:\n  - match: {sql.tabel: x}\n    name: n\n",
	  "t.yaml:2: unknown match \"sql.tabel\" (did you mean \"sql.table\"?)" },
	{ "tenants:\n  - match: {user: x}\n    nmae: n\n",
	  "t.yaml:3: unknown key of a rule \"nmae\" (did you mean \"name\"?)" },
	{ "tenants:\n  - match: {user: x}\n",
	  "t.yaml:2: a rule of tenants without \"name\" (add it)" },
	{ "workflows:\n  - name: x\n", "t.yaml:2: a rule of workflows without \"match\" (add it)" },
	{ "tenants:\n  - match: {user: x}\n    name: ''\n",
	  "t.yaml:3: name is empty (give the rule a name)" },
	{ "tenants:\n  - match: {user: x}\n    name:\n",
	  "t.yaml:3: name has no value (give one or remove the key)" },
	{ "tenants:\n  - match: {user: '{a}'}\n    name: '{b}'\n",
	  "t.yaml:3: name: {b}: no pattern of the match captures it (every pattern of one key "
	  "must)" },
	{ "tenants:\n  - match: {user: 'x{a'}\n    name: n\n",
	  "t.yaml:2: user: cannot use the pattern \"x{a\": a '{' is not closed (write \\{ for the "
	  "character)" },
	{ "tenants:\n  - match:\n      user: [a,\n        '']\n    name: n\n",
	  "t.yaml:4: user: cannot use the pattern \"\": an empty pattern matches nothing" },
	{ "tenants:\n  - match: {user: x, user: y}\n    name: n\n",
	  "t.yaml:2: match \"user\" is here twice (make its value a list)" },
	{ "tenants:\n  - match: {}\n    name: n\n",
	  "t.yaml:2: match is empty (say what to match, as in {database: \"*\"})" },
	{ "tenants:\n  - match: {user: []}\n    name: n\n",
	  "t.yaml:2: user is an empty list (give a pattern or remove the key)" },
	{ "tenants:\n  - match: {user: {a: b}}\n    name: n\n",
	  "t.yaml:2: user must be text, not a mapping" },
	{ "tenants:\n  - match: {protocol: http3}\n    name: n\n",
	  "t.yaml:2: protocol: cannot use the pattern \"http3\": must be postgresql, redis or http" },
	{ "tenants:\n  - match: {sql.comment.: x}\n    name: n\n",
	  "t.yaml:2: \"sql.comment.\" needs a comment's key of 1 to 63 bytes, as in "
	  "\"sql.comment.route\"" },
	{ "tenants: x\n", "t.yaml:1: tenants must be a list (lines of \"- match: ...\")" },
	{ "tenants: [x]\n", "t.yaml:1: an entry of tenants must be {match: {...}, name: TEXT}" },
	{ "- x\n", "t.yaml:1: the file must be a mapping (lines of \"key: value\")" },
	{ "text_window: 127\n", "t.yaml:1: text_window \"127\" must be a number from 128 to 4096" },
	{ "text_window: 1e3\n", "t.yaml:1: text_window \"1e3\" must be a number from 128 to 4096" },
	{ "text_window: [1]\n", "t.yaml:1: text_window must be text, not a list" },
	{ "series_limit: 0\n", "t.yaml:1: series_limit \"0\" must be a number from 1 to 1000000" },
	{ "cpu_budget: -1\n",
	  "t.yaml:1: cpu_budget \"-1\" must be a percentage from 0.001 to 100 (as in 0.5), or off" },
	{ "cpu_budget: 100.001\n",
	  "t.yaml:1: cpu_budget \"100.001\" must be a percentage from 0.001 to 100 (as in 0.5), or off" },
	{ "cpu_budget: 0\n",
	  "t.yaml:1: cpu_budget \"0\" must be a percentage from 0.001 to 100 (as in 0.5), or off" },
	{ "cpu_budget: 1.\n",
	  "t.yaml:1: cpu_budget \"1.\" must be a percentage from 0.001 to 100 (as in 0.5), or off" },
	{ "cpu_budget: 0.0001\n",
	  "t.yaml:1: cpu_budget \"0.0001\" must be a percentage from 0.001 to 100 (as in 0.5), or off" },
	{ "ring_size: 8G\n",
	  "t.yaml:1: ring_size \"8G\" must be bytes, or K or M behind, up to 1024M (as in 8M)" },
	{ "ring_size: 1025M\n",
	  "t.yaml:1: ring_size \"1025M\" must be bytes, or K or M behind, up to 1024M (as in 8M)" },
	{ "ring_size: 99999999999999999999999K\n",
	  "t.yaml:1: ring_size \"99999999999999999999999K\" must be bytes, or K or M behind, up to "
	  "1024M (as in 8M)" },
	{ "ports:\n  redis: [0]\n", "t.yaml:2: a port \"0\" must be a number from 1 to 65535" },
	{ "ports:\n  reddis: 1\n",
	  "t.yaml:2: unknown protocol \"reddis\" (did you mean \"redis\"?)" },
	{ "tls: yes\n", "t.yaml:1: unknown tls \"yes\" (there are: none, openssl)" },
	{ "capture_text: yes\n",
	  "t.yaml:1: unknown capture_text \"yes\" (there are: false, true)" },
	{ "builtin_workflows: odo\n",
	  "t.yaml:1: unknown builtin_workflows \"odo\" (did you mean \"odoo\"?)" },
	{ "cgroup_hierarchy: memroy\n",
	  "t.yaml:1: unknown cgroup_hierarchy \"memroy\" (did you mean \"memory\"?)" },
	{ "a: b\n---\nc: d\n", "t.yaml:2: a second document (remove the line \"---\")" },
	{ "listen: \"x\\ty\"\n", "t.yaml:1: listen has a control character (remove it)" },
	{ "a\x01: b\n",
	  "t.yaml:1: not readable as text: control characters are not allowed (save the "
	  "file as UTF-8)" },
	{ "a: b\nc: \xff\n",
	  "t.yaml:2: not readable as text: invalid leading UTF-8 octet (save the file "
	  "as UTF-8)" },
	{ "x: 1\n\ty: 2\n",
	  "t.yaml:2: not valid YAML: found a tab character that violates indentation "
	  "while scanning a plain scalar (check indentation, colons and quotes)" },
	{ "listen: 'x\n",
	  "t.yaml:2: not valid YAML: found unexpected end of stream while scanning a "
	  "quoted scalar (check indentation, colons and quotes)" },
	{ "a: *b\n",
	  "t.yaml:1: not valid YAML: found undefined alias (check indentation, colons and "
	  "quotes)" },
	{ "tenants: &a [*a]\n",
	  "t.yaml:1: an entry of tenants must be {match: {...}, name: TEXT}" },
	{ "tenants:\n- match: &m {user: *m}\n  name: n\n",
	  "t.yaml:2: user must be text, not a mapping" },
	{ "x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]\n",
	  "t.yaml:1: nested too deep (16 levels at most)" },
};

static void budgets(void **state)
{
	static const struct {
		const char *text;
		uint32_t value;
	} cases[] = { { "off", 0 },	 { "1", 1000 },	  { "0.001", 1 },
		      { "100", 100000 }, { "0.25", 250 }, { "12.5", 12500 } };
	struct config *cfg = parsed("");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(config_set_budget(cfg, str_of(cases[i].text)), 0);
		assert_int_equal(cfg->cpu_budget, cases[i].value);
	}
	assert_int_equal(config_set_budget(cfg, str_of("1e3")), -EINVAL);
	assert_int_equal(config_set_budget(cfg, str_of("")), -EINVAL);
	assert_int_equal(cfg->cpu_budget, 12500);
	config_free(cfg);
}

static void errors_say_where_and_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct config *cfg = (struct config *)&err;
		int rc = config_parse(&cfg, "t.yaml", str_of(errors[i].text), err, sizeof(err));

		assert_int_equal(rc, -EINVAL);
		assert_ptr_equal(cfg, &err);
		assert_string_equal(err, errors[i].message);
	}
}

static void short_error_buffers_are_respected(void **state)
{
	struct config *cfg = NULL;
	char small[12] = "..........!";

	(void)state;
	assert_int_equal(config_parse(&cfg, "t.yaml", STR("lisen: x"), small, 11), -EINVAL);
	assert_string_equal(small, "t.yaml:1: ");
	assert_int_equal(config_parse(&cfg, "t.yaml", STR("lisen: x"), small, 5), -EINVAL);
	assert_string_equal(small, "t.ya");
	assert_int_equal(config_parse(&cfg, "t.yaml", STR("lisen: x"), NULL, 0), -EINVAL);
}

static void aliases_share_but_do_not_explode(void **state)
{
	struct config *cfg = parsed("workflows:\n"
				    "- match: &m {sql.table: [a, b]}\n  name: x\n"
				    "- {match: *m, name: y}\nbuiltin_workflows: none\n");
	size_t cap = 700000, used;
	char *text = malloc(cap);

	(void)state;
	assert_int_equal(rules_count(cfg->workflows), 2);
	config_free(cfg);
	cfg = NULL;
	used = (size_t)snprintf(text, cap, "workflows:\n- name: x\n  match: &m\n    user: [a");
	for (int i = 0; i < 999; i++)
		used += (size_t)snprintf(text + used, cap - used, ",a");
	used += (size_t)snprintf(text + used, cap - used, "]\n");
	for (int i = 0; i < 20000; i++)
		used += (size_t)snprintf(text + used, cap - used, "- {name: x, match: *m}\n");
	assert_int_equal(config_parse(&cfg, "t.yaml", (struct str){ text, used }, err, sizeof(err)),
			 -EINVAL);
	assert_string_equal(err, "t.yaml:4: too many patterns in this file (use wildcards)");
	free(text);
}

static void listen_of_the_command_line(void **state)
{
	static const char *const bad[] = { "",	      "9464",	     ":9464",	      "localhost:1",
					   "1.2.3.4", "1.2.3.4:",    "1.2.3.4:65536", "[::1]",
					   "::1:80",  "[1.2.3.4]:1", "1.2.3.4:+1" };
	struct config *cfg = parsed("");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(config_set_listen(cfg, str_of(bad[i])), -EINVAL);
	check_defaults(cfg);
	assert_int_equal(config_set_listen(cfg, STR("0.0.0.0:0")), 0);
	assert_string_equal(cfg->listen_address, "0.0.0.0");
	assert_int_equal(cfg->listen_port, 0);
	config_free(cfg);
}

static void files(void **state)
{
	char path[] = "/tmp/tallyman-config-XXXXXX", want[128];
	struct config *cfg = NULL;
	int fd = mkstemp(path);
	char *big = calloc(1, CONFIG_BYTES_MAX + 1);

	(void)state;
	assert_int_equal(write(fd, "series_limit: 7\n", 16), 16);
	assert_int_equal(config_load(&cfg, path, true, err, sizeof(err)), 0);
	assert_int_equal(cfg->series_limit, 7);
	config_free(cfg);
	cfg = NULL;
	memset(big, '#', CONFIG_BYTES_MAX + 1);
	assert_int_equal(pwrite(fd, big, CONFIG_BYTES_MAX + 1, 0), CONFIG_BYTES_MAX + 1);
	assert_int_equal(config_load(&cfg, path, true, err, sizeof(err)), -EFBIG);
	snprintf(want, sizeof(want), "%s: larger than 1 MiB (use wildcards)", path);
	assert_string_equal(err, want);
	close(fd);
	unlink(path);
	free(big);

	assert_int_equal(config_load(&cfg, path, true, err, sizeof(err)), -ENOENT);
	snprintf(want, sizeof(want),
		 "%s: cannot be read: No such file or directory (check the path given)", path);
	assert_string_equal(err, want);
	assert_int_equal(config_load(&cfg, "/tmp", false, err, sizeof(err)), -EISDIR);
	assert_null(cfg);
	assert_int_equal(config_load(&cfg, path, false, err, sizeof(err)), 0);
	check_defaults(cfg);
	config_free(cfg);
}

/* Next ```yaml block of the manual at *at, which moves behind it. */
static bool manual_block(const char **at, struct str *block)
{
	static const char fence[] = "\n```yaml\n";
	const char *start = strstr(*at, fence), *end;

	if (!start)
		return false;
	start += sizeof(fence) - 1;
	end = strstr(start, "\n```\n");
	assert_non_null(end);
	*block = (struct str){ start, (size_t)(end + 1 - start) };
	*at = end + 1;
	return true;
}

static void check_complete_example(const struct config *cfg)
{
	static const char *const tables[] = { "purchase_order" };
	struct statement st = { .protocol = PROTO_POSTGRESQL,
				.operation = "INSERT",
				.tables = tables,
				.ntables = 1,
				.key_pattern = "" };
	struct rule_facts f = { .cgroup = "/tenants.slice-acme/app", .statement = &st };
	struct rule_name name;
	unsigned int n;

	assert_int_equal(rules_count(cfg->tenants), 5);
	assert_true(cfg->builtin_odoo);
	assert_int_equal(cfg->ports[PROTO_POSTGRESQL].count, 2);
	assert_string_equal(config_comment_keys(cfg, &n)[0], "workflow");
	assert_non_null(rules_match(cfg->tenants, &f, &name));
	assert_string_equal(name.s, "acme");
	assert_non_null(rules_match(cfg->workflows, &f, &name));
	assert_string_equal(name.s, "procurement");
	f = (struct rule_facts){ .database = "zen_test", .user = "odoo" };
	assert_non_null(rules_match(cfg->tenants, &f, &name));
	assert_string_equal(name.s, "zen");
}

static void examples_of_the_manual(void **state)
{
	FILE *file = fopen(MANUAL, "r");
	char *text = calloc(1, 65536);
	const char *at = text;
	struct config *cfg = NULL;
	struct str block;
	int blocks = 0;

	(void)state;
	if (!file)
		fail_msg("%s: %s (run from the top of the checkout)", MANUAL, strerror(errno));
	assert_in_range(fread(text, 1, 65536, file), 1000, 65535);
	fclose(file);
	for (; manual_block(&at, &block); blocks++) {
		config_free(cfg);
		cfg = NULL;
		if (config_parse(&cfg, MANUAL, block, err, sizeof(err)))
			fail_msg("example %d: %s", blocks + 1, err);
	}
	assert_int_equal(blocks, 13);
	check_complete_example(cfg); /* the last one */
	config_free(cfg);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_key),
		cmocka_unit_test(ring_sizes),
		cmocka_unit_test(errors_say_where_and_what),
		cmocka_unit_test(budgets),
		cmocka_unit_test(short_error_buffers_are_respected),
		cmocka_unit_test(aliases_share_but_do_not_explode),
		cmocka_unit_test(listen_of_the_command_line),
		cmocka_unit_test(files),
		cmocka_unit_test(examples_of_the_manual),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
