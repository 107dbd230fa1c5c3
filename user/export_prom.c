/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus exposition. In: a sorted view and the facts about the agent. Out: text, one family
 * after the other. The labels of a row are rendered once and copied to each of its lines: a
 * histogram has 27. Knows neither HTTP nor how the numbers came about.
 */
#include "user/export_prom.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/export_prom_parts.h"

static const struct family family_requests = {
	"tallyman_requests", "counter", NULL,
	"Requests seen, by the side that was looked at (role) and how they ended (outcome)."
};
static const struct family family_queue = {
	"tallyman_request_queue_seconds", "histogram", "seconds",
	"From a request's first byte being readable to the server reading it. Servers only."
};
static const struct family family_service = {
	"tallyman_request_service_seconds", "histogram", "seconds",
	"Server: from reading a request to the last byte of its reply. Client: from sending it "
	"to having read the reply."
};
static const struct family family_run_queue = {
	"tallyman_run_queue_seconds", "histogram", "seconds",
	"How long tasks of a container that could run waited for a CPU."
};
static const struct family family_cpu = { "tallyman_cpu_seconds", "counter", "seconds",
					  "Time that tasks of a container were on a CPU." };
static const struct family family_wait_time = {
	"tallyman_wait_seconds", "counter", "seconds",
	"Time waited for a resource, charged to whoever had it meanwhile (occupant); cause says who "
	"that is to the waiter."
};
static const struct family family_waits = {
	"tallyman_waits", "counter", NULL,
	"Turns that tallyman_wait_seconds_total was charged at: one wait may have several."
};
static const struct family family_parts = {
	"tallyman_request_part_seconds", "counter", "seconds",
	"Where the time of requests went on their server; the parts add up to queue and service time."
};
static const struct family family_events = {
	"tallyman_events", "counter", NULL,
	"What became of the events a probe saw: detailed, coarse (counted only) or lost (cause says "
	"why)."
};
static const struct family family_events_seen = {
	"tallyman_events_seen", "counter", NULL,
	"Events a probe saw, counted apart: equals the sum of tallyman_events_total over fate "
	"and cause."
};
static const struct family family_program_runs = { "tallyman_program_runs", "counter", NULL,
						   "Runs of a BPF program of the agent." };
static const struct family family_program_time = {
	"tallyman_program_run_seconds", "counter", "seconds",
	"CPU time of a BPF program of the agent; 0 unless kernel.bpf_stats_enabled is 1."
};
static const struct family family_probe_info = {
	"tallyman_probe_info", "gauge", NULL,
	"Each hook of each probe: the variant in use and its state. Always 1."
};
static const struct family family_tls_processes = {
	"tallyman_tls_library_processes", "gauge", NULL,
	"Processes that had a TLS library loaded at the last look, once a minute; state failed: it is "
	"not hooked, for that reason, and what they encrypt is only counted."
};
static const struct family family_build_info = { "tallyman_build_info", "gauge", NULL,
						 "What this agent was built from. Always 1." };
static const struct family family_series = {
	"tallyman_series", "gauge", NULL,
	"Series in use, in the sense of the limit; at the limit, new ones go to those "
	"labelled other."
};
static const struct family family_series_limit = { "tallyman_series_limit", "gauge", NULL,
						   "The limit of tallyman_series." };
static const struct family family_self_cpu = { "process_cpu_seconds", "counter", "seconds",
					       "CPU time of the agent, user and system." };
static const struct family family_self_memory = { "process_resident_memory_bytes", "gauge", "bytes",
						  "Resident memory of the agent." };
static const struct family family_put_off = {
	"tallyman_reads_put_off", "counter", NULL,
	"Times that the kernel's counters were left for later for lack of memory or file descriptors."
};
static const struct family family_containers_refused = {
	"tallyman_containers_refused", "counter", NULL,
	"Containers that found no room in the table: what they do is unattributed."
};
static const struct family family_uncounted = {
	"tallyman_uncounted", "counter", NULL,
	"Times that something was not added to its series for lack of memory."
};

/* Canonical as OpenMetrics wants it, and the same in both formats: it is part of a series' name. */
static const char *const le_values[] = {
	"7.62939453125e-06",
	"1.52587890625e-05",
	"3.0517578125e-05",
	"6.103515625e-05",
	"0.0001220703125",
	"0.000244140625",
	"0.00048828125",
	"0.0009765625",
	"0.001953125",
	"0.00390625",
	"0.0078125",
	"0.015625",
	"0.03125",
	"0.0625",
	"0.125",
	"0.25",
	"0.5",
	"1.0",
	"2.0",
	"4.0",
	"8.0",
	"16.0",
	"32.0",
	"64.0",
};
_Static_assert(sizeof(le_values) / sizeof(le_values[0]) ==
		       EXPORT_PROM_LE_MAX - EXPORT_PROM_LE_MIN + 1,
	       "one text for each bound");

