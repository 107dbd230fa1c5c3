/* SPDX-License-Identifier: Apache-2.0 */
/* Billing: shares add up, each owner gets its own, and what is nobody's is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/bill.h"

#define MS 1000000ULL

static const struct statement redis = { .protocol = PROTO_REDIS };
static const struct statement pg = { .protocol = PROTO_POSTGRESQL };
static const struct statement web = { .protocol = PROTO_HTTP };
static const struct owner acme = { .tenant = 10 }, globex = { .tenant = 11 };
static struct bill *bill;
static uint64_t got[16], rest, waited[16];

static void take(void *ctx, struct owner owner, uint64_t ns)
{
	(void)ctx;
	got[owner.tenant] += ns;
}

static void take_wait(void *ctx, struct owner owner, uint64_t ns)
{
	(void)ctx;
	waited[owner.tenant] += ns;
}

static void used_and_waited(uint64_t cgroup, uint64_t payer, uint64_t ns, uint64_t wait_ns)
{
	memset(got, 0, sizeof(got));
	rest = bill_sched(bill, &(struct rec_owner){ cgroup, payer }, ns, wait_ns, take, NULL);
}

static void used(uint64_t cgroup, uint64_t payer, uint64_t ns)
{
	used_and_waited(cgroup, payer, ns, 0);
}

/* What bill_split() makes of ns, in waited[]; its rest is returned. */
static uint64_t split(uint64_t cgroup, uint64_t payer, enum bill_kind kind, uint64_t ns)
{
	memset(waited, 0, sizeof(waited));
	return bill_split(bill, &(struct rec_owner){ cgroup, payer }, kind, ns, take_wait, NULL);
}

static void open_for(const struct statement *st, uint64_t cgroup, uint64_t client,
		     struct owner owner, uint64_t ns)
{
	struct subject s = { .cgroup = cgroup, .client_cgroup = client };

	bill_open(bill, owner,
		  &(struct event_open){ .of = { .subject = &s, .statement = st }, .open_ns = ns });
}

static void answered(const struct statement *st, uint64_t cgroup, uint64_t client,
		     struct owner owner, uint64_t ns, uint32_t turns)
{
	struct subject s = { .cgroup = cgroup, .client_cgroup = client };
	uint64_t parts[PART_MAX] = { [PART_CPU] = ns,
				     [PART_BLOCK] = 7 * MS,
				     [PART_RUN_NEIGHBOUR] = ns / 2,
				     [PART_RUN_IDLE] = ns / 2 };
	struct event_request r = { .role = ROLE_SERVER, .subject = &s, .statement = st };

	if (st == &redis) {
		r.busy_ns = ns;
		r.turns = turns;
	} else {
		r.parts_ns = parts;
	}
	bill_request(bill, owner, &r);
}

static int setup(void **state)
{
	(void)state;
	bill = bill_new();
	return !bill;
}

static int teardown(void **state)
{
	(void)state;
	bill_free(bill);
	return 0;
}

static void a_thread_is_split(void **state)
{
	(void)state;
	answered(&redis, 7, 1, acme, 30 * MS, 10);
	answered(&redis, 7, 2, globex, 10 * MS, 30);
	/* 4 ms around 40 turns are divided by turns; more than 100 us each is the server's own. */
	used(7, 0, 42 * MS);
	assert_int_equal(got[10], 30500000);
	assert_int_equal(got[11], 11500000);
	assert_int_equal(rest, 0);
	answered(&redis, 7, 1, acme, 30 * MS, 10);
	used(7, 0, 90 * MS);
	assert_int_equal(got[10], 31 * MS);
	assert_int_equal(rest, 59 * MS);
	/* It did not have the CPU all the time. */
	answered(&redis, 7, 1, acme, 30 * MS, 1);
	answered(&redis, 7, 1, globex, 90 * MS, 1);
	used(7, 0, 40 * MS);
	assert_int_equal(got[10], 10 * MS);
	assert_int_equal(got[11], 30 * MS);
	used(7, 0, 5 * MS);
	assert_int_equal(rest, 5 * MS);
}

static void an_open_request_is_billed_ahead(void **state)
{
	(void)state;
	answered(&pg, 7, 1, globex, MS, 0);
	open_for(&pg, 7, 1, acme, 1000 * MS);
	used(7, 1, 801 * MS);
	assert_int_equal(got[11], MS + 20000);
	assert_int_equal(got[10], 800 * MS - 20000);
	bill_open_begin(bill);
	open_for(&pg, 7, 1, acme, 1000 * MS);
	used(7, 1, 900 * MS);
	assert_int_equal(got[10], 900 * MS);
	/* Now it is known that it used 1,750 ms in all: 50 more than was billed. */
	bill_open_begin(bill);
	answered(&pg, 7, 1, acme, 1750 * MS - 20000, 0);
	answered(&pg, 7, 1, globex, 10 * MS, 0);
	used(7, 1, 60 * MS);
	assert_int_equal(got[10], 50 * MS);
	assert_int_equal(got[11], 10 * MS);
	/* Of a server that works for several it gets no more than the time that it was open. */
	open_for(&redis, 7, 1, acme, 100 * MS);
	used(7, 0, 130 * MS);
	assert_int_equal(got[10], 100 * MS);
	assert_int_equal(rest, 30 * MS);
}

