/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wait events of a running server. A backend that sleeps is found as the tracer finds it; then every
 * number of every class is put in its place in shared memory, and pg_stat_activity says the name.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <postgresql/libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "probes/postgres/wait_event.h"
#include "tests/live/child.h"
#include "tests/live/pg_session.h"
#include "tests/live/server.h"
#include "user/pg_cluster.h"

#define CLIENT_READ 0x06000000

static struct server pg;
static unsigned int told; /* servers that were new */

static int server_begin(void **state)
{
	(void)state;
	if (live_possible())
		postgres_start(&pg);
	return 0;
}

static int server_end(void **state)
{
	(void)state;
	server_stop(&pg);
	return 0;
}

static void on_cluster(void *ctx, uint32_t postmaster, const struct pg_cluster *cluster)
{
	(void)ctx;
	assert_true(postmaster && cluster->variable);
	told++;
}

static void memory(pid_t pid, uint64_t at, void *buf, size_t len, bool put)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	n = put ? pwrite(fd, buf, len, (off_t)at) : pread(fd, buf, len, (off_t)at);
	close(fd);
	assert_int_equal(n, len);
}

/* Where a backend has its wait event, as the kernel side finds it. */
static uint64_t place_of(const struct pg_cluster *c, pid_t pid)
{
	uint64_t slot;

	memory(pid, c->variable, &slot, sizeof(slot), false);
	assert_true(slot && (slot < c->image_start || slot >= c->image_end));
	return slot + c->offset;
}

static void wait_idle(pid_t pid, uint64_t place)
{
	uint32_t info = 0;

	for (int i = 0; i < 200 && info != CLIENT_READ; i++) {
		nap_ms(10);
		memory(pid, place, &info, sizeof(info), false);
	}
	assert_int_equal(info, CLIENT_READ);
}

static void found(void **state)
{
	struct pg_clusters *clusters;
	struct pg_cluster cluster, again;
	uint32_t postmaster;
	PGconn *conn;

	(void)state;
	need_live();
	told = 0;
	assert_int_equal(pg_clusters_new(&clusters, on_cluster, NULL), 0);
	conn = pg_session(&pg, "postgres");
	assert_int_equal(
		pg_cluster_find(clusters, (uint32_t)PQbackendPID(conn), &postmaster, &cluster), 0);
	assert_int_equal(postmaster, pg.pid);
	assert_int_equal(cluster.major, PQserverVersion(conn) / 10000);
	assert_int_equal(told, 1);
	/* The postmaster itself, and once more: the same, and nobody is told again. */
	assert_int_equal(pg_cluster_find(clusters, (uint32_t)pg.pid, &postmaster, &again), 0);
	assert_int_equal(postmaster, pg.pid);
	assert_memory_equal(&again, &cluster, sizeof(cluster));
	pg_clusters_scan(clusters);
	assert_int_equal(pg_cluster_find(clusters, (uint32_t)getpid(), &postmaster, &again),
			 -ENOENT);
	wait_idle(PQbackendPID(conn), place_of(&cluster, PQbackendPID(conn)));
	assert_true(pg_cluster_gone(clusters, (uint32_t)pg.pid));
	assert_false(pg_cluster_gone(clusters, (uint32_t)pg.pid));
	PQfinish(conn);
	pg_clusters_free(clusters);
}

struct backend {
	PGconn *asker; /* somebody else's connection */
	pid_t pid;
	uint64_t place; /* of its number */
};

/*
 * What pg_stat_activity makes of a number: "type:event". The backend, which waits for its client, may be woken
 * by a signal and put there what it does itself: then once more.
 */
static char *server_says(const struct backend *b, uint32_t info)
{
	char *text = NULL;
	uint32_t now;

	do {
		free(text);
		memory(b->pid, b->place, &info, sizeof(info), true);
		text = pg_value(
			b->asker,
			"SELECT coalesce(wait_event_type, '') || ':' || coalesce(wait_event, '') "
			"FROM pg_stat_activity WHERE pid = %d",
			b->pid);
		memory(b->pid, b->place, &now, sizeof(now), false);
	} while (now != info);
	return text;
}