static void family_write(struct writer *w, const struct family *f)
{
	static const char *const lines[] = { "HELP", "TYPE", "UNIT" };
	bool counter = !strcmp(f->type, "counter");

	for (int i = 0; i < 3; i++) {
		if (i == 2 && (!f->unit || w->format != PROM_OPENMETRICS))
			continue;
		export_buf_puts(w->out, "# ");
		export_buf_puts(w->out, lines[i]);
		export_buf_puts(w->out, " ");
		export_buf_puts(w->out, f->name);
		export_buf_puts(w->out, counter && w->format == PROM_TEXT ? "_total " : " ");
		if (i == 0)
			export_buf_help(w->out, f->help);
		else
			export_buf_puts(w->out, i == 1 ? f->type : f->unit);
		export_buf_puts(w->out, "\n");
	}
}

static void labels_begin(struct writer *w)
{
	w->labels.len = 0;
}

static void label(struct writer *w, const char *name, const char *value)
{
	if (w->labels.len)
		export_buf_put(&w->labels, ",", 1);
	export_buf_puts(&w->labels, name);
	export_buf_put(&w->labels, "=\"", 2);
	export_buf_label(&w->labels, value);
	export_buf_put(&w->labels, "\"", 1);
}

/* name + suffix + labels: all of a sample's line but the value and the new line. */
static void sample(struct writer *w, const struct family *f, const char *suffix)
{
	export_buf_puts(w->out, f->name);
	export_buf_puts(w->out, suffix);
	if (w->labels.len) {
		export_buf_put(w->out, "{", 1);
		export_buf_put(w->out, w->labels.s, w->labels.len);
		export_buf_put(w->out, "}", 1);
	}
	export_buf_put(w->out, " ", 1);
}

static void sample_u64(struct writer *w, const struct family *f, const char *suffix, uint64_t n)
{
	sample(w, f, suffix);
	export_buf_u64(w->out, n);
	export_buf_put(w->out, "\n", 1);
}

static void sample_i64(struct writer *w, const struct family *f, const char *suffix, int64_t n)
{
	sample(w, f, suffix);
	if (n < 0)
		export_buf_put(w->out, "-", 1);
	export_buf_u64(w->out, n < 0 ? -(uint64_t)n : (uint64_t)n);
	export_buf_put(w->out, "\n", 1);
}

static void sample_seconds(struct writer *w, const struct family *f, const char *suffix,
			   unsigned __int128 ns)
{
	sample(w, f, suffix);
	export_buf_seconds(w->out, ns);
	export_buf_put(w->out, "\n", 1);
}

static void bucket(struct writer *w, const struct family *f, const char *le, uint64_t n)
{
	export_buf_puts(w->out, f->name);
	export_buf_put(w->out, "_bucket{", 8);
	export_buf_put(w->out, w->labels.s, w->labels.len);
	export_buf_put(w->out, ",le=\"", 5);
	export_buf_puts(w->out, le);
	export_buf_put(w->out, "\"} ", 3);
	export_buf_u64(w->out, n);
	export_buf_put(w->out, "\n", 1);
}

static void histogram(struct writer *w, const struct family *f, const struct hist *h)
{
	int index = h->start, end = h->start + (int)h->n;
	uint64_t sum = h->zero_count;

	for (int e = EXPORT_PROM_LE_MIN; e <= EXPORT_PROM_LE_MAX; e++) {
		/* The bucket of this index ends at 2^e s exactly. */
		for (; index < end && index <= e * (1 << h->schema); index++)
			sum += hist_bucket(h, index);
		bucket(w, f, le_values[e - EXPORT_PROM_LE_MIN], sum);
	}
	bucket(w, f, "+Inf", h->count);
	sample_seconds(w, f, "_sum", h->sum_ns);
	sample_u64(w, f, "_count", h->count);
}

static void operation_labels(struct writer *w, const struct agg_labels *l, const char *outcome)
{
	labels_begin(w);
	label(w, "role", l->role);
	label(w, "protocol", l->protocol);
	label(w, "operation", l->operation);
	if (outcome)
		label(w, "outcome", outcome);
	label(w, "tenant", l->tenant);
	label(w, "workflow", l->workflow);
	label(w, "container", l->container);
}

