/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of PostgreSQL's wait events. In: a view's rows. Out: text by way of
 * export_prom_parts.h.
 */
#include "user/export_prom_parts.h"

static const struct family family_seconds = {
	"tallyman_postgresql_wait_seconds", "counter", "seconds",
	"Time that PostgreSQL backends were off the CPU in a wait event, as pg_stat_activity shows it."
};
static const struct family family_run_queue = {
	"tallyman_postgresql_wait_run_queue_seconds", "counter", "seconds",
	"The part of it in which the event was over, but the backend had no CPU."
};
static const struct family family_waits = { "tallyman_postgresql_waits", "counter", NULL,
					    "How often they went to sleep in it." };

static void labels(struct writer *w, const struct agg_sleep_row *row)
{
	prom_parts.labels_begin(w);
	prom_parts.label(w, "wait_event_type", row->wait_event_type);
	prom_parts.label(w, "wait_event", row->wait_event.s);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
}

void export_prom_sleep(struct writer *w, const struct agg_view *v)
{
	prom_parts.family(w, &family_seconds);
	for (size_t i = 0; i < v->nsleeps; i++) {
		labels(w, &v->sleeps[i]);
		prom_parts.seconds(w, &family_seconds, "_total", v->sleeps[i].wait_ns);
	}
	prom_parts.family(w, &family_run_queue);
	for (size_t i = 0; i < v->nsleeps; i++) {
		labels(w, &v->sleeps[i]);
		prom_parts.seconds(w, &family_run_queue, "_total", v->sleeps[i].run_queue_ns);
	}
	prom_parts.family(w, &family_waits);
	for (size_t i = 0; i < v->nsleeps; i++) {
		labels(w, &v->sleeps[i]);
		prom_parts.u64(w, &family_waits, "_total", v->sleeps[i].sleeps);
	}
}
