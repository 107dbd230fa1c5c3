/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: subjects, statements and cgroups, by the ids that others gave them. Out: owners. Rules are
 * looked at once for each pair of ids; then the cache answers. Knows neither records nor how paths
 * and labels come about: it asks for them.
 */
#include "user/attrib.h"

#include <stdlib.h>

#include "user/attrib_cache.h"

#define CACHE_SLOTS (1U << 16) /* 1.5 MiB at most */
#define NAMES_MIN 65536U

struct attrib {
	const struct config *cfg;
	attrib_cgroup_fn path;
	attrib_cgroup_fn label;
	void *ctx;
	struct intern *names;
	struct attrib_cache requests; /* by subject and statement */
	struct attrib_cache cgroups;  /* every cgroup that an owner was made of */
};

struct attrib *attrib_new(const struct config *cfg, attrib_cgroup_fn path, attrib_cgroup_fn label,
			  void *ctx)
{
	uint32_t max = cfg->series_limit > NAMES_MIN / 4 ? cfg->series_limit * 4 : NAMES_MIN;
	struct attrib *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->cfg = cfg;
	a->path = path;
	a->label = label;
	a->ctx = ctx;
	a->names = intern_new(max);
	if (a->names && intern_id(a->names, STR("unattributed")) == ATTRIB_UNATTRIBUTED &&
	    !attrib_cache_init(&a->requests, CACHE_SLOTS) &&
	    !attrib_cache_init(&a->cgroups, CACHE_SLOTS))
		return a;
	attrib_free(a);
	return NULL;
}

void attrib_free(struct attrib *a)
{
	if (!a)
		return;
	attrib_cache_release(&a->requests);
	attrib_cache_release(&a->cgroups);
	intern_free(a->names);
	free(a);
}

/* 0: no rule matches. */
static uint32_t name_match(struct attrib *a, const struct rules *list, const struct rule_facts *f)
{
	struct rule_name name;
	const struct rule *r = rules_match(list, f, &name);

	if (!r || (f->is_context && !rule_is_of_http(r)))
		return 0;
	return intern_id(a->names, (struct str){ name.s, name.len });
}

static uint32_t name_or_unattributed(uint32_t id)
{
	return id ? id : ATTRIB_UNATTRIBUTED;
}

struct owner attrib_cgroup(struct attrib *a, uint64_t cgroup)
{
	const struct owner *known = attrib_cache_get(&a->cgroups, cgroup);
	struct rule_facts facts = { 0 };
	struct owner o;

	if (known)
		return *known;
	if (cgroup) {
		facts.cgroup = a->path(a->ctx, cgroup);
		facts.container = a->label(a->ctx, cgroup);
	}
	o.tenant = name_or_unattributed(name_match(a, a->cfg->tenants, &facts));
	o.workflow = name_or_unattributed(name_match(a, a->cfg->workflows, &facts));
	o.container = name_or_unattributed(
		facts.container ? intern_id(a->names, str_of(facts.container)) : 0);
	/* What requests remember must not outlast what tells that it is about this cgroup. */
	if (!attrib_cache_has_room(&a->cgroups, 1))
		attrib_flush(a);
	attrib_cache_put(&a->cgroups, cgroup, o);
	return o;
}

struct owner attrib_owner(struct attrib *a, const struct rec_owner *o)
{
	struct owner at = attrib_cgroup(a, o->cgroup), owner;

	if (!o->payer)
		return at;
	owner = attrib_cgroup(a, o->payer);
	owner.container = at.container;
	return owner;
}

struct owner attrib_server(struct attrib *a, uint64_t cgroup)
{
	struct owner o = attrib_cgroup(a, cgroup);

	if (o.tenant == ATTRIB_UNATTRIBUTED)
		o.tenant = intern_id(a->names, STR("system"));
	return o;
}

