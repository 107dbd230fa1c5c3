/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared server's disk is billed to those it used it for. Two tenants in two cgroups, one PostgreSQL in a
 * third, all of whose files are on a loop device of this test's own. The truths are what the kernel
 * says of each backend (/proc/PID/io) and of the device, and PostgreSQL's own count of blocks.
 */
#define _GNU_SOURCE
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
#include "tests/live/disk.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define COMMITS 300
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define BLOCK 8192 /* of PostgreSQL */
#define READY_SECONDS 60
#define DISK_WAITS "kind=waits resource=disk "

static struct server pg;
static struct disk disk;
static char *acme, *globex, *shared;
static char config[1024];

static int servers_start(void **state)
{
	char folder[128], procs[256];

	(void)state;
	if (!live_possible() || !disk_open(&disk, 640))
		return 0;
	snprintf(folder, sizeof(folder), "%s/postgres", workdir());
	mkdir(folder, 0755);
	disk_mount(&disk, folder);
	shared = plain_cgroup("sharedpg");
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", shared);
	file_write(procs, "0");
	servers_durable();
	postgres_start(&pg);
	tenant_enter(tenant_own());
	acme = tenant_cgroup("acme");
	globex = tenant_cgroup("globex");
	snprintf(config, sizeof(config),
		 "%sworkflows:\n"
		 "  - match: {sql.table: \"big\"}\n    name: reports\n"
		 "  - match: {sql.table: \"small\"}\n    name: orders\n"
		 "  - match: {sql.table: \"log\"}\n    name: invoicing\n",
		 tenant_config);
	/* Not logged, and rewritten past the server's buffers: what is read of it is on the disk. */
	free(postgres_query(&pg, "postgres",
			    "CREATE UNLOGGED TABLE big AS SELECT i, repeat('x', 1000) FROM "
			    "generate_series(1, 70000) i"));
	free(postgres_query(&pg, "postgres",
			    "CREATE UNLOGGED TABLE small AS SELECT i, repeat('x', 1000) FROM "
			    "generate_series(1, 60000) i"));
	free(postgres_query(&pg, "postgres", "CREATE TABLE log (i int)"));
	free(postgres_query(&pg, "postgres", "VACUUM (FULL, FREEZE) big, small"));
	free(postgres_query(&pg, "postgres", "ALTER SYSTEM SET wal_sync_method = open_datasync"));
	free(postgres_query(&pg, "postgres", "SELECT pg_reload_conf()"));
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_stop(&pg);
	free(acme);
	free(globex);
	free(shared);
	return 0;
}

static void need_server(void)
{
	need_live();
	if (!pg.pid)
		skip();
}

/* Nothing is left to be written. */
static void quiet(void)
{
	free(postgres_query(&pg, "postgres", "CHECKPOINT"));
	free(shell(NULL, "sync -f %s", pg.dir));
}

struct client {
	pid_t pid;
	char *out;
	long read_bytes, write_bytes; /* of its backend, by the kernel */
	long blocks;		      /* bytes of its table, by PostgreSQL */
	double begin, end;
};

static void client_start(struct client *c, const char *cgroup, const char *host, const char *what)
{
	c->out = file_name("client");
	c->pid = shell_start(cgroup, "exec tests/live/pg_disk.py %s %d postgres %s >%s 2>&1", host,
			     pg.port, what, c->out);
	for (double end = now_seconds() + READY_SECONDS;; nap_ms(10)) {
		char *text = file_read(c->out);
		bool ready = strstr(text, "ready");

		free(text);
		if (ready)
			return;
		if (child_wait(c->pid, 0) >= 0 || now_seconds() > end)
			fail_msg("no client: %s", file_read(c->out));
	}
}

static void client_end(struct client *c)
{
	char *text;

	shell_end(c->pid);
	text = file_read(c->out);
	if (sscanf(text, "ready %ld %ld %ld %lf %lf", &c->read_bytes, &c->write_bytes, &c->blocks,
		   &c->begin, &c->end) != 5)
		fail_msg("no figures: %s", text);
	free(text);
	free(c->out);
}

static long billed(const json_t *facts, const char *field, const char *tenant)
{
	return facts_sum(facts, field, "kind=block tenant=%s device=%s", tenant, disk.number);
}