static void requests_write(struct writer *w, const struct agg_view *v)
{
	family_write(w, &family_requests);
	for (size_t i = 0; i < v->nrequests; i++) {
		operation_labels(w, &v->requests[i].labels, v->requests[i].outcome);
		sample_u64(w, &family_requests, "_total", v->requests[i].count);
	}
	family_write(w, &family_queue);
	for (size_t i = 0; i < v->ntimes; i++) {
		if (!v->times[i].queue->count)
			continue;
		operation_labels(w, &v->times[i].labels, NULL);
		histogram(w, &family_queue, v->times[i].queue);
	}
	family_write(w, &family_service);
	for (size_t i = 0; i < v->ntimes; i++) {
		if (!v->times[i].service->count)
			continue;
		operation_labels(w, &v->times[i].labels, NULL);
		histogram(w, &family_service, v->times[i].service);
	}
}

static void containers_write(struct writer *w, const struct agg_view *v)
{
	family_write(w, &family_run_queue);
	for (size_t i = 0; i < v->nrun_queues; i++) {
		labels_begin(w);
		label(w, "tenant", v->run_queues[i].tenant);
		label(w, "container", v->run_queues[i].container);
		histogram(w, &family_run_queue, v->run_queues[i].run_queue);
	}
	family_write(w, &family_cpu);
	for (size_t i = 0; i < v->ncontainers; i++) {
		labels_begin(w);
		label(w, "tenant", v->containers[i].tenant);
		label(w, "workflow", v->containers[i].workflow);
		label(w, "container", v->containers[i].container);
		sample_seconds(w, &family_cpu, "_total", v->containers[i].on_cpu_ns);
	}
}

static void wait_labels(struct writer *w, const struct wait_row *r)
{
	labels_begin(w);
	label(w, "resource", ledger_resource_name(r->resource));
	label(w, "cause", ledger_cause_name(r->cause));
	label(w, "waiter_tenant", r->waiter_tenant);
	label(w, "waiter_workflow", r->waiter_workflow);
	label(w, "occupant_tenant", r->occupant_tenant);
	label(w, "occupant_workflow", r->occupant_workflow);
}

static void waits_write(struct writer *w, const struct agg_view *v)
{
	family_write(w, &family_wait_time);
	for (size_t i = 0; i < v->nwaits; i++) {
		wait_labels(w, &v->waits[i]);
		sample_seconds(w, &family_wait_time, "_total", v->waits[i].wait_ns);
	}
	family_write(w, &family_waits);
	for (size_t i = 0; i < v->nwaits; i++) {
		wait_labels(w, &v->waits[i]);
		sample_u64(w, &family_waits, "_total", v->waits[i].waits);
	}
}

/* Rows of one owner that differ in their operation lie next to each other. */
static size_t owner_rows(const struct agg_view *v, size_t from)
{
	const struct part_row *r = &v->parts[from];
	size_t n = 1;

	while (from + n < v->nparts && !strcmp(r[n].protocol, r->protocol) &&
	       !strcmp(r[n].tenant, r->tenant) && !strcmp(r[n].workflow, r->workflow))
		n++;
	return n;
}

static void parts_write(struct writer *w, const struct agg_view *v)
{
	family_write(w, &family_parts);
	for (size_t i = 0, n; i < v->nparts; i += n) {
		const struct part_row *r = &v->parts[i];

		n = owner_rows(v, i);
		for (unsigned int part = 0; part < PART_MAX; part++) {
			unsigned __int128 ns = 0;

			for (size_t k = 0; k < n; k++)
				ns += r[k].parts_ns[part];
			if (!ns)
				continue;
			labels_begin(w);
			label(w, "part", parts_name(part));
			label(w, "protocol", r->protocol);
			label(w, "tenant", r->tenant);
			label(w, "workflow", r->workflow);
			sample_seconds(w, &family_parts, "_total", ns);
		}
	}
}

static void event(struct writer *w, const char *probe, const char *fate, const char *cause,
		  uint64_t n)
{
	labels_begin(w);
	label(w, "probe", probe);
	label(w, "fate", fate);
	label(w, "cause", cause);
	sample_u64(w, &family_events, "_total", n);
}