static void waits_are_split_alike(void **state)
{
	struct owner most;

	(void)state;
	answered(&pg, 7, 1, acme, 30 * MS, 0);
	answered(&pg, 7, 1, globex, 10 * MS, 0);
	used_and_waited(7, 1, 40 * MS, 80 * MS);
	/* Half of its waits was measured; for whom the other half was is not known. */
	assert_int_equal(split(7, 1, BILL_WAIT, 8 * MS), 4 * MS);
	assert_int_equal(waited[10], 3 * MS);
	assert_int_equal(waited[11], 1 * MS);
	assert_int_equal(split(7, 1, BILL_CPU, 4 * MS), 0);
	assert_int_equal(waited[10], 3 * MS);
	assert_true(bill_most(bill, &(struct rec_owner){ 7, 1 }, &most));
	assert_int_equal(most.tenant, 10);
	/* A second in which nothing was answered. */
	used_and_waited(7, 1, 5 * MS, 5 * MS);
	assert_int_equal(split(7, 1, BILL_CPU, 4 * MS), 4 * MS);
	assert_false(bill_most(bill, &(struct rec_owner){ 7, 1 }, &most));
	assert_int_equal(split(9, 1, BILL_CPU, 4 * MS), 4 * MS);
}

static void payers_and_strangers(void **state)
{
	(void)state;
	assert_false(bill_is_server(bill, 7));
	answered(&pg, 7, 1, acme, 3 * MS, 0);
	answered(&pg, 7, 0, globex, 5 * MS, 0);
	assert_true(bill_is_server(bill, 7));
	/* All that was done for the payer is its requests'. */
	used(7, 1, 100 * MS);
	assert_int_equal(got[10], 100 * MS);
	/* From another node: by what its requests took; background workers are among the rest. */
	used(7, 0, 80 * MS);
	assert_int_equal(got[11], 5020000);
	assert_int_equal(rest, 74980000);
	answered(&web, 8, 1, acme, MS, 0);
	assert_false(bill_is_server(bill, 8));
	/* An application's requests are told apart, too; what it does besides is its own. */
	used(8, 0, 3 * MS);
	assert_int_equal(got[10], 1020000);
	assert_int_equal(rest, 1980000);
	bill_forget(bill, 7);
	assert_false(bill_is_server(bill, 7));
}

static uint64_t io(uint64_t cgroup, uint64_t payer, uint64_t ns)
{
	memset(waited, 0, sizeof(waited));
	return bill_io(bill, &(struct rec_owner){ cgroup, payer }, ns, take_wait, NULL);
}

/* Each answered request slept for 7 ms in block I/O. */
static void io_is_split_by_sleep(void **state)
{
	(void)state;
	assert_int_equal(io(7, 1, 70 * MS), 70 * MS);
	answered(&pg, 7, 1, acme, MS, 0);
	answered(&pg, 7, 1, acme, MS, 0);
	answered(&pg, 7, 1, globex, MS, 0);
	/* The device worked ahead of them: all of a client's I/O is its requests'. */
	assert_int_equal(io(7, 1, 210 * MS), 0);
	assert_int_equal(waited[10], 140 * MS);
	assert_int_equal(waited[11], 70 * MS);
	/* Another disk, and the waits for both. */
	assert_int_equal(io(7, 1, 3 * MS), 0);
	assert_int_equal(waited[10], 2 * MS);
	used(7, 1, 3 * MS);
	assert_int_equal(split(7, 1, BILL_BLOCK, 6 * MS), 0);
	assert_int_equal(waited[11], 2 * MS);
	/* Nobody slept: for which of them it was is not known. */
	assert_int_equal(io(7, 1, 9 * MS), 9 * MS);
	/* A server's own I/O is billed to clients of other nodes for no more than they slept. */
	used(7, 1, 0);
	answered(&pg, 7, 0, globex, MS, 0);
	assert_int_equal(io(7, 0, 50 * MS), 43 * MS);
	assert_int_equal(waited[11], 7 * MS);
}

static void io_of_an_open_request(void **state)
{
	(void)state;
	open_for(&pg, 7, 1, acme, 1000 * MS);
	assert_int_equal(io(7, 1, 3000 * MS), 0);
	assert_int_equal(waited[10], 3000 * MS);
	used(7, 1, 5 * MS);
	/* It was for less than that. The next one is billed anew all the same. */
	bill_open_begin(bill);
	answered(&pg, 7, 1, acme, MS, 0);
	used(7, 1, 5 * MS);
	answered(&pg, 7, 1, acme, MS, 0);
	answered(&pg, 7, 1, globex, MS, 0);
	assert_int_equal(io(7, 1, 14 * MS), 0);
	assert_int_equal(waited[10], 7 * MS);
	assert_int_equal(waited[11], 7 * MS);
}

/* Whatever comes, no nanosecond is lost or made. */
static void sums_are_exact(void **state)
{
	uint64_t in = 0, out = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		uint64_t ns = rand() % (1 + i % 7 * 50 * MS);

		for (int j = rand() % 5; j; j--)
			answered(j % 2 ? &redis : &pg, 1 + rand() % 4, rand() % 3,
				 (struct owner){ .tenant = rand() % 16 }, rand() % (50 * MS),
				 rand() % 3);
		if (rand() % 3 == 0)
			bill_open_begin(bill);
		if (rand() % 3 == 0)
			open_for(&pg, 1 + rand() % 4, rand() % 3,
				 (struct owner){ .tenant = rand() % 16 }, rand() % (90 * MS));
		in += ns;
		out += io(1 + rand() % 4, rand() % 3, ns);
		for (int j = 0; j < 16; j++)
			out += waited[j];
		in += ns;
		used(1 + rand() % 4, rand() % 3, ns);
		for (int j = 0; j < 16; j++)
			out += got[j];
		out += rest;
	}
	assert_int_equal(out, in);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_thread_is_split),	  T(an_open_request_is_billed_ahead),
		T(waits_are_split_alike), T(payers_and_strangers),
		T(io_is_split_by_sleep),  T(io_of_an_open_request),
		T(sums_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