/* That against ours. Of numbers that it has no name for, ours are of later minor releases. */
static unsigned int compare(const struct backend *b, uint32_t info, uint32_t major)
{
	char *type = server_says(b, info), *event = strchr(type, ':') + 1;
	uint32_t pg_event = wait_event_pack(info, major);
	struct wait_event_name name = wait_event_name(pg_event);
	bool known = event[0] && event[0] != '<' && strcmp(event, "???") &&
		     strcmp(event, "unknown wait event");

	event[-1] = '\0';
	assert_string_equal(wait_event_class(pg_event), type);
	if (!strcmp(name.s, "extension")) /* who loads it names it: that is in no binary */
		known = false;
	else if (known)
		assert_string_equal(name.s, event);
	free(type);
	return known;
}

/* The last number of a class that our table has a name for, and one more. */
static uint32_t numbers_of(uint32_t major, uint32_t class)
{
	uint32_t n = 0;

	if (class == PG_WAIT_BUFFER_PIN || class == PG_WAIT_EXTENSION)
		return 1; /* any number is the same event */
	for (uint32_t id = 0; id < PG_EVENT_ID_MAX; id++) {
		struct wait_event_name name =
			wait_event_name(wait_event_pack(class << PG_EVENT_CLASS_SHIFT | id, major));

		if (strncmp(name.s, "event_", 6) && strcmp(name.s, "extension"))
			n = id + 1;
	}
	return n + 1;
}

/* Later minor releases add numbers at the end of a class, and nowhere else. Those of LWLocks have gaps. */
static unsigned int compare_class(const struct backend *b, uint32_t class, uint32_t major)
{
	unsigned int known = 0, named = 0;

	for (uint32_t id = 0; id < numbers_of(major, class); id++) {
		unsigned int is = compare(b, class << PG_EVENT_CLASS_SHIFT | id, major);

		known += is;
		named = is ? id + 1 : named;
	}
	print_message("class %u: %u names\n", class, known);
	if (class != PG_WAIT_BUFFER_PIN && class != PG_WAIT_EXTENSION && class != PG_WAIT_LWLOCK)
		assert_int_equal(known, named);
	return known;
}

static void all_names(void **state)
{
	struct pg_clusters *clusters;
	struct pg_cluster cluster;
	struct backend b;
	PGconn *victim;
	uint32_t postmaster, info = CLIENT_READ;
	unsigned int known = 0;

	(void)state;
	need_live();
	assert_int_equal(pg_clusters_new(&clusters, on_cluster, NULL), 0);
	victim = pg_session(&pg, "postgres");
	b.asker = pg_session(&pg, "postgres");
	b.pid = PQbackendPID(victim);
	assert_int_equal(pg_cluster_find(clusters, (uint32_t)b.pid, &postmaster, &cluster), 0);
	b.place = place_of(&cluster, b.pid);
	wait_idle(b.pid, b.place);
	for (uint32_t class = PG_WAIT_LWLOCK; class <= PG_WAIT_IO; class ++) {
		if (class == 2)
			continue;
		known += compare_class(&b, class, cluster.major);
	}
	memory(b.pid, b.place, &info, sizeof(info), true);
	print_message("%u names of version %u\n", known, cluster.major);
	assert_true(known > 180);
	PQfinish(victim);
	PQfinish(b.asker);
	pg_clusters_free(clusters);
}

/* A server in a process namespace of its own: its numbers are not ours. */
static void in_a_namespace(void **state)
{
	struct pg_clusters *clusters;
	struct pg_cluster cluster;
	uint32_t postmaster, pid;
	struct server inner;
	PGconn *conn;

	(void)state;
	need_live();
	postgres_start_inside(&inner);
	conn = pg_session(&inner, "postgres");
	pid = pg_outer_pid(&inner, PQbackendPID(conn));
	assert_int_not_equal(pid, 0);
	assert_int_not_equal(pid, PQbackendPID(conn));
	assert_int_equal(pg_clusters_new(&clusters, on_cluster, NULL), 0);
	assert_int_equal(pg_cluster_find(clusters, pid, &postmaster, &cluster), 0);
	assert_int_equal(postmaster, inner.pid);
	wait_idle((pid_t)pid, place_of(&cluster, (pid_t)pid));
	PQfinish(conn);
	pg_clusters_free(clusters);
	server_stop_inside(&inner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(all_names),
		cmocka_unit_test(in_a_namespace),
	};

	return cmocka_run_group_tests(tests, server_begin, server_end);
}
