/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of requests' time as their clients saw it. In: a view's rows. Out: text by way of
 * export_prom_parts.h.
 */
#include "user/export_prom_parts.h"

static const struct family family_trips = {
	"tallyman_request_trips", "counter", NULL,
	"Requests at their client's end of which it is known where their time went."
};
static const struct family family_time = {
	"tallyman_request_trip_seconds", "counter", "seconds",
	"Where the time of requests went as their clients saw it; the parts add up to it. Estimated: "
	"the server is on another node, and TCP's round trip stands for the network."
};

static void labels(struct writer *w, const struct trip_row *row, const char *part)
{
	prom_parts.labels_begin(w);
	if (part)
		prom_parts.label(w, "part", part);
	prom_parts.label(w, "basis", row->basis);
	prom_parts.label(w, "protocol", row->protocol);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "workflow", row->workflow);
	prom_parts.label(w, "peer", row->peer);
}

void export_prom_trip(struct writer *w, const struct agg_view *v)
{
	prom_parts.family(w, &family_trips);
	for (size_t i = 0; i < v->ntrips; i++) {
		labels(w, &v->trips[i], NULL);
		prom_parts.u64(w, &family_trips, "_total", v->trips[i].count);
	}
	prom_parts.family(w, &family_time);
	for (size_t i = 0; i < v->ntrips; i++)
		for (unsigned int part = 0; part < TRIP_PART_MAX; part++) {
			if (!v->trips[i].part_ns[part])
				continue;
			labels(w, &v->trips[i], trips_part_name(part));
			prom_parts.seconds(w, &family_time, "_total", v->trips[i].part_ns[part]);
		}
}
