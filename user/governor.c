/* SPDX-License-Identifier: Apache-2.0 */
/* See governor.h. What can be afforded is the budget over what a unit was seen to cost. */
#include "user/governor.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "probes/sock/allow_stats.h"
#include "user/lib/clock.h"

#define SMOOTH 0.5	/* weight of the newest price */
#define AIM 0.9		/* of what details may cost */
#define DETAILS_MIN 0.5 /* of the budget, that they may whatever the rest costs */
#define ROOM 0.7	/* below this part of the budget a tier may come back ... */
#define CALM_SAMPLES 10 /* ... after as many samples in a row */
#define SPARE 1.3	/* times what is wanted: then there is room for all */
#define RECORDS_MIN 10	/* a second, that each may have whatever it costs */
#define UNITS_MIN 64000 /* a thousand records: fewer say nothing of what one costs */
#define NO_LIMIT 1e18
#define BURST_WINDOWS 60 /* half a second's worth can be saved up */
#define BURST_RECORDS 8	 /* at least */
#define WINDOWS_PER_SEC ((double)NS_PER_SEC / (1 << ALLOW_WINDOW_SHIFT))

static const char *const names[TIER_MAX] = {
	[TIER_ALL] = "none", [TIER_TEXT] = "text", [TIER_REQUESTS] = "requests"
};

const char *governor_tier_name(unsigned int tier)
{
	return tier < TIER_MAX ? names[tier] : "unknown";
}

void governor_init(struct governor *g, const struct governor_config *cfg)
{
	*g = (struct governor){ .cfg = *cfg };
}

void governor_free(struct governor *g)
{
	free(g->sorted);
	*g = (struct governor){ 0 };
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool sort(struct governor *g, const struct governor_sample *s)
{
	if (s->nwanted > g->room) {
		uint64_t *sorted = realloc(g->sorted, s->nwanted * sizeof(*sorted));

		if (!sorted)
			return false;
		g->sorted = sorted;
		g->room = s->nwanted;
	}
	if (s->nwanted)
		memcpy(g->sorted, s->wanted, s->nwanted * sizeof(*g->sorted));
	qsort(g->sorted, s->nwanted, sizeof(*g->sorted), by_size);
	return true;
}

/* The level such that the smaller of it and of what each wants add up to `share`; all wanted more than that. */
static double level(const uint64_t *sorted, size_t n, double share, double seconds)
{
	for (size_t i = 0; i < n; i++) {
		double wanted = sorted[i] / seconds, even = share / (n - i);

		if (wanted > even)
			return even;
		share -= wanted;
	}
	return share;
}

static double sum(const struct governor_sample *s)
{
	double units = 0;

	for (size_t i = 0; i < s->nwanted; i++)
		units += s->wanted[i];
	return units;
}

static void change(struct governor *g, enum governor_tier tier)
{
	g->tier = tier;
	g->calm = 0;
}

static void calm_count(struct governor *g, bool calm)
{
	g->calm = calm ? g->calm + 1 : 0;
}

static double smooth(double old, double now)
{
	return old > 0 ? old + SMOOTH * (now - old) : now;
}

/* What a unit costs hardly changes: so what can be afforded is known at once, however far off it was. */
static void prices_adapt(struct governor *g, const struct governor_sample *s, double seconds)
{
	double budget = g->cfg.budget_ns, rest = s->rest_ns / seconds;
	double room = rest < budget * (1 - DETAILS_MIN) ? budget - rest : budget * DETAILS_MIN;
	double least = (double)s->nwanted * RECORDS_MIN * ALLOW_RECORD;

	g->price = smooth(g->price, (s->details_ns / seconds + rest) / budget);
	if (s->spent >= UNITS_MIN)
		g->unit_ns = smooth(g->unit_ns, (double)s->details_ns / s->spent);
	g->share = g->unit_ns > 0 ? AIM * room / g->unit_ns : NO_LIMIT;
	if (g->share < least)
		g->share = least;
}

static void tier_adapt(struct governor *g, const struct governor_sample *s, double seconds)
{
	switch (g->tier) {
	case TIER_ALL:
		if (g->price > 1)
			change(g, TIER_TEXT);
		return;
	case TIER_TEXT:
		calm_count(g, g->price < ROOM);
		if (g->price > 1) {
			change(g, TIER_REQUESTS);
		} else if (g->calm >= CALM_SAMPLES) {
			change(g, TIER_ALL);
		}
		return;
	default:
		calm_count(g, g->share > sum(s) / seconds * SPARE && g->price < 1);
		if (g->calm >= CALM_SAMPLES)
			change(g, TIER_TEXT);
	}
}

static uint32_t bounded(double value, double least, uint32_t most)
{
	value = value < least ? least : value;
	return value < most ? (uint32_t)value : most;
}

struct governor_verdict governor_step(struct governor *g, const struct governor_sample *s)
{
	double seconds = (double)s->span_ns / NS_PER_SEC, rate = g->cfg.rate_max;
	struct governor_verdict v = { .text_bytes = UINT32_MAX };

	if (g->cfg.budget_ns && s->span_ns) {
		prices_adapt(g, s, seconds);
		tier_adapt(g, s, seconds);
	}
	v.tier = g->tier;
	if (g->tier >= TIER_TEXT)
		v.text_bytes = GOVERNOR_TEXT_BYTES;
	if (g->tier == TIER_REQUESTS && g->share < sum(s) / seconds && sort(g, s))
		rate = level(g->sorted, s->nwanted, g->share, seconds) / WINDOWS_PER_SEC;
	v.rate = bounded(rate, 1, g->cfg.rate_max);
	v.burst = bounded((double)v.rate * BURST_WINDOWS, BURST_RECORDS * ALLOW_RECORD,
			  g->cfg.burst_max);
	return v;
}
