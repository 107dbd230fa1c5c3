/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted, named reading of an agg. In: its series and the table that names owners. Out: rows for
 * exporters. Series whose ids differ but whose names do not (an owner that is nobody and one that
 * is called "unattributed") become one row here, because exporters may not repeat a set of labels.
 */
#include "user/agg_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/agg_series.h"

static const char *const role_names[ROLE_MAX + 1] = {
	[ROLE_UNKNOWN] = "unknown",
	[ROLE_SERVER] = "server",
	[ROLE_CLIENT] = "client",
	[ROLE_MAX] = "other",
};

static const char *const probe_names[PROBE_MAX] = {
	[PROBE_SOCK] = "sock",	 [PROBE_SCHED] = "sched", [PROBE_PROC] = "proc",
	[PROBE_BLOCK] = "block", [PROBE_MEM] = "mem",	  [PROBE_NET] = "net",
	[PROBE_STACK] = "stack",
};

static const char *const lost_cause_names[LOST_CAUSE_MAX] = {
	[LOST_RING_FULL] = "ring_full",		  [LOST_COARSE_FULL] = "coarse_full",
	[LOST_TABLE_FULL] = "table_full",	  [LOST_UNREADABLE] = "unreadable",
	[LOST_UNSYNCHRONISED] = "unsynchronised", [LOST_RECURSION] = "recursion",
};

const char *agg_role_name(unsigned int role)
{
	return role_names[role < ROLE_MAX ? role : ROLE_MAX];
}

const char *agg_lost_cause_name(unsigned int cause)
{
	return cause < LOST_CAUSE_MAX ? lost_cause_names[cause] : NULL;
}

static const char *owner_name(const struct intern *owners, uint32_t id)
{
	const char *name = intern_cstr(owners, id);

	return *name ? name : "unattributed";
}

static struct agg_labels labels_of(const struct agg *a, const struct intern *owners,
				   const struct agg_key *key)
{
	return (struct agg_labels){
		.tenant = owner_name(owners, key->owner.tenant),
		.workflow = owner_name(owners, key->owner.workflow),
		.container = owner_name(owners, key->owner.container),
		.role = role_names[key->role],
		.protocol = event_protocol_name(key->protocol),
		.operation = intern_cstr(a->strings, key->operation),
	};
}

static int name_cmp(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a, b);
}

static int labels_cmp(const struct agg_labels *a, const struct agg_labels *b)
{
	return name_cmp(a->tenant, b->tenant) ?:
	       name_cmp(a->workflow, b->workflow) ?:
	       name_cmp(a->container, b->container) ?:
	       name_cmp(a->role, b->role) ?:
	       name_cmp(a->protocol, b->protocol) ?:
	       name_cmp(a->operation, b->operation);
}

static int time_cmp(const void *a, const void *b)
{
	return labels_cmp(&((const struct agg_time_row *)a)->labels,
			  &((const struct agg_time_row *)b)->labels);
}

static int request_cmp(const void *a, const void *b)
{
	const struct agg_request_row *x = a, *y = b;

	return labels_cmp(&x->labels, &y->labels) ?: name_cmp(x->outcome, y->outcome);
}

static int container_cmp(const void *a, const void *b)
{
	const struct agg_container_row *x = a, *y = b;

	return name_cmp(x->tenant, y->tenant) ?:
	       name_cmp(x->container, y->container) ?:
	       name_cmp(x->workflow, y->workflow);
}

static int program_cmp(const void *a, const void *b)
{
	return strcmp(((const struct agg_program_row *)a)->program,
		      ((const struct agg_program_row *)b)->program);
}

/* Two rows become one: *into, which may be a series' own histogram, gets a copy that holds both. */
static int hist_join(struct agg_view *v, const struct hist **into, const struct hist *from)
{
	struct hist **merged;
	struct hist *copy;
	int err;

	if (!from->count)
		return 0;
	if (!(*into)->count) {
		*into = from;
		return 0;
	}
	if (v->nmerged > v->nshared && v->merged[v->nmerged - 1] == *into)
		return hist_merge(v->merged[v->nmerged - 1], from);
	merged = realloc(v->merged, (v->nmerged + 1) * sizeof(struct hist *));
	if (!merged)
		return -ENOMEM;
	v->merged = merged;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	v->merged[v->nmerged++] = copy;
	hist_init(copy, (*into)->schema);
	err = hist_merge(copy, *into);
	err = err ?: hist_merge(copy, from);
	*into = copy;
	return err;
}

