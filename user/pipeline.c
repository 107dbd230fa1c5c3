/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands records to the decoder and events to the stages that count them, and knows which containers there
 * are. Housekeeping is done when the records' time has moved on by a second: a replay does it at the same ones.
 */
#include "user/pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/attrib.h"
#include "user/bill.h"
#include "user/container.h"
#include "user/ingress.h"
#include "user/ledger.h"
#include "user/lib/clock.h"
#include "user/net_names.h"
#include "user/parts.h"
#include "user/split.h"
#include "user/trips.h"

#define CONTAINERS_MAX 16384
#define CONTAINER_GRACE_NS (60 * NS_PER_SEC)
#define SERIES_GRACE_NS (120 * NS_PER_SEC)
#define TICK_NS NS_PER_SEC
/* Of the limit of series: a pair of the ledger is two, a row of parts is one for each part. */
#define SERIES_OF_PAIR 2
#define SERIES_OF_PARTS 16
#define SERIES_OF_TRIPS 8
#define SERIES_OF_INGRESS 8
#define ROWS_MIN 16

struct pipeline {
	struct pipeline_config cfg;
	struct container_table *containers;
	struct decode *decode;
	struct attrib *attrib;
	struct agg *agg;
	struct ledger *ledger;
	struct parts *parts;
	struct trips *trips;
	struct ingress *ingress;
	struct bill *bill;
	struct split split;
	/* The decoder holds on to this array; the strings change with the configuration. */
	const char *comment_keys[CONFIG_COMMENT_KEYS_MAX + 1];
	uint64_t records;
	uint64_t strangers;
	uint64_t first_ns; /* 0: no record yet */
	uint64_t now_ns;
	uint64_t tick_ns; /* when housekeeping is due */
};

static const char *cgroup_path_of(void *ctx, uint64_t cgroup)
{
	const struct container *c = container_get(((struct pipeline *)ctx)->containers, cgroup);

	return c ? c->path : NULL;
}

static const char *cgroup_label_of(void *ctx, uint64_t cgroup)
{
	const struct container *c = container_get(((struct pipeline *)ctx)->containers, cgroup);

	return c ? c->label : NULL;
}

/* Cgroups below a container's own have its label, and a unit that is started again has its old one. */
static bool label_in_use(const struct pipeline *p, const struct container *but)
{
	for (uint32_t i = 0; i < container_index_end(p->containers); i++) {
		const struct container *c = container_at(p->containers, i);

		if (c && c != but && !c->removed && !strcmp(c->label, but->label))
			return true;
	}
	return false;
}

static void container_gone(void *ctx, const struct container *c)
{
	struct pipeline *p = ctx;

	attrib_forget(p->attrib, c->id);
	if (!label_in_use(p, c))
		agg_forget_container(p->agg, intern_find(attrib_names(p->attrib), str_of(c->label)),
				     p->now_ns);
}

static void comment_keys_copy(struct pipeline *p, const struct config *config)
{
	unsigned int n;
	const char *const *keys = config_comment_keys(config, &n);

	memset(p->comment_keys, 0, sizeof(p->comment_keys));
	memcpy(p->comment_keys, keys, n * sizeof(keys[0]));
}

static uint32_t rows_max(const struct config *config, uint32_t series_of_row)
{
	uint32_t n = config->series_limit / series_of_row;

	return n > ROWS_MIN ? n : ROWS_MIN;
}

struct pipeline *pipeline_new(const struct pipeline_config *cfg)
{
	struct pipeline *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->cfg = *cfg;
	comment_keys_copy(p, cfg->config);
	p->containers = container_table_new(CONTAINERS_MAX, CONTAINER_GRACE_NS, container_gone, p);
	p->decode = decode_new(&(struct decode_config){ .comment_keys = p->comment_keys });
	p->attrib = attrib_new(cfg->config, cgroup_path_of, cgroup_label_of, p);
	p->agg = agg_new(cfg->config->series_limit, SERIES_GRACE_NS);
	p->ledger = ledger_new(rows_max(cfg->config, SERIES_OF_PAIR));
	p->parts = parts_new(rows_max(cfg->config, SERIES_OF_PARTS));
	p->trips = trips_new(rows_max(cfg->config, SERIES_OF_TRIPS));
	p->ingress = ingress_new(rows_max(cfg->config, SERIES_OF_INGRESS));
	p->bill = bill_new();
	p->split = (struct split){ p->bill, p->agg, p->ledger };
	if (p->containers && p->decode && p->attrib && p->agg && p->ledger && p->parts &&
	    p->trips && p->ingress && p->bill)
		return p;
	pipeline_free(p);
	return NULL;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	agg_free(p->agg);
	ledger_free(p->ledger);
	parts_free(p->parts);
	trips_free(p->trips);
	ingress_free(p->ingress);
	bill_free(p->bill);
	if (p->attrib)
		attrib_free(p->attrib);
	decode_free(p->decode);
	container_table_free(p->containers);
	free(p);
}