static bool same_container(struct attrib *a, uint64_t x, uint64_t y)
{
	uint32_t container;

	if (x == y || !x || !y)
		return x == y;
	container = attrib_cgroup(a, x).container;
	return container != ATTRIB_UNATTRIBUTED && container != INTERN_OTHER &&
	       container == attrib_cgroup(a, y).container;
}

bool attrib_same_owner(struct attrib *a, const struct rec_owner *x, const struct rec_owner *y)
{
	return same_container(a, x->cgroup, y->cgroup) && same_container(a, x->payer, y->payer);
}

/* The facts as seen from one end of the connection. */
static struct rule_facts facts_of(struct attrib *a, const struct subject *s,
				  const struct statement *st, bool is_context, uint64_t cgroup,
				  const char *process)
{
	return (struct rule_facts){
		.cgroup = cgroup ? a->path(a->ctx, cgroup) : NULL,
		.container = cgroup ? a->label(a->ctx, cgroup) : NULL,
		.process = process,
		.database = s->database,
		.user = s->user,
		.application_name = s->application_name,
		.statement = st,
		.is_context = is_context,
	};
}

static struct owner request_resolve(struct attrib *a, const struct subject *s,
				    const struct statement *st, bool is_context)
{
	struct owner o = { 0 };
	struct rule_facts facts;

	if (s->client_cgroup || *s->client_process) {
		facts = facts_of(a, s, st, is_context, s->client_cgroup, s->client_process);
		o.tenant = name_match(a, a->cfg->tenants, &facts);
		o.workflow = name_match(a, a->cfg->workflows, &facts);
	}
	if (!o.tenant || !o.workflow) {
		facts = facts_of(a, s, st, is_context, s->cgroup, s->process);
		if (!o.tenant)
			o.tenant = name_match(a, a->cfg->tenants, &facts);
		if (!o.workflow)
			o.workflow = name_match(a, a->cfg->workflows, &facts);
	}
	o.tenant = name_or_unattributed(o.tenant);
	o.workflow = name_or_unattributed(o.workflow);
	return o;
}

/* `is_context`: st is not what s asks, but what for. */
static struct owner request_owner(struct attrib *a, const struct subject *s,
				  const struct statement *st, bool is_context)
{
	uint64_t key = (uint64_t)is_context << 63 | (uint64_t)s->id << 32 | st->id;
	const struct owner *known = attrib_cache_get(&a->requests, key);
	struct owner o;

	if (known)
		return *known;
	o = request_resolve(a, s, st, is_context);
	/*
	 * Both cgroups go into their cache and stay there together, so that attrib_forget() knows
	 * them.
	 */
	if (!attrib_cache_has_room(&a->cgroups, 2))
		attrib_flush(a);
	if (s->client_cgroup)
		attrib_cgroup(a, s->client_cgroup);
	o.container = attrib_cgroup(a, s->cgroup).container;
	if (!attrib_cache_has_room(&a->requests, 1))
		attrib_cache_flush(&a->requests);
	attrib_cache_put(&a->requests, key, o);
	return o;
}

struct owner attrib_request(struct attrib *a, const struct subject *s, const struct statement *st)
{
	return request_owner(a, s, st, false);
}

struct owner attrib_inherit(struct attrib *a, const struct subject *s, const struct statement *st,
			    const struct statement *context)
{
	struct owner own = request_owner(a, s, st, false), of;

	if (!context)
		return own;
	of = request_owner(a, s, context, true);
	if (of.workflow != ATTRIB_UNATTRIBUTED)
		own.workflow = of.workflow;
	if (own.tenant == ATTRIB_UNATTRIBUTED)
		own.tenant = of.tenant;
	return own;
}

void attrib_forget(struct attrib *a, uint64_t cgroup)
{
	if (attrib_cache_get(&a->cgroups, cgroup))
		attrib_flush(a);
}

void attrib_flush(struct attrib *a)
{
	attrib_cache_flush(&a->requests);
	attrib_cache_flush(&a->cgroups);
}

struct intern *attrib_names(struct attrib *a)
{
	return a->names;
}
