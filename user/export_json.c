/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines. In: a sorted view. Out: one object a line for each operation and outcome
 * ("requests"), container ("container"), pair of waiter and occupant ("waits"), operation's parts
 * ("parts"), wait event of PostgreSQL ("sleeps"), owner's transactions there ("transactions"), who it refused
 * ("refused"), what is counted by name (export_json_detail.c), probe ("events") and BPF program ("program"). Times are
 * whole ns; null is a quantile of nothing.
 */
#include "user/export_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "user/export_buf.h"
#include "user/export_json_parts.h"
#include "user/governor.h"

/* Numbers that JSON readers take are signed: what does not fit is shown as the largest. */
static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static void set(json_t *o, const char *name, json_t *value)
{
	/*
	 * Fails if value is NULL, which is out of memory; the line then lacks the field: see
	 * put().
	 */
	json_object_set_new_nocheck(o, name, value);
}

static void set_number(json_t *o, const char *name, uint64_t n)
{
	set(o, name, number(n));
}

/* Names come from anywhere; jansson takes valid UTF-8 only. */
static void set_string(json_t *o, const char *name, const char *value)
{
	struct export_buf clean = { 0 };
	json_t *s = json_string(value);

	if (!s) {
		for (size_t n; *value; value += n ? n : 1) {
			n = export_utf8_len(value);
			export_buf_put(&clean, n ? value : "\xef\xbf\xbd", n ? n : 3);
		}
		s = json_stringn(clean.s, clean.len);
		free(clean.s);
	}
	set(o, name, s);
}

static void set_quantile(json_t *o, const char *name, const struct hist *h, double q)
{
	double ns = hist_quantile(h, q);

	set(o, name, isnan(ns) ? json_null() : json_integer((json_int_t)llround(fmin(ns, 9e18))));
}

/* Prints the line and frees it. `fields`: how many it must have. */
static int put(FILE *out, json_t *o, size_t fields)
{
	int err = 0;

	if (!o || json_object_size(o) != fields)
		err = -ENOMEM;
	else if (json_dumpf(o, out, JSON_COMPACT) || fputc('\n', out) == EOF)
		err = -EIO;
	json_decref(o);
	return err;
}

static int request_put(FILE *out, const struct agg_request_row *r)
{
	json_t *o = json_object();

	set_string(o, "kind", "requests");
	set_string(o, "tenant", r->labels.tenant);
	set_string(o, "workflow", r->labels.workflow);
	set_string(o, "container", r->labels.container);
	set_string(o, "role", r->labels.role);
	set_string(o, "protocol", r->labels.protocol);
	set_string(o, "operation", r->labels.operation);
	set_string(o, "outcome", r->outcome);
	set_number(o, "count", r->count);
	set_number(o, "coarse", r->coarse);
	set_number(o, "errors", r->errors);
	set_number(o, "request_bytes", r->request_bytes);
	set_number(o, "reply_bytes", r->reply_bytes);
	set_number(o, "rows", r->rows);
	set_number(o, "queue_sum_ns", r->queue_ns);
	set_quantile(o, "queue_p50_ns", r->time->queue, 0.5);
	set_quantile(o, "queue_p99_ns", r->time->queue, 0.99);
	set_number(o, "service_sum_ns", r->service_ns);
	set_quantile(o, "service_p50_ns", r->time->service, 0.5);
	set_quantile(o, "service_p99_ns", r->time->service, 0.99);
	return put(out, o, 20);
}

static int container_put(FILE *out, const struct agg_container_row *c)
{
	json_t *o = json_object();

	set_string(o, "kind", "container");
	set_string(o, "tenant", c->tenant);
	set_string(o, "workflow", c->workflow);
	set_string(o, "container", c->container);
	set_number(o, "cpu_ns", c->on_cpu_ns);
	set_number(o, "switches", c->switches);
	set_number(o, "preemptions", c->preemptions);
	set_number(o, "count", c->run_queue->count);
	set_number(o, "run_queue_sum_ns", hist_sum_ns(c->run_queue));
	set_quantile(o, "run_queue_p50_ns", c->run_queue, 0.5);
	set_quantile(o, "run_queue_p99_ns", c->run_queue, 0.99);
	return put(out, o, 11);
}

