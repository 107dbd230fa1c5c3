/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS by OpenSSL 1.1, which Debian 12 no longer has: Debian 11's PostgreSQL 13 and Redis 6.0 with their own
 * clients, unpacked. The same counts as the servers' own at both ends, as with version 3 (test_tls.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/older.h"
#include "tests/live/tenant.h"
#include "tests/live/tls.h"

#define PG "usr/lib/postgresql/13/bin/"

static const char *const programs[] = { PG "postgres",		PG "initdb",	     PG "pgbench",
					"usr/bin/redis-server", "usr/bin/redis-cli", NULL };

static const struct older old = {
	.suite = "bullseye",
	.packages = "libssl1.1 postgresql-13 postgresql-client-13 libpq5 libldap-2.4-2 libicu67 "
		    "redis-server redis-tools libjemalloc2 liblua5.1-0 lua-bitop lua-cjson liblzf1 "
		    "libhiredis0.14 libatomic1",
	.programs = programs,
};

static struct server pg, redis;
static const char *certificate;
static char *why, root[128];

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	why = older_programs(&old, root);
	if (why)
		return 0;
	tenant_enter("bench");
	certificate = servers_with_tls();
	server_pair_start(&pg, &redis);
	postgres_bench(&pg, "live_bench");
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	free(why);
	return 0;
}

static void need_old(void)
{
	need_live();
	if (!why)
		return;
	print_message("skip: %s\n", why);
	skip();
}

/* Of the processes that served: those that have 1.1 mapped, and 3. */
static void versions(void **state)
{
	static const char *const names[] = { "libssl.so.1.1", "libssl.so.3" };

	(void)state;
	need_old();
	for (int i = 0; i < 2; i++) {
		char *text = shell(NULL, "grep -ls 'r-xp.*%s' /proc/%d/maps /proc/%d/maps | wc -l",
				   names[i], pg.pid, redis.pid);

		assert_int_equal(atol(text), i ? 0 : 2);
		free(text);
	}
}

/* The redis-benchmark of 6.0 has no TLS: today's, which has version 3 of the library. */
static void redis_of_both(void **state)
{
	(void)state;
	need_old();
	tls_redis_counts(&redis, certificate, NULL);
}

static void redis_counts(void **state)
{
	char load[512];

	(void)state;
	need_old();
	snprintf(load, sizeof(load),
		 "for i in {1..%ld}; do printf 'set key %%d\\nget key\\n' $i; done | "
		 "redis-cli --tls --cacert %s -p %d >/dev/null",
		 TLS_COMMANDS, certificate, redis.tls_port);
	tls_redis_counts(&redis, certificate, load);
}

static void postgres_simple(void **state)
{
	(void)state;
	need_old();
	tls_postgres_counts(&pg, "simple");
}

static void postgres_prepared(void **state)
{
	(void)state;
	need_old();
	tls_postgres_counts(&pg, "prepared");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),	     cmocka_unit_test(redis_of_both),
		cmocka_unit_test(redis_counts),	     cmocka_unit_test(postgres_simple),
		cmocka_unit_test(postgres_prepared),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
