/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording is the live run again: replaying it prints the same bytes, needs no root, and it holds
 * nothing that clients would not want to see in a file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"

static struct server pg, redis;

static int servers_start(void **state)
{
	(void)state;
	if (!server_pair_start(&pg, &redis))
		return 0;
	postgres_bench(&pg, "live_acme");
	free(shell(NULL, "psql -q -h %s -p %d -f tests/live/odoo.sql live_acme", pg.dir, pg.port));
	/* A role that must say a password in clear text. */
	free(postgres_query(&pg, "postgres", "CREATE ROLE odoo LOGIN PASSWORD 'other'"));
	free(shell(NULL, "sed -i '1i host all odoo all password' %s/data/pg_hba.conf", pg.dir));
	free(postgres_query(&pg, "postgres", "SELECT pg_reload_conf()"));
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

static void load(void)
{
	free(shell(NULL, "pgbench -h %s -p %d -n -M extended -T 2 -c 4 live_acme 2>&1", pg.dir,
		   pg.port));
	free(shell(NULL, "redis-benchmark -s %s -t get,set,lpush,mset -n 20000 -P 4 -q",
		   redis.socket));
}

/* The recording is readable to anyone for this: by default only its owner may read it. */
static void replayed_by_nobody(const struct agent *a, const char *config, const char *options)
{
	char *live = file_read(a->out), *again;

	assert_int_equal(chmod(a->tape, 0644), 0);
	free(shell(NULL, "cp %s %s/tallyman && chmod 755 %s/tallyman", agent_binary(), workdir(),
		   workdir()));
	again = shell(NULL,
		      "setpriv --reuid=nobody --regid=nogroup --clear-groups %s/tallyman replay %s "
		      "--config %s %s",
		      workdir(), a->tape, config, options);
	assert_true(strlen(live) > 500);
	assert_string_equal(live, again);
	free(live);
	free(again);
}

static void same_output(const char *options)
{
	char *config;
	struct agent agent;

	need_live();
	config = agent_config(tenant_config);
	agent_tape(&agent, tenant_config, options);
	load();
	agent_stop(&agent);
	replayed_by_nobody(&agent, config, options);
	free(config);
}

static void same_tables(void **state)
{
	(void)state;
	same_output("");
}

static void same_json(void **state)
{
	(void)state;
	same_output("--json");
}

#define SECRET "S3cr3t[0-9]{6}"
#define SECRET_ROUNDS 400
#define SECRETS_A_ROUND 26

/* A core dump of a tracer that has seen them all. */
static void nothing_kept(const struct agent *a)
{
	char *found = shell(NULL, "tests/live/core_scan.py %d '" SECRET "'", a->pid);

	assert_string_equal(found, "0\n");
	free(found);
	/* It was really read: what is no secret is in there. */
	found = shell(NULL, "tests/live/core_scan.py %d sale_order", a->pid);
	assert_int_equal(atol(found), 1);
	free(found);
}

static void no_secrets(void **state)
{
	struct agent agent, served;
	char *sent, *found, *metrics;

	(void)state;
	need_live();
	agent_tape(&agent, tenant_config, "--json");
	agent_serve(&served, tenant_config, "");
	sent = shell(NULL, "tests/live/secrets.py %s %d live_acme %s %d", pg.dir, pg.port,
		     redis.socket, SECRET_ROUNDS);
	assert_int_equal(atol(sent), SECRET_ROUNDS * SECRETS_A_ROUND + 1);
	nap_ms(1500);
	metrics = agent_get(&served, "/metrics");
	assert_non_null(strstr(metrics, "operation=\"HSET\""));
	assert_null(strstr(metrics, "S3cr3t"));
	nothing_kept(&agent);
	nothing_kept(&served);
	agent_stop(&served);
	agent_stop(&agent);
	found = shell(NULL,
		      "for c in 'requests --slower 1us --json' 'requests --slower 1us' blame; do "
		      "%s $c --replay %s; done | cat - %s %s %s %s | "
		      "grep -aoEi '.{0,40}S3cr3t[0-9]{0,6}' | head -5",
		      agent_binary(), agent.tape, agent.tape, agent.out, agent.err, served.err);
	assert_string_equal(found, "");
	/* The recording is there at all, and holds what the secrets were in. */
	free(shell(NULL, "for text in sale_order HSET /web/login; do grep -aq $text %s; done",
		   agent.tape));
	free(sent);
	free(found);
	free(metrics);
}

static void closed_to_others(void **state)
{
	struct agent agent;
	struct stat st;

	(void)state;
	need_live();
	agent_tape(&agent, tenant_config, "");
	agent_stop(&agent);
	assert_int_equal(stat(agent.tape, &st), 0);
	assert_int_equal(st.st_mode & 0077, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_tables),
		cmocka_unit_test(same_json),
		cmocka_unit_test(no_secrets),
		cmocka_unit_test(closed_to_others),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
