/* SPDX-License-Identifier: Apache-2.0 */
/* Waits without a server to ask: records in any order, and the pieces still add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/pg_ask.h"

struct sums {
	uint64_t wait_ns;
	unsigned int waits;
	unsigned int pieces;
};

static void on_cluster(void *ctx, uint32_t postmaster, const struct pg_cluster *cluster)
{
	(void)ctx;
	(void)postmaster;
	(void)cluster;
}

static void on_piece(void *ctx, const struct pg_ask_piece *p)
{
	struct sums *s = ctx;

	assert_true(p->to_ns >= p->from_ns);
	assert_int_equal(p->nblockers, 0);
	s->wait_ns += p->to_ns - p->from_ns;
	s->waits += p->last;
	s->pieces++;
}

static struct pg_clusters *clusters;

static struct pg_ask *asker(struct sums *sums)
{
	struct pg_ask *a;

	memset(sums, 0, sizeof(*sums));
	assert_int_equal(pg_clusters_new(&clusters, on_cluster, NULL), 0);
	assert_int_equal(pg_ask_new(&a, &(struct pg_ask_config){ .after_ns = PG_ASK_AFTER_NS,
								 .clusters = clusters,
								 .fn = on_piece,
								 .ctx = sums }),
			 0);
	return a;
}

static void end(struct pg_ask *a)
{
	pg_ask_free(a);
	pg_clusters_free(clusters);
}

static void lock(struct pg_ask *a, enum lock_change change, uint32_t pid, uint64_t since_ns,
		 uint64_t time_ns)
{
	struct rec_lock r = { .hdr = { .kind = REC_LOCK, .len = sizeof(r), .time_ns = time_ns },
			      .pid = pid,
			      .server_pid = pid,
			      .since_ns = since_ns,
			      .change = change };

	assert_int_equal(pg_ask_lock(a, &r), 0);
}

static void a_wait(void **state)
{
	struct sums s;
	struct pg_ask *a = asker(&s);

	(void)state;
	assert_int_equal(pg_ask_due_ns(a), UINT64_MAX);
	lock(a, LOCK_WAIT, 1, 100, 100);
	pg_ask_poll(a, 200);
	assert_int_equal(s.pieces, 0);
	lock(a, LOCK_GOT, 1, 100, 350);
	assert_int_equal(s.waits, 1);
	assert_int_equal(s.wait_ns, 250);
	end(a);
}

/* A lost beginning, a lost end, a process that is gone, and clocks that go back. */
static void records_are_lost(void **state)
{
	struct sums s;
	struct pg_ask *a = asker(&s);

	(void)state;
	lock(a, LOCK_GOT, 1, 100, 130);
	assert_int_equal(s.wait_ns, 30);
	lock(a, LOCK_WAIT, 2, 100, 100);
	lock(a, LOCK_WAIT, 2, 300, 300); /* the first ended unseen, at the latest now */
	assert_int_equal(s.wait_ns, 230);
	pg_ask_exit(a, 2, 310);
	assert_int_equal(s.wait_ns, 240);
	pg_ask_exit(a, 2, 320);
	lock(a, LOCK_WAIT, 3, 500, 500);
	lock(a, LOCK_GOT, 3, 500, 400);
	assert_int_equal(s.wait_ns, 240);
	lock(a, LOCK_WAIT, 4, 600, 600);
	pg_ask_finish(a, 700);
	assert_int_equal(s.wait_ns, 340);
	assert_int_equal(s.waits, 5);
	end(a);
}

/* Over the limit waits are not followed; their ends tell the whole. */
static void many(void **state)
{
	struct sums s;
	struct pg_ask *a = asker(&s);

	(void)state;
	for (uint32_t pid = 1; pid <= 2 * PG_ASK_WAITS_MAX; pid++)
		lock(a, LOCK_WAIT, pid, 10, 10);
	for (uint32_t pid = 1; pid <= 2 * PG_ASK_WAITS_MAX; pid++)
		lock(a, LOCK_GOT, pid, 10, 20);
	assert_int_equal(s.waits, 2 * PG_ASK_WAITS_MAX);
	assert_int_equal(s.wait_ns, 20 * PG_ASK_WAITS_MAX);
	end(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait),
		cmocka_unit_test(records_are_lost),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