static bool series_used(const struct agg_series *s)
{
	return s->first.count || s->service.count || s->queue.count;
}

static void series_rows(struct agg_view *v, const struct agg *a, const struct agg_series *s,
			struct agg_labels labels)
{
	v->times[v->ntimes++] = (struct agg_time_row){ labels, &s->queue, &s->service };
	for (uint32_t i = 0; i < s->ncounters; i++) {
		const struct agg_counter *c = i ? &s->more[i - 1] : &s->first;

		if (!c->count)
			continue;
		v->requests[v->nrequests++] = (struct agg_request_row){
			.labels = labels,
			.outcome = intern_cstr(a->strings, c->outcome),
			.count = c->count,
			.coarse = c->coarse,
			.errors = c->errors,
			.request_bytes = c->request_bytes,
			.reply_bytes = c->reply_bytes,
			.rows = c->rows,
			.queue_ns = c->queue_ns,
			.service_ns = c->service_ns,
		};
	}
}

static int times_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->times, v->ntimes, sizeof(*v->times), time_cmp);
	for (size_t i = 0; !err && i < v->ntimes; i++) {
		struct agg_time_row *row = &v->times[i];

		if (n && !time_cmp(&v->times[n - 1], row)) {
			err = hist_join(v, &v->times[n - 1].queue, row->queue);
			err = err ?: hist_join(v, &v->times[n - 1].service, row->service);
		} else {
			v->times[n++] = *row;
		}
	}
	v->ntimes = n;
	return err;
}

static void requests_join(struct agg_view *v)
{
	struct agg_time_row *time = v->times;
	size_t n = 0;

	qsort(v->requests, v->nrequests, sizeof(*v->requests), request_cmp);
	for (size_t i = 0; i < v->nrequests; i++) {
		const struct agg_request_row *row = &v->requests[i];
		struct agg_request_row *last = n ? &v->requests[n - 1] : NULL;

		if (last && !request_cmp(last, row)) {
			last->count += row->count;
			last->coarse += row->coarse;
			last->errors += row->errors;
			last->request_bytes += row->request_bytes;
			last->reply_bytes += row->reply_bytes;
			last->rows += row->rows;
			last->queue_ns += row->queue_ns;
			last->service_ns += row->service_ns;
			continue;
		}
		/* Both lists are in the same order, and every request row has its time row. */
		while (labels_cmp(&time->labels, &row->labels))
			time++;
		v->requests[n] = *row;
		v->requests[n++].time = time;
	}
	v->nrequests = n;
}

static int requests_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	size_t ncounters = 1;
	int err;

	for (uint32_t i = 0; i < a->nkeys; i++)
		ncounters += a->series[i]->ncounters;
	v->times = calloc(a->nkeys + 1, sizeof(*v->times));
	v->requests = calloc(ncounters, sizeof(*v->requests));
	if (!v->times || !v->requests)
		return -ENOMEM;
	for (uint32_t i = 0; i < a->nkeys; i++)
		series_rows(v, a, a->series[i], labels_of(a, owners, &a->series[i]->key));
	if (series_used(&a->other))
		series_rows(v, a, &a->other, labels_of(a, owners, &a->other.key));
	err = times_join(v);
	if (!err)
		requests_join(v);
	return err;
}

static int containers_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->containers, v->ncontainers, sizeof(*v->containers), container_cmp);
	for (size_t i = 0; !err && i < v->ncontainers; i++) {
		const struct agg_container_row *row = &v->containers[i];
		struct agg_container_row *last = n ? &v->containers[n - 1] : NULL;

		if (!last || container_cmp(last, row)) {
			v->containers[n++] = *row;
			continue;
		}
		last->on_cpu_ns += row->on_cpu_ns;
		last->switches += row->switches;
		last->preemptions += row->preemptions;
		err = hist_join(v, &last->run_queue, row->run_queue);
	}
	v->ncontainers = n;
	return err;
}

