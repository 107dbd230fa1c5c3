/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of the network stack's time. In: a view's rows. Out: text by way of export_prom_parts.h.
 */
#include "user/export_prom_parts.h"

static const struct family family_softirq = {
	"tallyman_network_softirq_seconds", "counter", "seconds",
	"CPU time that the container's packets took in softirqs, whoever had the CPU; what senders' "
	"own tasks do on the way is not in it."
};
static const struct family family_softirqs = {
	"tallyman_network_softirqs", "counter", NULL,
	"Network softirqs in which the container's packets had a part."
};
static const struct family family_egress = {
	"tallyman_network_egress_seconds", "histogram", "seconds",
	"How long packets waited in the queue of a device before it sent them; those that were not "
	"queued are not in it."
};

static void labels(struct writer *w, const struct agg_stack_row *row)
{
	prom_parts.labels_begin(w);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
}

void export_prom_stack(struct writer *w, const struct agg_view *v)
{
	prom_parts.family(w, &family_softirq);
	for (size_t i = 0; i < v->nstacks; i++) {
		if (!v->stacks[i].softirqs)
			continue;
		labels(w, &v->stacks[i]);
		prom_parts.seconds(w, &family_softirq, "_total", v->stacks[i].softirq_ns);
	}
	prom_parts.family(w, &family_softirqs);
	for (size_t i = 0; i < v->nstacks; i++) {
		if (!v->stacks[i].softirqs)
			continue;
		labels(w, &v->stacks[i]);
		prom_parts.u64(w, &family_softirqs, "_total", v->stacks[i].softirqs);
	}
	prom_parts.family(w, &family_egress);
	for (size_t i = 0; i < v->nstacks; i++) {
		if (!v->stacks[i].packets)
			continue;
		labels(w, &v->stacks[i]);
		prom_parts.histogram(w, &family_egress, &v->stacks[i].egress);
	}
}