static void reads_are_billed(const char *tenant, const json_t *facts, const struct client *c)
{
	long bytes = billed(facts, "read_bytes", tenant);
	char what[96];

	snprintf(what, sizeof(what), "disk: bytes a backend read, billed to its client %s", tenant);
	truth_figure(what, "within 1 % of /proc/PID/io, 10 % of PostgreSQL's own count",
		     "%+ld and %+.2f %% of %.1f MB", bytes - c->read_bytes,
		     100.0 * bytes / c->blocks - 100, c->blocks / 1e6);
	same_count(tenant, bytes, c->read_bytes, 100);
	assert_true(bytes >= 0.9 * c->blocks && bytes <= 1.1 * c->blocks);
}

static double disk_wait(const json_t *facts, const char *fmt, const char *tenant)
{
	char where[160];

	snprintf(where, sizeof(where), fmt, tenant);
	return facts_sum(facts, "wait_ns", DISK_WAITS "%s", where);
}

/* One tenant reads a lot, the other a little of it, both through one server. */
static bool reads_measured(void *arg)
{
	long marks[MARKS][STAT_FIELDS];
	struct client big, small;
	struct agent agent;
	double victim, by_acme, reports, all;
	json_t *facts;

	(void)arg;
	quiet();
	disk_trace(&disk, &agent, config, marks);
	client_start(&big, acme, "127.0.0.1", "scan big 3");
	client_start(&small, globex, pg.dir, "fetch small 2");
	client_end(&small);
	client_end(&big);
	facts = disk_finish(&disk, &agent, marks);
	same_as_kernel(facts, &disk, marks, 100);
	reads_are_billed("acme", facts, &big);
	reads_are_billed("globex", facts, &small);
	victim = disk_wait(facts, "waiter_tenant=%s", "globex");
	by_acme =
		disk_wait(facts, "waiter_tenant=globex cause=neighbour occupant_tenant=%s", "acme");
	all = disk_wait(facts, "waiter_tenant=%s", "acme");
	reports = disk_wait(facts, "waiter_tenant=%s waiter_workflow=reports", "acme");
	truth_figure("disk: of a backend's wait charged to the other backend's client",
		     "at least 80 %", "%.1f %% of %.0f ms", 100 * by_acme / victim, victim / 1e6);
	truth_figure("disk: of a backend's wait billed to its client's workflow", "at least 90 %",
		     "%.1f %% of %.0f ms", 100 * reports / all, all / 1e6);
	json_decref(facts);
	if (big.end < small.end)
		print_message("acme ended %.2f s too early\n", small.end - big.end);
	assert_true(victim > 0 && all > 0);
	return big.end >= small.end && by_acme >= 0.8 * victim && reports >= 0.9 * all;
}

static void reads_are_the_clients(void **state)
{
	(void)state;
	need_server();
	truth_holds(reads_measured, NULL);
}

/*
 * Each commit has its backend write a page of the log, and flush the disk. What the checkpointer writes
 * afterwards is nobody's in particular.
 */
static void writes_are_the_clients(void **state)
{
	long marks[MARKS][STAT_FIELDS], bytes, flushes, log_writes;
	struct agent agent;
	struct client c;
	json_t *facts;

	(void)state;
	need_server();
	quiet();
	log_writes = postgres_number(&pg, "postgres", "SELECT wal_write FROM pg_stat_wal");
	disk_trace(&disk, &agent, config, marks);
	client_start(&c, acme, "127.0.0.1", "commit log " TEXT(COMMITS));
	client_end(&c);
	log_writes =
		postgres_number(&pg, "postgres", "SELECT wal_write FROM pg_stat_wal") - log_writes;
	free(postgres_query(&pg, "postgres", "CHECKPOINT"));
	facts = disk_finish(&disk, &agent, marks);
	same_as_kernel(facts, &disk, marks, 100);
	bytes = billed(facts, "write_bytes", "acme");
	flushes = billed(facts, "flushes", "acme");
	truth_figure("disk: flushes of a backend's commits, billed to its client",
		     "as many as commits, at most as many as writes of the log",
		     "%ld of %d commits, %ld writes", flushes, COMMITS, log_writes);
	truth_figure("disk: bytes of a backend's commits, billed to its client",
		     "one block each, at most 10 % more", "%+.2f %% of %.2f MB",
		     100.0 * bytes / (COMMITS * BLOCK) - 100, COMMITS * BLOCK / 1e6);
	if (flushes < COMMITS)
		facts_print(facts, "kind=block");
	same_count_within("flushes billed", flushes, COMMITS, log_writes, 1000);
	assert_true(bytes >= 0.998 * COMMITS * BLOCK && bytes <= 1.1 * COMMITS * BLOCK);
	assert_true(billed(facts, "write_bytes", "system") > 0);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_are_the_clients),
		cmocka_unit_test(writes_are_the_clients),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
