/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells of a client is split among the owners of its requests: in the ledger on both sides of
 * a wait, and in the disks' counters, to the last request and byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/agg_view.h"
#include "user/lib/intern.h"
#include "user/split.h"

#define MS 1000000ULL

static const struct statement pg = { .protocol = PROTO_POSTGRESQL };
static const struct rec_owner backend = { 7, 1 }, other = { 7, 2 };
static struct intern *names;
static struct split s;
static struct owner reports, orders, rest, neighbour;

static struct owner owner_of(const char *tenant, const char *workflow)
{
	return (struct owner){ intern_id(names, str_of(tenant)), intern_id(names, str_of(workflow)),
			       intern_id(names, STR("/pg")) };
}

static int setup(void **state)
{
	(void)state;
	names = intern_new(64);
	s = (struct split){ bill_new(), agg_new(100, 1000), ledger_new(64) };
	reports = owner_of("acme", "reports");
	orders = owner_of("umbrella", "orders");
	rest = owner_of("system", "unattributed");
	neighbour = owner_of("globex", "unattributed");
	return !names || !s.bill || !s.agg || !s.ledger;
}

static int teardown(void **state)
{
	(void)state;
	bill_free(s.bill);
	agg_free(s.agg);
	ledger_free(s.ledger);
	intern_free(names);
	return 0;
}

static void slept(const struct rec_owner *of, struct owner owner, uint64_t block_ns)
{
	uint64_t parts[PART_MAX] = { [PART_CPU] = MS, [PART_BLOCK] = block_ns };
	struct subject subject = { .cgroup = of->cgroup, .client_cgroup = of->payer };

	bill_request(s.bill, owner,
		     &(struct event_request){ .role = ROLE_SERVER,
					      .subject = &subject,
					      .statement = &pg,
					      .parts_ns = parts });
}

static struct rec_io io_of(const struct rec_owner *of, uint64_t reads)
{
	struct rec_io r = { .owner = *of, .device = 8 << 20, .queue_ns = MS, .device_ns = 7 * MS };

	r.requests[IO_READ] = reads;
	r.bytes[IO_READ] = reads * 8192;
	r.buckets[20] = reads;
	return r;
}

static uint64_t reads_of(const struct agg_view *v, const char *tenant)
{
	for (size_t i = 0; i < v->ndisks; i++)
		if (!strcmp(v->disks[i].tenant, tenant))
			return v->disks[i].requests[IO_READ];
	return 0;
}

static void io_goes_to_requests(void **state)
{
	struct rec_io r = io_of(&backend, 403);
	uint64_t bytes = 0, reads = 0, count = 0, ns = 0;
	struct agg_view *v;

	(void)state;
	slept(&backend, reports, 3 * MS);
	slept(&backend, orders, MS);
	split_io(&s, &r, rest);
	/* Of one without requests, and one that took no time. */
	r = io_of(&other, 11);
	split_io(&s, &r, rest);
	r = io_of(&backend, 1);
	r.queue_ns = r.device_ns = 0;
	split_io(&s, &r, rest);
	assert_int_equal(agg_view_new(&v, s.agg, names), 0);
	assert_int_equal(reads_of(v, "acme"), 302);
	assert_int_equal(reads_of(v, "umbrella"), 101);
	assert_int_equal(reads_of(v, "system"), 12);
	for (size_t i = 0; i < v->ndisks; i++) {
		reads += v->disks[i].requests[IO_READ];
		bytes += v->disks[i].bytes[IO_READ];
		count += v->disks[i].time.count;
		ns += v->disks[i].queue_ns + v->disks[i].device_ns;
	}
	assert_int_equal(reads, 415);
	assert_int_equal(count, 415);
	assert_int_equal(bytes, 415 * 8192);
	assert_int_equal(ns, 16 * MS);
	agg_view_free(v);
}

static uint64_t waited(const char *waiter, const char *occupant, uint64_t *all)
{
	struct wait_row *rows;
	uint64_t ns = 0;
	size_t n;

	*all = 0;
	assert_int_equal(ledger_read(s.ledger, names, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		*all += rows[i].wait_ns;
		if (!strcmp(rows[i].waiter_workflow, waiter) &&
		    !strcmp(rows[i].occupant_workflow, occupant))
			ns += rows[i].wait_ns;
	}
	free(rows);
	return ns;
}

/* For a disk both sides are split by who slept in it, whatever they had the CPU for. */
static void waits_for_a_disk(void **state)
{
	struct event_wait w = { .resource = RESOURCE_DISK,
				.cause = WAIT_NEIGHBOUR,
				.waiter.owner = backend,
				.occupant.owner = other,
				.wait_ns = 80 * MS,
				.waits = 8 };
	struct rec_io io;
	uint64_t all;

	(void)state;
	slept(&backend, reports, 3 * MS);
	slept(&backend, orders, MS);
	slept(&other, orders, 5 * MS);
	io = io_of(&backend, 4);
	split_io(&s, &io, rest);
	io = io_of(&other, 4);
	split_io(&s, &io, neighbour);
	bill_sched(s.bill, &backend, 100 * MS, 0, NULL, NULL);
	bill_sched(s.bill, &other, 100 * MS, 0, NULL, NULL);
	split_wait(&s, &w, rest, neighbour);
	assert_int_equal(waited("reports", "orders", &all), 60 * MS);
	assert_int_equal(waited("orders", "orders", &all), 20 * MS);
	w.cause = WAIT_IDLE;
	w.wait_ns = 4 * MS;
	split_wait(&s, &w, rest, rest);
	assert_int_equal(waited("reports", "", &all), 3 * MS);
	assert_int_equal(all, 84 * MS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { T(io_goes_to_requests), T(waits_for_a_disk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
