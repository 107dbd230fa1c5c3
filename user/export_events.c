/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each probe's events, and which protocols are not decoded. In: a view. Out: lines of text. */
#include "user/export_events.h"

#include <inttypes.h>

#include "user/governor.h"

static void undecoded_write(FILE *out, const struct agg_view *v)
{
	for (size_t i = 0; i < v->ndetails; i++)
		if (v->details[i].kind == DETAIL_UNDECODED)
			fprintf(out, "%s  %" PRIu64 " connections are not decoded (%s)\n",
				v->details[i].name, v->details[i].n[0], v->details[i].role);
}

static void coarse_write(FILE *out, const struct agg_view *v)
{
	for (size_t i = 0; i < v->ndetails; i++) {
		const struct agg_detail_row *r = &v->details[i];

		if (r->kind == DETAIL_COARSE)
			fprintf(out,
				"coarse %" PRIu64
				" requests of %s, %s (%s) were only counted: %s\n",
				r->n[0], r->tenant, r->container, r->role, r->name);
	}
}

static void price_write(FILE *out, const struct rec_price *p)
{
	if (!p->node_ns || !p->budget_ns)
		return;
	fprintf(out, "price  %.2f %% of this node's CPU, budget %.2f %%, done without: %s\n",
		100.0 * (p->agent_ns + p->programs_ns) / p->node_ns,
		100.0 * p->budget_ns / p->node_ns, governor_tier_name(p->tier));
}

static void events_write(FILE *out, const struct agg_view *v)
{
	for (int i = 0; i < PROBE_MAX; i++) {
		const struct agg_probe_row *p = &v->probes[i];
		uint64_t sum = p->detailed + p->coarse + p->lost_total;
		const char *sep = " (";

		fprintf(out,
			"%-5s  seen %" PRIu64 " %s detailed %" PRIu64 " + coarse %" PRIu64
			" + lost %" PRIu64,
			p->probe, p->seen, sum == p->seen ? "=" : "!=", p->detailed, p->coarse,
			p->lost_total);
		for (unsigned int cause = 0; cause < LOST_CAUSE_MAX; cause++) {
			if (!p->lost[cause])
				continue;
			fprintf(out, "%s%s %" PRIu64, sep, agg_lost_cause_name(cause),
				p->lost[cause]);
			sep = ", ";
		}
		fputs(*sep == ',' ? ")\n" : "\n", out);
	}
}

void export_events_write(FILE *out, const struct agg_view *v)
{
	events_write(out, v);
	price_write(out, &v->price);
	coarse_write(out, v);
	undecoded_write(out, v);
}