static int wait_put(FILE *out, const struct wait_row *r)
{
	json_t *o = json_object();

	set_string(o, "kind", "waits");
	set_string(o, "resource", ledger_resource_name(r->resource));
	set_string(o, "cause", ledger_cause_name(r->cause));
	set_string(o, "waiter_tenant", r->waiter_tenant);
	set_string(o, "waiter_workflow", r->waiter_workflow);
	set_string(o, "occupant_tenant", r->occupant_tenant);
	set_string(o, "occupant_workflow", r->occupant_workflow);
	set_number(o, "wait_ns", r->wait_ns);
	set_number(o, "waits", r->waits);
	return put(out, o, 9);
}

static json_t *parts_object(const uint64_t parts_ns[PART_MAX])
{
	json_t *parts = json_object();

	for (unsigned int part = 0; part < PART_MAX; part++)
		set_number(parts, parts_name(part), parts_ns[part]);
	return parts;
}

static int part_put(FILE *out, const struct part_row *r)
{
	json_t *o = json_object();

	set_string(o, "kind", "parts");
	set_string(o, "tenant", r->tenant);
	set_string(o, "workflow", r->workflow);
	set_string(o, "protocol", r->protocol);
	set_string(o, "operation", r->operation);
	set_number(o, "count", r->count);
	set(o, "parts_ns", parts_object(r->parts_ns));
	return put(out, o, 7);
}

static int events_put(FILE *out, const struct agg_probe_row *p)
{
	json_t *causes = json_object();
	json_t *o = json_object();

	for (unsigned int cause = 0; cause < LOST_CAUSE_MAX; cause++)
		set_number(causes, agg_lost_cause_name(cause), p->lost[cause]);
	set_string(o, "kind", "events");
	set_string(o, "probe", p->probe);
	set_number(o, "seen", p->seen);
	set_number(o, "detailed", p->detailed);
	set_number(o, "coarse", p->coarse);
	set_number(o, "lost", p->lost_total);
	set(o, "lost_by_cause", causes);
	return put(out, o, 7);
}

static int program_put(FILE *out, const struct agg_program_row *p)
{
	json_t *o = json_object();

	set_string(o, "kind", "program");
	set_string(o, "program", p->program);
	set_number(o, "runs", p->runs);
	set_number(o, "run_ns", p->run_ns);
	return put(out, o, 4);
}

static int price_put(FILE *out, const struct rec_price *p)
{
	json_t *o = json_object();

	set_string(o, "kind", "price");
	set_number(o, "node_ns", p->node_ns);
	set_number(o, "budget_ns", p->budget_ns);
	set_number(o, "agent_ns", p->agent_ns);
	set_number(o, "programs_ns", p->programs_ns);
	set_string(o, "shed", governor_tier_name(p->tier));
	return put(out, o, 6);
}

const struct json_parts json_parts = { set_string, set_number, set_quantile, put };

int export_json_waits(FILE *out, const struct wait_row *rows, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = wait_put(out, &rows[i]);
	return err;
}

int export_json_write(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->nrequests; i++)
		err = request_put(out, &v->requests[i]);
	for (size_t i = 0; !err && i < v->ncontainers; i++)
		err = container_put(out, &v->containers[i]);
	err = err ?: export_json_io(out, v);
	err = err ?: export_json_net(out, v);
	err = err ?: export_json_stack(out, v);
	err = err ?: export_json_sleep(out, v);
	err = err ?: export_json_pg(out, v);
	err = err ?: export_json_detail(out, v);
	err = err ?: export_json_waits(out, v->waits, v->nwaits);
	for (size_t i = 0; !err && i < v->nparts; i++)
		err = part_put(out, &v->parts[i]);
	err = err ?: export_json_trip(out, v);
	err = err ?: export_json_ingress(out, v);
	for (size_t i = 0; !err && i < PROBE_MAX; i++)
		err = events_put(out, &v->probes[i]);
	if (!err && v->price.budget_ns)
		err = price_put(out, &v->price);
	for (size_t i = 0; !err && i < v->nprograms; i++)
		err = program_put(out, &v->programs[i]);
	return err;
}
