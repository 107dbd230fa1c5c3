/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's sums and those of request parts: exact at any limit, the largest stay, labels are never
 * repeated; parts add up; slow requests are told of, not too many. And what is made of them for people.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "probes/sock/parts.h"
#include "user/export_blame.h"
#include "user/ledger.h"
#include "user/lib/intern.h"
#include "user/parts.h"
#include "user/slow.h"

#define SECOND 1000000000ULL

static uint64_t rnd_state = 88172645463325252ULL;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static struct owner owner_of(struct intern *in, const char *tenant, const char *workflow)
{
	return (struct owner){ intern_id(in, str_of(tenant)), intern_id(in, str_of(workflow)), 0 };
}

static void sums_are_exact_at_any_limit(void **state)
{
	static const uint32_t limits[] = { 0, 1, 3, 50, 100000 };
	struct intern *names = intern_new(1000);
	char name[16];

	(void)state;
	for (size_t k = 0; k < sizeof(limits) / sizeof(*limits); k++) {
		struct ledger *l = ledger_new(limits[k]);
		uint64_t ns[RESOURCE_MAX][WAIT_CAUSE_MAX] = { 0 }, waits = 0;
		struct wait_row *rows;
		size_t n;

		for (int i = 0; i < 20000; i++) {
			struct event_wait w = { .resource = rnd() % RESOURCE_MAX,
						.cause = rnd() % WAIT_CAUSE_MAX,
						.wait_ns = rnd() % (i + 1),
						.waits = rnd() % 3 };
			struct owner a, b;

			snprintf(name, sizeof(name), "t%d", (int)(rnd() % 20));
			a = owner_of(names, name, rnd() % 2 ? "w" : "");
			snprintf(name, sizeof(name), "t%d", (int)(rnd() % 20));
			b = owner_of(names, name, "w");
			ledger_wait(l, &w, a, b);
			ns[w.resource][w.cause] += w.wait_ns;
			waits += w.waits;
		}
		assert_int_equal(ledger_read(l, names, &rows, &n), 0);
		assert_true(n <= limits[k] + RESOURCE_MAX * WAIT_CAUSE_MAX);
		for (size_t i = 0; i < n; i++) {
			ns[rows[i].resource][rows[i].cause] -= rows[i].wait_ns;
			waits -= rows[i].waits;
			assert_int_equal(!*rows[i].occupant_tenant,
					 rows[i].cause != WAIT_NEIGHBOUR &&
						 rows[i].cause != WAIT_SELF);
		}
		for (int r = 0; r < RESOURCE_MAX; r++)
			for (int c = 0; c < WAIT_CAUSE_MAX; c++)
				assert_int_equal(ns[r][c], 0);
		assert_int_equal(waits, 0);
		free(rows);
		ledger_clear(l);
		assert_int_equal(ledger_read(l, names, &rows, &n), 0);
		assert_int_equal(n, 0);
		free(rows);
		ledger_free(l);
	}
	intern_free(names);
}

/* Many small pairs came first; the large one gets its row all the same, and what it lost is in other. */
static void the_largest_stay(void **state)
{
	struct intern *names = intern_new(1000);
	struct ledger *l = ledger_new(10);
	struct event_wait w = { .cause = WAIT_NEIGHBOUR, .wait_ns = 10, .waits = 1 };
	struct owner big = owner_of(names, "big", "w");
	struct wait_row *rows;
	uint64_t kept = 0;
	char name[16];
	size_t n;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "small%d", i % 50);
		ledger_wait(l, &w, owner_of(names, name, "w"), big);
	}
	w.wait_ns = 100;
	for (int i = 0; i < 1000; i++)
		ledger_wait(l, &w, big, big);
	assert_int_equal(ledger_read(l, names, &rows, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].waiter_tenant, "big"))
			kept = rows[i].wait_ns;
	assert_true(kept >= 99000);
	free(rows);
	ledger_free(l);
	intern_free(names);
}

