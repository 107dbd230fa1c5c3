/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS by container for Prometheus, and as JSON lines ("dns"). In: a view's rows. Out: text by way of
 * export_prom_parts.h and export_json_parts.h.
 */
#include <stdio.h>

#include "user/export_json.h"
#include "user/export_json_parts.h"
#include "user/export_prom_parts.h"

static const struct family family_queries = {
	"tallyman_dns_queries", "counter", NULL,
	"DNS queries over UDP and TCP that the container asked."
};
static const struct family family_retried = {
	"tallyman_dns_queries_retried", "counter", NULL,
	"DNS queries that were sent again before there was an answer."
};
static const struct family family_answers = { "tallyman_dns_answers", "counter", NULL,
					      "Answers to them, by what DNS says." };
static const struct family family_timeouts = { "tallyman_dns_timeouts", "counter", NULL,
					       "DNS queries without an answer in 5 s." };
static const struct family family_seconds = { "tallyman_dns_seconds", "histogram", "seconds",
					      "From a query to its answer being read." };

static const struct {
	struct family f;
	int i; /* of rec_named.n[] */
} name_families[] = {
	{ { "tallyman_dns_name_answers", "counter", NULL, "DNS answers by the name's pattern." },
	  0 },
	{ { "tallyman_dns_name_failures", "counter", NULL, "Of these, all but NOERROR." }, 1 },
	{ { "tallyman_dns_name_timeouts", "counter", NULL,
	    "DNS queries without an answer in 5 s, by the name's pattern." },
	  2 },
	{ { "tallyman_dns_name_seconds", "counter", "seconds",
	    "Time from queries to their answers being read, by the name's pattern." },
	  3 },
};

static const char *const answer_names[DNS_ANSWER_MAX] = {
	[DNS_NOERROR] = "noerror",   [DNS_FORMERR] = "formerr", [DNS_SERVFAIL] = "servfail",
	[DNS_NXDOMAIN] = "nxdomain", [DNS_NOTIMP] = "notimp",	[DNS_REFUSED] = "refused",
	[DNS_OTHER] = "other",
};

static void labels(struct writer *w, const struct agg_dns_row *row, const char *answer)
{
	prom_parts.labels_begin(w);
	if (answer)
		prom_parts.label(w, "answer", answer);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
}

static void one(struct writer *w, const struct agg_view *v, const struct family *f, size_t offset)
{
	prom_parts.family(w, f);
	for (size_t i = 0; i < v->ndns; i++) {
		labels(w, &v->dns[i], NULL);
		prom_parts.u64(w, f, "_total",
			       *(const uint64_t *)((const char *)&v->dns[i].n + offset));
	}
}

void export_prom_dns(struct writer *w, const struct agg_view *v)
{
	one(w, v, &family_queries, offsetof(struct dns_counts, queries));
	one(w, v, &family_retried, offsetof(struct dns_counts, retried));
	one(w, v, &family_timeouts, offsetof(struct dns_counts, timeouts));
	prom_parts.family(w, &family_answers);
	for (size_t i = 0; i < v->ndns; i++)
		for (int k = 0; k < DNS_ANSWER_MAX; k++) {
			if (!v->dns[i].n.answers[k])
				continue;
			labels(w, &v->dns[i], answer_names[k]);
			prom_parts.u64(w, &family_answers, "_total", v->dns[i].n.answers[k]);
		}
	prom_parts.family(w, &family_seconds);
	for (size_t i = 0; i < v->ndns; i++) {
		if (!v->dns[i].waits.count)
			continue;
		labels(w, &v->dns[i], NULL);
		prom_parts.histogram(w, &family_seconds, &v->dns[i].waits);
	}
}

/* Only if the configuration asks for names. */
void export_prom_dns_names(struct writer *w, const struct agg_view *v)
{
	for (size_t k = 0; k < sizeof(name_families) / sizeof(name_families[0]); k++) {
		const struct family *f = &name_families[k].f;
		bool begun = false;

		for (size_t i = 0; i < v->nnamed; i++) {
			const struct agg_named_row *row = &v->named[i];
			uint64_t n = row->n[name_families[k].i];

			if (row->what != NET_NAMED_DNS)
				continue;
			if (!begun)
				prom_parts.family(w, f);
			begun = true;
			prom_parts.labels_begin(w);
			prom_parts.label(w, "name", row->name);
			prom_parts.label(w, "tenant", row->tenant);
			prom_parts.label(w, "container", row->container);
			if (f->unit)
				prom_parts.seconds(w, f, "_total", n);
			else
				prom_parts.u64(w, f, "_total", n);
		}
	}
}

static int row_put(FILE *out, const struct agg_dns_row *row)
{
	json_t *o = json_object();
	char name[32];

	json_parts.set_string(o, "kind", "dns");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	json_parts.set_number(o, "queries", row->n.queries);
	json_parts.set_number(o, "retried", row->n.retried);
	json_parts.set_number(o, "timeouts", row->n.timeouts);
	for (int i = 0; i < DNS_ANSWER_MAX; i++) {
		snprintf(name, sizeof(name), "answers_%s", answer_names[i]);
		json_parts.set_number(o, name, row->n.answers[i]);
	}
	json_parts.set_number(o, "answers", row->waits.count);
	json_parts.set_number(o, "sum_ns", row->waits.sum_ns);
	json_parts.set_quantile(o, "p50_ns", &row->waits, 0.5);
	json_parts.set_quantile(o, "p99_ns", &row->waits, 0.99);
	return json_parts.put(out, o, 10 + DNS_ANSWER_MAX);
}

int export_json_dns(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->ndns; i++)
		err = row_put(out, &v->dns[i]);
	return err;
}