static void on_cgroup(struct pipeline *p, const struct rec_cgroup *rec)
{
	struct str path = { rec->path, rec->path_len };
	bool known = container_get(p->containers, rec->cgroup);

	switch (rec->change) {
	case CGROUP_PRESENT:
		/* If the path is another, container_gone() is called for the old one. */
		if (container_add(p->containers, rec->cgroup, path, p->now_ns) && !known)
			attrib_forget(p->attrib, rec->cgroup);
		return;
	case CGROUP_REMOVED:
		/* It may be unknown because the table was full; the kernel side knows it all the same. */
		container_remove(p->containers, rec->cgroup, p->now_ns);
		bill_forget(p->bill, rec->cgroup);
		if (p->cfg.cgroup_gone)
			p->cfg.cgroup_gone(p->cfg.cgroup_ctx, rec->cgroup);
	}
}

/* What a server does for nobody in particular is the system's. */
static struct owner work_owner(struct pipeline *p, const struct rec_owner *o)
{
	if (!o->payer && bill_is_server(p->bill, o->cgroup))
		return attrib_server(p->attrib, o->cgroup);
	return attrib_owner(p->attrib, o);
}

/* Whose a statement is; what its transaction did before tells the workflow if it tells none itself. */
static struct owner statement_owner(struct pipeline *p, const struct party *party)
{
	struct owner own =
		attrib_inherit(p->attrib, party->subject, party->statement, party->context);

	for (unsigned int i = 0; i < party->nbefore && own.workflow == ATTRIB_UNATTRIBUTED; i++)
		own.workflow = attrib_request(p->attrib, party->subject, party->before[i]).workflow;
	return own;
}

/* False: nobody. */
static bool party_owner(struct pipeline *p, const struct party *party, struct owner *out)
{
	*out = party->subject ? statement_owner(p, party) : work_owner(p, &party->owner);
	return party->subject || party->owner.cgroup || party->owner.payer;
}

/* The kernel tells cgroups apart, and decoders clients: who they belong to is known only here. */
static enum wait_cause cause_of(struct pipeline *p, const struct event_wait *w,
				const struct owner *waiter, const struct owner *occupant)
{
	if (w->cause == WAIT_NEIGHBOUR && !w->waiter.subject && !w->occupant.subject &&
	    attrib_same_owner(p->attrib, &w->waiter.owner, &w->occupant.owner))
		return WAIT_SELF;
	if (w->cause == WAIT_SELF && w->waiter.subject && waiter->tenant != occupant->tenant)
		return WAIT_NEIGHBOUR;
	return w->cause;
}

static void on_wait(struct pipeline *p, const struct event_wait *w)
{
	struct event_wait wait = *w;
	struct owner waiter, occupant;

	party_owner(p, &w->waiter, &waiter);
	if (!party_owner(p, &w->occupant, &occupant) && w->cause == WAIT_SELF)
		occupant = waiter;
	wait.cause = cause_of(p, w, &waiter, &occupant);
	if (w->resource == RESOURCE_CPU || w->resource == RESOURCE_DISK)
		split_wait(&p->split, &wait, waiter, occupant);
	else
		ledger_wait(p->ledger, &wait, waiter, occupant);
}

static const char *name_of(struct pipeline *p, uint32_t id)
{
	return intern_cstr(attrib_names(p->attrib), id);
}

/* The container at the other end, or what its address tells, as a name of the owners' table. */
static uint32_t peer_of(struct pipeline *p, uint64_t cgroup, enum net_peer kind)
{
	if (kind == NET_PEER_NODE)
		return attrib_cgroup(p->attrib, cgroup).container;
	return intern_id(attrib_names(p->attrib), str_of(net_peer_names[kind]));
}