static int run_queues_join(struct agg_view *v)
{
	int err = 0;

	v->nshared = v->nmerged;
	v->run_queues = calloc(v->ncontainers + 1, sizeof(*v->run_queues));
	if (!v->run_queues)
		return -ENOMEM;
	for (size_t i = 0; !err && i < v->ncontainers; i++) {
		const struct agg_container_row *row = &v->containers[i];
		struct agg_run_queue_row *last = v->nrun_queues ? &v->run_queues[v->nrun_queues - 1]
								: NULL;

		if (!last || name_cmp(last->tenant, row->tenant) ||
		    name_cmp(last->container, row->container))
			v->run_queues[v->nrun_queues++] =
				(struct agg_run_queue_row){ row->tenant, row->container,
							    row->run_queue };
		else
			err = hist_join(v, &last->run_queue, row->run_queue);
	}
	return err;
}

static void container_row(struct agg_view *v, const struct agg_container *c,
			  const struct intern *owners)
{
	v->containers[v->ncontainers++] = (struct agg_container_row){
		.tenant = owner_name(owners, c->owner.tenant),
		.workflow = owner_name(owners, c->owner.workflow),
		.container = owner_name(owners, c->owner.container),
		.on_cpu_ns = c->on_cpu_ns,
		.switches = c->switches,
		.preemptions = c->preemptions,
		.run_queue = &c->run_queue,
	};
}

static int containers_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	const struct agg_container *c;
	int err;

	v->containers = calloc(HASH_COUNT(a->containers) + 1, sizeof(*v->containers));
	if (!v->containers)
		return -ENOMEM;
	for (c = a->containers; c; c = c->hh.next)
		container_row(v, c, owners);
	c = &a->other_container;
	if (c->on_cpu_ns || c->switches || c->preemptions || c->run_queue.count)
		container_row(v, c, owners);
	err = containers_join(v);
	return err ?: run_queues_join(v);
}

static void probes_read(struct agg_view *v, const struct agg *a)
{
	v->price = a->price;
	for (int i = 0; i < PROBE_MAX; i++) {
		const struct agg_probe *p = &a->probes[i];
		struct agg_probe_row *row = &v->probes[i];

		*row = (struct agg_probe_row){ probe_names[i], p->seen, p->detailed,
					       p->coarse,      { 0 },	0 };
		for (int cause = 0; cause < LOST_CAUSE_MAX; cause++) {
			row->lost[cause] = p->lost[cause];
			row->lost_total += p->lost[cause];
		}
	}
}

static int programs_read(struct agg_view *v, const struct agg *a)
{
	v->programs = calloc(a->nprograms + 1, sizeof(*v->programs));
	if (!v->programs)
		return -ENOMEM;
	for (size_t i = 0; i < a->nprograms; i++)
		v->programs[v->nprograms++] = (struct agg_program_row){ a->programs[i].name,
									a->programs[i].runs,
									a->programs[i].run_ns };
	qsort(v->programs, v->nprograms, sizeof(*v->programs), program_cmp);
	return 0;
}

int agg_view_new(struct agg_view **out, const struct agg *a, const struct intern *owners)
{
	struct agg_view *v = calloc(1, sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	v->series = a->nseries;
	v->series_max = a->series_max;
	probes_read(v, a);
	err = requests_read(v, a, owners);
	err = err ?: containers_read(v, a, owners);
	err = err ?: programs_read(v, a);
	err = err ?: agg_io_view(v, a, owners);
	err = err ?: agg_net_view(v, a, owners);
	err = err ?: agg_named_view(v, a, owners);
	err = err ?: agg_stack_view(v, a, owners);
	err = err ?: agg_dns_view(v, a, owners);
	err = err ?: agg_sleep_view(v, a, owners);
	err = err ?: agg_pg_view(v, a, owners);
	err = err ?: agg_detail_view(v, a, owners);
	if (err)
		agg_view_free(v);
	else
		*out = v;
	return err;
}

void agg_view_free(struct agg_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->nmerged; i++) {
		hist_clear(v->merged[i]);
		free(v->merged[i]);
	}
	free(v->merged);
	free(v->requests);
	free(v->times);
	free(v->containers);
	free(v->run_queues);
	free(v->programs);
	agg_io_view_free(v);
	agg_net_view_free(v);
	agg_stack_view_free(v);
	agg_dns_view_free(v);
	agg_pg_view_free(v);
	free(v->named);
	free(v->sleeps);
	free(v->details);
	free(v->waits);
	free(v->parts);
	free(v->trips);
	free(v->ingress);
	free(v);
}
