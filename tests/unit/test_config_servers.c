/* SPDX-License-Identifier: Apache-2.0 */
/* The keys about PostgreSQL servers that may be asked, and the connection strings that cannot be taken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "user/config.h"
#include "user/pg_conninfo.h"

static char err[CONFIG_ERR_MAX];

static void whole(void **state)
{
	static const char text[] = "lock_ask_ms: 25\n"
				   "postgresql:\n"
				   "  - connect: host=/run/postgresql user=tallyman\n"
				   "  - connect: \"host=127.0.0.1 port=5433 password=secret\"\n";
	struct config *cfg = NULL;

	(void)state;
	assert_int_equal(config_parse(&cfg, "t.yaml", str_of(""), err, sizeof(err)), 0);
	assert_int_equal(cfg->nservers, 0);
	assert_int_equal(cfg->lock_ask_ms, CONFIG_LOCK_ASK_MS);
	config_free(cfg);
	cfg = NULL;
	assert_int_equal(config_parse(&cfg, "t.yaml", str_of(text), err, sizeof(err)), 0);
	assert_int_equal(cfg->lock_ask_ms, 25);
	assert_int_equal(cfg->nservers, 2);
	assert_string_equal(cfg->servers[0].connect, "host=/run/postgresql user=tallyman");
	config_free(cfg);
}

static const struct {
	const char *text;
	const char *says;
} wrong[] = {
	{ "lock_ask_ms: 0\n", "t.yaml:1: lock_ask_ms \"0\"" },
	{ "postgresql: host=/tmp\n", "t.yaml:1: postgresql must be a list" },
	{ "postgresql:\n  - host=/tmp\n", "t.yaml:2: " },
	{ "postgresql:\n  - {}\n", "needs \"connect\"" },
	{ "postgresql:\n  - conect: host=/tmp\n", "did you mean \"connect\"" },
	{ "postgresql:\n  - connect: host=db.example user=x\n", "t.yaml:2: connect: host must be" },
	{ "postgresql:\n  - connect: host=/a,db.example\n", "host must be" },
	{ "postgresql:\n  - connect: host=127.0.0.1,127.0.0.2\n", "host must be" },
	{ "postgresql:\n  - connect: hostaddr=localhost\n", "hostaddr must be" },
	{ "postgresql:\n  - connect: service=other\n", "\"service\" cannot be set" },
	{ "postgresql:\n  - connect: user=x\n", "says no host" },
	{ "postgresql:\n  - connect: password=hunter2 nonsense\n", "not a connection string" },
};

static void errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct config *cfg = NULL;
		int got = config_parse(&cfg, "t.yaml", str_of(wrong[i].text), err, sizeof(err));

		assert_int_equal(got, -EINVAL);
		if (!strstr(err, wrong[i].says))
			fail_msg("\"%s\" lacks \"%s\"", err, wrong[i].says);
		assert_null(strstr(err, "hunter2"));
		assert_null(cfg);
	}
}

/* What is ours is behind what was asked for. */
static void lists(void **state)
{
	struct pg_conninfo c;
	bool gss = false;

	(void)state;
	assert_int_equal(pg_conninfo_parse(&c, "host=/tmp user=x", err, sizeof(err)), 0);
	for (int i = 0; c.keywords[i]; i++) {
		assert_non_null(c.values[i]);
		gss |= !strcmp(c.keywords[i], "gssencmode") && !strcmp(c.values[i], "disable");
	}
	assert_true(gss);
	pg_conninfo_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(errors),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