static void on_request(struct pipeline *p, const struct event *ev)
{
	const struct event_request *r = &ev->request;
	struct pipeline_request out = { .event = r, .time_ns = ev->time_ns };
	struct owner culprit;

	out.owner = statement_owner(p, &(struct party){ .subject = r->subject,
							.statement = r->statement,
							.before = r->before,
							.nbefore = r->nbefore,
							.context = r->context });
	agg_request(p->agg, out.owner, r);
	parts_request(p->parts, out.owner, r);
	if (r->trip)
		trips_request(p->trips, out.owner, peer_of(p, r->peer, r->peer_kind), r);
	if (r->statement->protocol == PROTO_HTTP)
		ingress_request(p->ingress, out.owner, peer_of(p, r->peer, r->peer_kind), r);
	bill_request(p->bill, out.owner, r);
	if (!p->cfg.request)
		return;
	if (!party_owner(p, &r->culprit, &culprit))
		culprit = (struct owner){ 0 };
	else if (!r->culprit.subject)
		bill_most(p->bill, &r->culprit.owner, &culprit);
	out.tenant = name_of(p, out.owner.tenant);
	out.workflow = name_of(p, out.owner.workflow);
	out.peer = name_of(p, peer_of(p, r->peer, r->peer_kind));
	out.culprit_tenant = name_of(p, culprit.tenant);
	out.culprit_workflow = name_of(p, culprit.workflow);
	p->cfg.request(p->cfg.request_ctx, &out);
}

static void cpu_share(void *ctx, struct owner owner, uint64_t ns)
{
	agg_cpu(((struct pipeline *)ctx)->agg, owner, ns);
}

static void on_sched(struct pipeline *p, const struct rec_sched *rec)
{
	struct rec_owner of = { rec->cgroup, rec->payer };
	struct rec_sched rest = *rec;

	p->strangers += !pipeline_knows(p, rec->cgroup);
	rest.on_cpu_ns = bill_sched(p->bill, &of, rec->on_cpu_ns, rec->run_queue_ns, cpu_share, p);
	agg_sched(p->agg, work_owner(p, &of), &rest);
}

static void on_unanswered(struct pipeline *p, const struct event_unanswered *u)
{
	ingress_unanswered(p->ingress, attrib_cgroup(p->attrib, u->subject->cgroup),
			   peer_of(p, u->peer, u->peer_kind), u);
}

static void on_container(struct pipeline *p, const struct event *ev)
{
	if (ev->kind == EVENT_MEMORY)
		agg_mem(p->agg, attrib_cgroup(p->attrib, ev->memory->cgroup), ev->memory);
	else if (ev->kind == EVENT_NET)
		agg_net(p->agg, attrib_cgroup(p->attrib, ev->net->cgroup),
			attrib_cgroup(p->attrib, ev->net->peer), ev->net);
	else if (ev->kind == EVENT_LISTENER)
		agg_listener(p->agg, attrib_cgroup(p->attrib, ev->listener->cgroup), ev->listener);
	else if (ev->kind == EVENT_DNS)
		agg_dns(p->agg, attrib_cgroup(p->attrib, ev->dns->cgroup), ev->dns);
	else if (ev->kind == EVENT_ACCEPT)
		agg_accept(p->agg, attrib_cgroup(p->attrib, ev->accept->cgroup), ev->accept);
	else if (ev->kind == EVENT_SOFTIRQ)
		agg_softirq(p->agg, attrib_cgroup(p->attrib, ev->softirq->cgroup), ev->softirq);
	else if (ev->kind == EVENT_EGRESS)
		agg_egress(p->agg, attrib_cgroup(p->attrib, ev->egress->cgroup), ev->egress);
	else if (ev->kind == EVENT_UNANSWERED)
		on_unanswered(p, &ev->unanswered);
	else
		agg_named(p->agg, attrib_cgroup(p->attrib, ev->named->cgroup),
			  attrib_cgroup(p->attrib, ev->named->peer), ev->named);
}

/* What the tracer says of itself. */
static void on_tracer(struct pipeline *p, const struct event *ev)
{
	if (ev->kind == EVENT_COUNTS)
		agg_counts(p->agg, ev->counts);
	else if (ev->kind == EVENT_PROGRAM)
		agg_program(p->agg, ev->program);
	else
		agg_price(p->agg, ev->price);
}

/* Errors of the aggregation are counted by it. */
static void on_event(void *ctx, const struct event *ev)
{
	struct pipeline *p = ctx;
	struct owner owner;

	switch (ev->kind) {
	case EVENT_REQUEST:
		on_request(p, ev);
		return;
	case EVENT_COARSE:
		agg_coarse(p->agg, attrib_cgroup(p->attrib, ev->coarse->cgroup), ev->coarse);
		return;
	case EVENT_SCHED:
		on_sched(p, ev->sched);
		return;
	case EVENT_CGROUP:
		on_cgroup(p, ev->cgroup);
		return;
	case EVENT_COUNTS:
	case EVENT_PROGRAM:
	case EVENT_PRICE:
		on_tracer(p, ev);
		return;
	case EVENT_WAIT:
		on_wait(p, &ev->wait);
		return;
	case EVENT_SLEEP:
		agg_sleep(p->agg, attrib_owner(p->attrib, &ev->sleep->owner), ev->sleep);
		return;
	case EVENT_IO:
		split_io(&p->split, ev->io, work_owner(p, &ev->io->owner));
		return;
	case EVENT_OPEN:
		bill_open(p->bill, statement_owner(p, &ev->open.of), &ev->open);
		return;
	case EVENT_TRANSACTION:
		party_owner(p, &ev->transaction.of, &owner);
		agg_transaction(p->agg, owner, &ev->transaction);
		return;
	case EVENT_REFUSED:
		party_owner(p, &ev->refused.of, &owner);
		agg_refused(p->agg, owner, &ev->refused);
		return;
	case EVENT_LOCK:
		return;
	case EVENT_MEMORY:
	case EVENT_NET:
	case EVENT_LISTENER:
	case EVENT_ACCEPT:
	case EVENT_DNS:
	case EVENT_NAMED:
	case EVENT_SOFTIRQ:
	case EVENT_EGRESS:
	case EVENT_UNANSWERED:
		on_container(p, ev);
		return;
	case EVENT_UNDECODED:
		agg_undecoded(p->agg, attrib_cgroup(p->attrib, ev->undecoded.cgroup),
			      &ev->undecoded);
	}
}

