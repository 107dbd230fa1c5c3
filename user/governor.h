/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The governor keeps the tracer within its budget. In: once a second, what the tracer cost, and what each container
 * asked for and got. Out: what to do without (tiers), and how fast the containers' allowances fill. Knows neither
 * the kernel nor the agent: the same samples give the same verdicts.
 *
 * The tiers, in the order in which they are shed; they come back the other way round:
 *	text      statements are cut after GOVERNOR_TEXT_BYTES
 *	requests  some requests of the containers that ask for most are counted only, without a record
 *
 * Fair shares: one rate for all containers is found such that what they have together is what can be afforded
 * (max-min fairness). Who asks for less than that has all, only who asks for more is cut: a container that
 * floods costs no other anything. Counting costs, too: were that more than the budget by itself, details would
 * save nothing any more, so half of the budget is theirs whatever the counting takes.
 */
#ifndef TALLYMAN_GOVERNOR_H
#define TALLYMAN_GOVERNOR_H

#include <stddef.h>
#include <stdint.h>

#define GOVERNOR_TEXT_BYTES 256

enum governor_tier { TIER_ALL, TIER_TEXT, TIER_REQUESTS, TIER_MAX };

/* A unit is one of probes/sock/allow_stats.h, and so is a window. */
struct governor_config {
	uint64_t budget_ns; /* of CPU time in a second; 0: no limit but the lanes' room */
	uint32_t rate_max;  /* units that a window adds at the most ... */
	uint32_t burst_max; /* ... and that can be saved up: what the lanes have room for */
};

struct governor_sample {
	uint64_t span_ns; /* since the last sample */
	uint64_t details_ns; /* CPU time in it: the agent's for the records of single requests, and ... */
	uint64_t rest_ns; /* ... all else: its drains, and the BPF programs, which count what has no details, too */
	uint64_t spent; /* units, of all containers */
	const uint64_t
		*wanted; /* units that one container wanted on one CPU, in no order; no zeros */
	size_t nwanted;
};

struct governor_verdict {
	enum governor_tier tier;
	uint32_t text_bytes; /* of a statement: it is cut there */
	uint32_t rate;	/* units that a window adds to each container's allowance on each CPU */
	uint32_t burst; /* units that an allowance holds */
};

struct governor {
	struct governor_config cfg;
	enum governor_tier tier;
	double price;	   /* of the budget, smoothed: 1 is all of it */
	double unit_ns;	   /* what one costs; the same */
	double share;	   /* units a second that all may have together, in TIER_REQUESTS */
	unsigned int calm; /* samples in a row that showed room for the tier below */
	uint64_t *sorted;
	size_t room;
};

void governor_init(struct governor *g, const struct governor_config *cfg);
void governor_free(struct governor *g);

/* What to do until the next sample. Out of memory: what is allowed without a limit. */
struct governor_verdict governor_step(struct governor *g, const struct governor_sample *sample);

/* "none", "text", "requests": what is done without, each with those before it. */
const char *governor_tier_name(unsigned int tier);

#endif
