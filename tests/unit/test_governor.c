/* SPDX-License-Identifier: Apache-2.0 */
/* The governor: tiers go and come back in order, shares are fair, and the price settles at the budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "probes/sock/allow_stats.h"
#include "user/governor.h"

#define SECOND 1000000000ULL
#define BUDGET (SECOND / 50)
#define CONTAINERS 4

/* A node: what its containers want, and what a unit costs it. */
struct node {
	struct governor g;
	struct governor_verdict v;
	uint64_t wanted[CONTAINERS];
	uint64_t got[CONTAINERS];
	double count_ns; /* a second, of the programs, whatever is told */
	double unit_ns;
};

static const struct governor_config config = { .budget_ns = BUDGET,
					       .rate_max = 1 << 15,
					       .burst_max = 1 << 19 };

static uint64_t second(struct node *n)
{
	struct governor_sample s = { .span_ns = SECOND,
				     .wanted = n->wanted,
				     .nwanted = CONTAINERS };
	uint64_t most = (uint64_t)n->v.rate * SECOND >> ALLOW_WINDOW_SHIFT;

	for (int i = 0; i < CONTAINERS; i++) {
		n->got[i] = n->wanted[i] < most ? n->wanted[i] : most;
		s.spent += n->got[i];
	}
	s.rest_ns = n->count_ns;
	s.details_ns = n->unit_ns * s.spent;
	n->v = governor_step(&n->g, &s);
	return s.rest_ns + s.details_ns;
}

static uint64_t seconds(struct node *n, int count)
{
	uint64_t price = 0;

	while (count--)
		price = second(n);
	return price;
}

static struct node node_of(const struct governor_config *cfg)
{
	struct node n = { .v = { .rate = cfg->rate_max }, .unit_ns = 2000.0 / ALLOW_RECORD };

	governor_init(&n.g, cfg);
	for (int i = 0; i < CONTAINERS; i++)
		n.wanted[i] = 1000 * ALLOW_RECORD;
	return n;
}

static void within_the_budget_all_is_had(void **state)
{
	struct node n = node_of(&config);

	(void)state;
	seconds(&n, 30);
	assert_int_equal(n.v.tier, TIER_ALL);
	assert_int_equal(n.v.rate, config.rate_max);
	assert_true(n.v.text_bytes > 1 << 20);
	governor_free(&n.g);
}

/* One of four asks for twenty times as much: the others have all that they ask for, the price is the budget. */
static void a_flood_costs_nobody_else(void **state)
{
	struct node n = node_of(&config);
	uint64_t price;

	(void)state;
	seconds(&n, 5);
	n.wanted[2] = 20000 * ALLOW_RECORD;
	second(&n);
	assert_int_equal(n.v.tier, TIER_TEXT);
	second(&n);
	assert_int_equal(n.v.tier, TIER_REQUESTS);
	for (int i = 0; i < 20; i++) {
		price = second(&n);
		for (int k = 0; k < CONTAINERS; k++)
			if (k != 2)
				assert_int_equal(n.got[k], n.wanted[k]);
	}
	assert_true(price <= BUDGET);
	assert_true(price > BUDGET * 8 / 10);
	assert_true(n.got[2] > n.got[0]);
	assert_true(n.got[2] < n.wanted[2]);
	governor_free(&n.g);
}

static void what_was_shed_comes_back_in_order(void **state)
{
	struct node n = node_of(&config);
	enum governor_tier last = TIER_REQUESTS;
	int changes = 0;

	(void)state;
	n.wanted[0] = 50000 * ALLOW_RECORD;
	seconds(&n, 10);
	assert_int_equal(n.v.tier, TIER_REQUESTS);
	n.wanted[0] = 1000 * ALLOW_RECORD;
	for (int i = 0; i < 60; i++) {
		second(&n);
		assert_true(n.v.tier <= last);
		changes += n.v.tier != last;
		last = n.v.tier;
	}
	assert_int_equal(last, TIER_ALL);
	assert_int_equal(changes, 2);
	assert_int_equal(n.v.rate, config.rate_max);
	governor_free(&n.g);
}

