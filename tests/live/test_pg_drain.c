/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals of wait events from the kernel's map: differences, sums over CPUs, and entries given back. The
 * map is a real one; what a program would add is put in by hand.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "probes/postgres/pg_stats.h"
#include "tests/live/server.h"
#include "user/drain_pg.h"

struct got {
	struct rec_event all[8];
	unsigned int n;
};

static int cpus;

static void on_record(void *ctx, const void *rec, size_t len)
{
	struct got *g = ctx;

	assert_int_equal(len, sizeof(struct rec_event));
	assert_true(g->n < 8);
	memcpy(&g->all[g->n++], rec, len);
}

static void put(int fd, const struct pg_sleep_key *key, uint64_t ns)
{
	struct pg_sleep_value *v = calloc((size_t)cpus, sizeof(*v));

	for (int i = 0; i < cpus; i++)
		v[i] = (struct pg_sleep_value){ .sleep_ns = ns, .run_queue_ns = 3, .sleeps = 1 };
	assert_int_equal(bpf_map_update_elem(fd, key, v, BPF_ANY), 0);
	free(v);
}

static struct got run(struct drain_pg *d)
{
	struct got g = { .n = 0 };

	assert_int_equal(drain_pg_run(d, 77, on_record, &g), 0);
	return g;
}

static void differences(void **state)
{
	struct pg_sleep_key key = { .cgroup = 5, .payer = 6, .pg_event = 0x030f0005 };
	struct pg_sleep_value *left;
	struct drain_pg *d;
	struct got g;
	int fd;

	(void)state;
	need_live();
	cpus = libbpf_num_possible_cpus();
	fd = bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "t", sizeof(key),
			    sizeof(struct pg_sleep_value), 16, NULL);
	assert_true(fd >= 0);
	assert_int_equal(drain_pg_new(&d, fd, cpus), 0);
	assert_int_equal(run(d).n, 0);
	put(fd, &key, 100);
	g = run(d);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.all[0].owner.cgroup, 5);
	assert_int_equal(g.all[0].owner.payer, 6);
	assert_int_equal(g.all[0].pg_event, key.pg_event);
	assert_int_equal(g.all[0].pg_major, 15);
	assert_int_equal(g.all[0].sleep_ns, 100 * cpus);
	assert_int_equal(g.all[0].run_queue_ns, 3 * cpus);
	assert_int_equal(g.all[0].sleeps, cpus);
	assert_int_equal(run(d).n, 0);
	/* The container goes: the entry does, and if it comes back it starts at nothing. */
	drain_pg_forget(d, 5);
	assert_int_equal(run(d).n, 0);
	left = calloc((size_t)cpus, sizeof(*left));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, left), -ENOENT);
	free(left);
	put(fd, &key, 7);
	g = run(d);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.all[0].sleep_ns, 7 * cpus);
	drain_pg_free(d);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(differences) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