static void events_write(struct writer *w, const struct agg_view *v)
{
	family_write(w, &family_events);
	for (int i = 0; i < PROBE_MAX; i++) {
		const struct agg_probe_row *p = &v->probes[i];

		event(w, p->probe, "detailed", "", p->detailed);
		event(w, p->probe, "coarse", "", p->coarse);
		for (unsigned int cause = 0; cause < LOST_CAUSE_MAX; cause++)
			event(w, p->probe, "lost", agg_lost_cause_name(cause), p->lost[cause]);
	}
	family_write(w, &family_events_seen);
	for (int i = 0; i < PROBE_MAX; i++) {
		labels_begin(w);
		label(w, "probe", v->probes[i].probe);
		sample_u64(w, &family_events_seen, "_total", v->probes[i].seen);
	}
}

static void programs_write(struct writer *w, const struct agg_view *v)
{
	family_write(w, &family_program_runs);
	for (size_t i = 0; i < v->nprograms; i++) {
		labels_begin(w);
		label(w, "program", v->programs[i].program);
		sample_u64(w, &family_program_runs, "_total", v->programs[i].runs);
	}
	family_write(w, &family_program_time);
	for (size_t i = 0; i < v->nprograms; i++) {
		labels_begin(w);
		label(w, "program", v->programs[i].program);
		sample_seconds(w, &family_program_time, "_total", v->programs[i].run_ns);
	}
}

static void libraries_write(struct writer *w, const struct export_info *info)
{
	char file[48];

	if (info->nlibraries)
		family_write(w, &family_tls_processes);
	for (size_t i = 0; i < info->nlibraries; i++) {
		const struct export_library *l = &info->libraries[i];

		snprintf(file, sizeof(file), "%" PRIx64 ":%" PRIu64, l->device, l->inode);
		labels_begin(w);
		label(w, "file", file);
		label(w, "state", l->reason[0] ? "failed" : "attached");
		label(w, "reason", l->reason);
		sample_u64(w, &family_tls_processes, "", l->processes);
	}
}

static void agent_write(struct writer *w, const struct agg_view *v, const struct export_info *info)
{
	family_write(w, &family_probe_info);
	for (size_t i = 0; i < info->nhooks; i++) {
		labels_begin(w);
		label(w, "probe", info->hooks[i].probe);
		label(w, "hook", info->hooks[i].hook);
		label(w, "variant", info->hooks[i].variant);
		label(w, "state", info->hooks[i].state);
		sample_u64(w, &family_probe_info, "", 1);
	}
	libraries_write(w, info);
	family_write(w, &family_build_info);
	labels_begin(w);
	label(w, "version", info->version);
	label(w, "libbpf", info->libbpf);
	label(w, "abi", info->abi);
	sample_u64(w, &family_build_info, "", 1);
	labels_begin(w);
	family_write(w, &family_series);
	sample_u64(w, &family_series, "", v->series);
	family_write(w, &family_series_limit);
	sample_u64(w, &family_series_limit, "", v->series_max);
	if (!info->self.resident_bytes)
		return;
	family_write(w, &family_self_cpu);
	sample_seconds(w, &family_self_cpu, "_total", info->self.cpu_ns);
	family_write(w, &family_self_memory);
	sample_u64(w, &family_self_memory, "", info->self.resident_bytes);
	family_write(w, &family_put_off);
	sample_u64(w, &family_put_off, "_total", info->self.reads_put_off);
	family_write(w, &family_containers_refused);
	sample_u64(w, &family_containers_refused, "_total", info->self.containers_refused);
	family_write(w, &family_uncounted);
	sample_u64(w, &family_uncounted, "_total", info->self.uncounted);
}

const struct prom_parts prom_parts = { family_write, labels_begin,   label,    sample_u64,
				       sample_i64,   sample_seconds, histogram };

int export_prom_write(struct export_buf *b, const struct agg_view *v,
		      const struct export_info *info, enum prom_format format)
{
	struct writer w = { .out = b, .format = format };
	int err;

	requests_write(&w, v);
	containers_write(&w, v);
	export_prom_io(&w, v);
	export_prom_net(&w, v);
	export_prom_stack(&w, v);
	export_prom_dns(&w, v);
	export_prom_dns_names(&w, v);
	export_prom_sleep(&w, v);
	export_prom_pg(&w, v);
	export_prom_detail(&w, v);
	waits_write(&w, v);
	parts_write(&w, v);
	export_prom_trip(&w, v);
	export_prom_ingress(&w, v);
	events_write(&w, v);
	programs_write(&w, v);
	export_prom_price(&w, v);
	agent_write(&w, v, info);
	if (format == PROM_OPENMETRICS)
		export_buf_puts(b, "# EOF\n");
	err = b->err ? b->err : w.labels.err;
	free(w.labels.s);
	return err;
}