/* Records come nearly in the order of time; drained ones are a little ahead. */
static void pipeline_time(struct pipeline *p, uint64_t time_ns)
{
	if (!p->first_ns)
		p->first_ns = p->now_ns = time_ns;
	if (time_ns <= p->now_ns)
		return;
	p->now_ns = time_ns;
	if (time_ns < p->tick_ns)
		return;
	p->tick_ns = time_ns + TICK_NS > time_ns ? time_ns + TICK_NS : UINT64_MAX;
	container_expire(p->containers, time_ns);
	agg_expire(p->agg, time_ns);
	bill_open_begin(p->bill);
	decode_tick(p->decode, time_ns, on_event, p);
}

void pipeline_record(void *pipeline, const void *rec, size_t len)
{
	struct pipeline *p = pipeline;
	const struct rec_hdr *hdr = rec;

	p->records++;
	if (p->cfg.tap)
		p->cfg.tap(p->cfg.tap_ctx, rec, len);
	if (len >= sizeof(*hdr))
		pipeline_time(p, hdr->time_ns);
	decode_record(p->decode, rec, len, on_event, p);
}

void pipeline_finish(struct pipeline *p)
{
	decode_finish(p->decode, on_event, p);
}

bool pipeline_knows(struct pipeline *p, uint64_t cgroup)
{
	return container_get(p->containers, cgroup);
}

uint64_t pipeline_strangers(const struct pipeline *p)
{
	return p->strangers;
}

int pipeline_reconfigure(struct pipeline *p, const struct config *config)
{
	struct attrib *a = attrib_new(config, cgroup_path_of, cgroup_label_of, p);
	const struct intern *old = attrib_names(p->attrib);
	bool same = a;

	/* The aggregation knows names by number: the new table has to number them as the old one. */
	for (uint32_t id = 0; same && id < intern_count(old); id++)
		same = intern_id(attrib_names(a), intern_str(old, id)) == id;
	if (!same) {
		if (a)
			attrib_free(a);
		return -ENOMEM;
	}
	attrib_free(p->attrib);
	p->attrib = a;
	p->cfg.config = config;
	comment_keys_copy(p, config);
	return 0;
}

int pipeline_view(const struct pipeline *p, struct agg_view **out)
{
	const struct intern *names = attrib_names(p->attrib);
	struct agg_view *v;
	int err = agg_view_new(&v, p->agg, names);

	if (err)
		return err;
	err = ledger_read(p->ledger, names, &v->waits, &v->nwaits);
	err = err ?: parts_read(p->parts, names, &v->parts, &v->nparts);
	err = err ?: trips_read(p->trips, names, &v->trips, &v->ntrips);
	err = err ?: ingress_read(p->ingress, names, &v->ingress, &v->ningress);
	if (err)
		agg_view_free(v);
	else
		*out = v;
	return err;
}

void pipeline_clear(struct pipeline *p)
{
	agg_clear(p->agg);
	ledger_clear(p->ledger);
	parts_clear(p->parts);
	trips_clear(p->trips);
	ingress_clear(p->ingress);
	bill_clear(p->bill);
	p->first_ns = p->now_ns;
}

uint64_t pipeline_span_ns(const struct pipeline *p)
{
	return p->now_ns - p->first_ns;
}

uint64_t pipeline_now_ns(const struct pipeline *p)
{
	return p->now_ns;
}

struct pipeline_counts pipeline_counts(const struct pipeline *p)
{
	return (struct pipeline_counts){
		.records = p->records,
		.refused_containers = container_refused(p->containers),
		.agg_errors = agg_errors(p->agg),
		.decode = decode_counts(p->decode),
	};
}