static void equal_names_are_one_row(void **state)
{
	struct intern *names = intern_new(100);
	struct ledger *l = ledger_new(10);
	struct event_wait w = { .cause = WAIT_IDLE, .wait_ns = 1, .waits = 1 };
	struct wait_row *rows;
	size_t n;

	(void)state;
	ledger_wait(l, &w, owner_of(names, "", ""), (struct owner){ 0 });
	ledger_wait(l, &w, owner_of(names, "unattributed", ""), owner_of(names, "x", "y"));
	assert_int_equal(ledger_read(l, names, &rows, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].wait_ns, 2);
	assert_string_equal(rows[0].waiter_workflow, "unattributed");
	free(rows);
	ledger_free(l);
	intern_free(names);
}

/* Whatever the kernel says they add up to the request's time. */
static void parts_add_up(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t queue = rnd() >> rnd() % 64, service = rnd() >> rnd() % 64, sum = 0;
		__u64 off[PART_MAX];
		uint64_t parts[PART_MAX];

		for (int part = 0; part < PART_MAX; part++)
			off[part] = rnd() % 3 ? 0 : rnd() >> rnd() % 64;
		parts_fill(parts, i % 5 ? off : NULL, queue, service);
		for (int part = 0; part < PART_MAX; part++)
			sum += parts[part];
		assert_true(sum == queue + service);
		assert_true(parts[PART_QUEUE] <= queue);
		assert_true(parts[PART_QUEUE] >=
			    queue - (i % 5 && off[0] < queue ? off[0] : queue));
	}
}

/* A backend that slept got a CPU 30 ns after the request arrived, and lost it for 20 ns later. */
static void a_wait_for_a_cpu_before_the_read_is_no_queue(void **state)
{
	const __u64 off[PART_MAX] = { [PART_QUEUE] = 30, [PART_RUN_NEIGHBOUR] = 50 };
	uint64_t parts[PART_MAX];

	(void)state;
	parts_fill(parts, off, 35, 100);
	assert_int_equal(parts[PART_QUEUE], 5);
	assert_int_equal(parts[PART_RUN_NEIGHBOUR], 50);
	assert_int_equal(parts[PART_CPU], 80);
	parts_fill(parts, off, 10, 100); /* it waited before there was a request */
	assert_int_equal(parts[PART_QUEUE], 0);
	assert_int_equal(parts[PART_CPU], 60);
}

/* Packets took the CPU for 15 ns; or, as the clock of softirqs says, for longer than there was time. */
static void what_packets_took_is_no_cpu_time(void **state)
{
	const __u64 off[PART_WIRE_MAX] = { [PART_CPU] = 15, [PART_OTHER] = 5 };
	uint64_t parts[PART_MAX];

	(void)state;
	parts_fill(parts, off, 10, 100);
	assert_int_equal(parts[PART_QUEUE], 10);
	assert_int_equal(parts[PART_SOFTIRQ], 15);
	assert_int_equal(parts[PART_OTHER], 5);
	assert_int_equal(parts[PART_CPU], 80);
	parts_fill(parts, off, 10, 10);
	assert_int_equal(parts[PART_SOFTIRQ], 7);
	assert_int_equal(parts[PART_OTHER], 2);
	assert_int_equal(parts[PART_CPU], 1);
}

static void parts_are_summed_exactly(void **state)
{
	static const char *const operations[] = { "GET", "SET", "SELECT", "INSERT" };
	struct intern *names = intern_new(100);

	(void)state;
	for (uint32_t limit = 0; limit < 40; limit += 13) {
		struct parts *p = parts_new(limit);
		uint64_t want[PART_MAX] = { 0 }, count = 0;
		struct part_row *rows;
		size_t n;

		for (int i = 0; i < 5000; i++) {
			struct statement st = { .protocol = rnd() % PROTO_MAX,
						.operation = operations[rnd() % 4] };
			uint64_t parts[PART_MAX];
			struct event_request r = { .statement = &st, .parts_ns = parts };

			for (int part = 0; part < PART_MAX; part++)
				want[part] += parts[part] = rnd() % 1000;
			parts_request(p, owner_of(names, rnd() % 2 ? "a" : "b", "w"), &r);
			r.parts_ns = NULL;
			parts_request(p, owner_of(names, "a", "w"), &r);
			count++;
		}
		assert_int_equal(parts_read(p, names, &rows, &n), 0);
		assert_true(n <= limit + PROTO_MAX);
		for (size_t i = 0; i < n; i++) {
			count -= rows[i].count;
			for (int part = 0; part < PART_MAX; part++)
				want[part] -= rows[i].parts_ns[part];
		}
		assert_int_equal(count, 0);
		for (int part = 0; part < PART_MAX; part++)
			assert_int_equal(want[part], 0);
		free(rows);
		parts_free(p);
	}
	intern_free(names);
}

