/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of proxies and their upstreams. In: a view's rows. Out: text by way of
 * export_prom_parts.h.
 */
#include <stdio.h>

#include "user/export_prom_parts.h"

static const struct family family_requests = {
	"tallyman_ingress_requests", "counter", NULL,
	"HTTP requests that a proxy replied to, by the port that it listens on."
};
static const struct family family_time = {
	"tallyman_ingress_request_seconds", "counter", "seconds",
	"Their time: from the first byte readable in the proxy's socket to the last of the reply written."
};
static const struct family family_upstream_requests = {
	"tallyman_ingress_upstream_requests", "counter", NULL,
	"HTTP requests that a proxy sent to an upstream; unanswered: it closed before the reply came."
};
static const struct family family_upstream_time = {
	"tallyman_ingress_upstream_request_seconds", "counter", "seconds",
	"Time of those that were answered: from sending to the last byte of the reply read."
};

static void labels(struct writer *w, const struct ingress_row *row, const char *outcome)
{
	char port[16];

	snprintf(port, sizeof(port), "%u", row->port);
	prom_parts.labels_begin(w);
	prom_parts.label(w, "proxy", row->proxy);
	prom_parts.label(w, "container", row->container);
	if (row->upstream)
		prom_parts.label(w, "upstream", row->peer);
	prom_parts.label(w, "port", row->is_other ? "other" : port);
	if (outcome)
		prom_parts.label(w, "outcome", outcome);
}

static void requests_write(struct writer *w, const struct agg_view *v, const struct family *f,
			   bool upstream)
{
	prom_parts.family(w, f);
	for (size_t i = 0; i < v->ningress; i++) {
		const struct ingress_row *row = &v->ingress[i];

		for (unsigned int k = 0; k < INGRESS_OUTCOME_MAX; k++) {
			if (row->upstream != upstream || !row->requests[k])
				continue;
			labels(w, row, ingress_outcome_name(k));
			prom_parts.u64(w, f, "_total", row->requests[k]);
		}
	}
}

static void time_write(struct writer *w, const struct agg_view *v, const struct family *f,
		       bool upstream)
{
	prom_parts.family(w, f);
	for (size_t i = 0; i < v->ningress; i++) {
		if (v->ingress[i].upstream != upstream)
			continue;
		labels(w, &v->ingress[i], NULL);
		prom_parts.seconds(w, f, "_total", v->ingress[i].time_ns);
	}
}

void export_prom_ingress(struct writer *w, const struct agg_view *v)
{
	requests_write(w, v, &family_requests, false);
	time_write(w, v, &family_time, false);
	requests_write(w, v, &family_upstream_requests, true);
	time_write(w, v, &family_upstream_time, true);
}