/* A load at the edge does not make it swing. */
static void it_does_not_swing(void **state)
{
	struct node n = node_of(&config);
	enum governor_tier last;
	int changes = 0;

	(void)state;
	n.wanted[0] = 9000 * ALLOW_RECORD; /* 12,000 records at 2 us: 120 % of the budget */
	seconds(&n, 10);
	last = n.v.tier;
	for (int i = 0; i < 600; i++) {
		n.wanted[0] = (i % 3 ? 9000 : 8000) * ALLOW_RECORD;
		second(&n);
		changes += n.v.tier != last;
		last = n.v.tier;
	}
	assert_int_equal(changes, 0);
	governor_free(&n.g);
}

/* Counting alone costs more than the budget: half of it is for details all the same. */
static void counting_takes_all(void **state)
{
	struct node n = node_of(&config);
	double half = BUDGET / 2 / n.unit_ns, sum = 0;

	(void)state;
	n.count_ns = 3 * BUDGET;
	n.wanted[1] = 30000 * ALLOW_RECORD;
	seconds(&n, 60);
	assert_int_equal(n.v.tier, TIER_REQUESTS);
	for (int i = 0; i < CONTAINERS; i++) {
		sum += n.got[i];
		assert_true(i == 1 || n.got[i] == n.wanted[i]);
	}
	assert_true(sum > half * 8 / 10 && sum <= half);
	governor_free(&n.g);
}

/* Details cost far more than they may: each container has a few all the same. */
static void the_least_stays(void **state)
{
	struct node n = node_of(&config);

	(void)state;
	n.unit_ns *= 1000;
	seconds(&n, 60);
	assert_int_equal(n.v.tier, TIER_REQUESTS);
	for (int i = 0; i < CONTAINERS; i++) {
		assert_true(n.got[i] >= 9 * ALLOW_RECORD);
		assert_true(n.got[i] < 20 * ALLOW_RECORD);
	}
	governor_free(&n.g);
}

static void without_a_budget_the_lanes_are_the_limit(void **state)
{
	struct governor_config cfg = config;
	struct node n;

	(void)state;
	cfg.budget_ns = 0;
	n = node_of(&cfg);
	n.wanted[0] = 1000000 * ALLOW_RECORD;
	seconds(&n, 20);
	assert_int_equal(n.v.tier, TIER_ALL);
	assert_int_equal(n.v.rate, cfg.rate_max);
	assert_int_equal(n.v.burst, cfg.burst_max);
	governor_free(&n.g);
}

static void nobody_asks(void **state)
{
	struct governor g;
	struct governor_verdict v;

	(void)state;
	governor_init(&g, &config);
	for (int i = 0; i < 5; i++)
		v = governor_step(&g, &(struct governor_sample){ .span_ns = SECOND,
								 .rest_ns = 2 * BUDGET });
	assert_int_equal(v.tier, TIER_REQUESTS);
	assert_true(v.rate >= 1);
	v = governor_step(&g, &(struct governor_sample){ 0 });
	assert_true(v.rate >= 1);
	governor_free(&g);
}

static void tiers_have_names(void **state)
{
	(void)state;
	assert_string_equal(governor_tier_name(TIER_ALL), "none");
	assert_string_equal(governor_tier_name(TIER_TEXT), "text");
	assert_string_equal(governor_tier_name(TIER_REQUESTS), "requests");
	assert_string_equal(governor_tier_name(TIER_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(within_the_budget_all_is_had),
		cmocka_unit_test(a_flood_costs_nobody_else),
		cmocka_unit_test(what_was_shed_comes_back_in_order),
		cmocka_unit_test(it_does_not_swing),
		cmocka_unit_test(counting_takes_all),
		cmocka_unit_test(the_least_stays),
		cmocka_unit_test(without_a_budget_the_lanes_are_the_limit),
		cmocka_unit_test(nobody_asks),
		cmocka_unit_test(tiers_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