static void slow_by_a_given_time(void **state)
{
	struct slow *s = slow_new(1000);
	struct owner o = { 1, 2, 3 };
	uint64_t left = 7;
	int told = 0;

	(void)state;
	assert_false(slow_take(s, o, 1000, SECOND, &left));
	for (int i = 0; i < 50; i++)
		told += slow_take(s, o, 1001, SECOND + i, &left);
	assert_int_equal(told, SLOW_PER_SECOND);
	assert_int_equal(left, 0);
	assert_int_equal(slow_left_out(s), 30);
	assert_true(slow_take(s, o, 1001, 3 * SECOND, &left));
	assert_int_equal(left, 30);
	assert_int_equal(slow_left_out(s), 0);
	slow_free(s);
}

static void slow_by_its_own_workflow(void **state)
{
	struct slow *s = slow_new(0);
	struct owner fast = { 1, 2, 3 }, lazy = { 1, 4, 3 };
	uint64_t left;

	(void)state;
	for (int i = 0; i < SLOW_COUNT_MIN; i++) {
		assert_false(slow_take(s, fast, 1000000, SECOND, &left));
		assert_false(slow_take(s, lazy, 100000000, SECOND, &left));
	}
	assert_true(slow_take(s, fast, 2000000, SECOND, &left));
	assert_false(slow_take(s, lazy, 2000000, SECOND, &left));
	assert_true(slow_take(s, lazy, 200000000, SECOND, &left));
	slow_free(s);
}

static void blame_for_people(void **state)
{
	static const struct wait_row rows[] = {
		{ RESOURCE_CPU, WAIT_NEIGHBOUR, "acme", "warehouse", "globex", "report",
		  28520000000, 5 },
		{ RESOURCE_CPU, WAIT_IDLE, "acme", "warehouse", "", "", 2480000000, 5 },
		{ RESOURCE_LOCK, WAIT_NEIGHBOUR, "acme", "warehouse", "globex", "invoicing",
		  8100000000, 1 },
		{ RESOURCE_SOFTIRQ, WAIT_NEIGHBOUR, "acme", "warehouse", "noisy", "other",
		  1500000000, 900 },
		{ RESOURCE_SOFTIRQ, WAIT_KERNEL, "acme", "warehouse", "", "", 500000000, 100 },
		{ RESOURCE_CPU, WAIT_QUOTA, "e\x1b[2J", "w", "", "", 99000000000, 1 },
	};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(export_blame_write(out, rows, 6), 0);
	fclose(out);
	assert_string_equal(
		text, "e?[2J/w waited 99.0 s: 99.0 s for CPU beyond its own quota\n"
		      "acme/warehouse waited 41.1 s: 31.0 s for CPU held by globex/report "
		      "(92 %), 8.10 s for a lock held by globex/invoicing, 2.00 s for its CPU "
		      "back from packets of noisy/other (75 %)\n"
		      "\n"
		      "                globex/report  globex/invoicing  noisy/other   (idle)  "
		      "(kernel)  (quota)\n"
		      "e?[2J/w                     .                 .            .        .  "
		      "       .   99.0 s\n"
		      "acme/warehouse         28.5 s            8.10 s       1.50 s   2.48 s  "
		      "  500 ms        .\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_exact_at_any_limit),
		cmocka_unit_test(the_largest_stay),
		cmocka_unit_test(equal_names_are_one_row),
		cmocka_unit_test(parts_add_up),
		cmocka_unit_test(a_wait_for_a_cpu_before_the_read_is_no_queue),
		cmocka_unit_test(what_packets_took_is_no_cpu_time),
		cmocka_unit_test(parts_are_summed_exactly),
		cmocka_unit_test(slow_by_a_given_time),
		cmocka_unit_test(slow_by_its_own_workflow),
		cmocka_unit_test(blame_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
