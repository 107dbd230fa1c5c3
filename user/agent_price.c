/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own CPU time is the kernel's account of the process. Its programs' is known only while the kernel
 * keeps statistics, which themselves cost: it does for one second of PROGRAMS_EVERY; in the others it is what it was
 * then, by how many events there are. What the statistics add to a run's time stands for what they do not
 * see: the way from the tracepoint to the program.
 */
#include "user/agent_price.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probes/sock/allow_stats.h"
#include "user/export_info.h"
#include "user/governor.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"

#define STEP_NS (NS_PER_SEC * 9 / 10) /* drains are a second apart, or a little less */
#define PROGRAMS_EVERY 15
#define EVENTS_MIN 1000	   /* fewer say nothing of what one costs */
#define BUDGET_UNIT 100000 /* of the whole */
#define RATE_SHARE 8	   /* of a lane's bytes: what a container may add in a window, and ... */
#define BURST_SHARE 2	   /* ... save up */
#define UNIT_BYTES 4	   /* about what one unit takes of a lane */

struct agent_price {
	struct session *session;
	struct governor governor;
	enum governor_tier told;
	uint32_t budget;
	uint64_t node_ns; /* CPU time of the node in a second */
	const struct allowance *allowances;
	size_t n;
	struct allowance *last; /* as of the last step */
	uint64_t *wanted;
	uint64_t stepped_ns;
	uint64_t agent_ns;
	uint64_t details_ns;
	struct session_programs programs;
	bool measuring;
	unsigned int steps;
	uint64_t run_ns; /* as measured last, in a second, and ... */
	uint64_t events; /* ... how many events there were in it */
};

int agent_price_new(struct agent_price **out, struct session *session, uint32_t budget)
{
	struct agent_price *p = calloc(1, sizeof(*p));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t lane_bytes = session_lane_bytes(session);

	if (!p)
		return -ENOMEM;
	p->session = session;
	p->budget = budget;
	p->allowances = session_allowances(session, &p->n);
	p->last = calloc(p->n, sizeof(*p->last));
	p->wanted = calloc(p->n, sizeof(*p->wanted));
	if (!p->last || !p->wanted) {
		agent_price_free(p);
		return -ENOMEM;
	}
	p->node_ns = (cpus > 0 ? cpus : 1) * NS_PER_SEC;
	governor_init(&p->governor, &(struct governor_config){
					    .budget_ns = p->node_ns / BUDGET_UNIT * budget,
					    .rate_max = lane_bytes / RATE_SHARE / UNIT_BYTES,
					    .burst_max = lane_bytes / BURST_SHARE / UNIT_BYTES });
	session_allow(session, p->governor.cfg.rate_max, p->governor.cfg.burst_max, UINT32_MAX);
	*out = p;
	return 0;
}

void agent_price_free(struct agent_price *p)
{
	if (!p)
		return;
	governor_free(&p->governor);
	free(p->last);
	free(p->wanted);
	free(p);
}

/* What the containers asked for and got since the last step. */
static void allowances_read(struct agent_price *p, struct governor_sample *s)
{
	s->nwanted = 0;
	s->spent = 0;
	for (size_t i = 0; i < p->n; i++) {
		uint64_t spent = p->allowances[i].spent, denied = p->allowances[i].denied;
		uint64_t had = spent - p->last[i].spent;
		uint64_t wanted = had + denied - p->last[i].denied;

		p->last[i].spent = spent;
		p->last[i].denied = denied;
		s->spent += had;
		if (wanted)
			p->wanted[s->nwanted++] = wanted;
	}
	s->wanted = p->wanted;
}

static uint64_t programs_ns(struct agent_price *p, uint64_t span_ns)
{
	struct session_programs now = session_programs(p->session);
	uint64_t run_ns = now.run_ns - p->programs.run_ns;
	uint64_t events = (now.events - p->programs.events) * NS_PER_SEC / span_ns;

	p->programs = now;
	run_ns = run_ns * NS_PER_SEC / span_ns;
	if (p->measuring) {
		p->run_ns = run_ns;
		p->events = events;
	} else if (p->events >= EVENTS_MIN) {
		run_ns = (double)p->run_ns * events / p->events;
	} else {
		run_ns = p->run_ns;
	}
	p->measuring = p->steps++ % PROGRAMS_EVERY == 0 && p->budget;
	session_measure(p->session, p->measuring);
	return run_ns;
}

static void tell_tier(struct agent_price *p, const struct governor_verdict *v, uint64_t price_ns)
{
	double price = 100.0 * price_ns / p->node_ns, budget = 100.0 * p->budget / BUDGET_UNIT;

	if (v->tier > p->told)
		log_warn(
			"the tracer takes %.2f %% of this node's CPU, its budget (cpu_budget) is %.2f %%: "
			"done without from here on: %s",
			price, budget, governor_tier_name(v->tier));
	else if (v->tier < p->told)
		log_info(
			"the tracer takes %.2f %% of this node's CPU, its budget is %.2f %%: done without "
			"by now: %s",
			price, budget, governor_tier_name(v->tier));
	p->told = v->tier;
}

void agent_price_step(struct agent_price *p, uint64_t now_ns, uint64_t details_ns, record_fn fn,
		      void *ctx)
{
	struct rec_price r = { .hdr = { .kind = REC_PRICE, .len = sizeof(r), .time_ns = now_ns },
			       .node_ns = p->node_ns,
			       .budget_ns = p->governor.cfg.budget_ns };
	struct governor_sample s = { .span_ns = now_ns - p->stepped_ns };
	struct governor_verdict v;
	struct export_self self = { 0 };

	if (s.span_ns < STEP_NS)
		return;
	export_self_read(&self);
	if (p->stepped_ns)
		r.agent_ns = (self.cpu_ns - p->agent_ns) * NS_PER_SEC / s.span_ns;
	r.programs_ns = programs_ns(p, s.span_ns);
	allowances_read(p, &s);
	p->agent_ns = self.cpu_ns;
	s.details_ns = details_ns - p->details_ns;
	p->details_ns = details_ns;
	s.rest_ns = (double)(r.agent_ns + r.programs_ns) * s.span_ns / NS_PER_SEC;
	s.rest_ns -= s.details_ns < s.rest_ns ? s.details_ns : s.rest_ns;
	if (!p->stepped_ns)
		s.span_ns = 0; /* nothing to compare with */
	p->stepped_ns = now_ns;
	v = governor_step(&p->governor, &s);
	session_allow(p->session, v.rate, v.burst, v.text_bytes);
	tell_tier(p, &v, r.agent_ns + r.programs_ns);
	r.tier = v.tier;
	r.rate = v.rate;
	fn(ctx, &r, sizeof(r));
}
