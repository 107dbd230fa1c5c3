/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of TCP connections and listening sockets for exporters. In: an agg's series and the table that
 * names owners. Out: sorted rows, those with equal labels added up. Each row of connections owns its
 * histograms.
 */
#include "user/agg_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/agg_series.h"
#include "user/agg_view.h"
#include "user/net_names.h"

const char *agg_peer_name(unsigned int peer)
{
	return net_peer_names[peer < NET_PEER_MAX ? peer : NET_PEER_MAX];
}

static const char *name_of(const struct intern *owners, uint32_t id)
{
	const char *name = intern_cstr(owners, id);

	return *name ? name : "unattributed";
}

static int net_cmp(const void *a, const void *b)
{
	const struct agg_net_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container) ?:
	       strcmp(x->role, y->role) ?:
	       strcmp(x->peer_tenant, y->peer_tenant) ?:
	       strcmp(x->peer, y->peer);
}

static int listener_cmp(const void *a, const void *b)
{
	const struct agg_listener_row *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->container, y->container) ?:
	       (x->port > y->port) - (x->port < y->port);
}

static int net_row(struct agg_view *v, const struct agg_net *n, const struct intern *owners)
{
	struct agg_net_row *row = &v->nets[v->nnets++];
	bool node = n->key.peer_kind == NET_PEER_NODE;
	int err;

	*row = (struct agg_net_row){
		.tenant = name_of(owners, n->key.tenant),
		.container = name_of(owners, n->key.container),
		.role = agg_role_name(n->key.role),
		.peer_tenant = node ? name_of(owners, n->key.peer_tenant) : "",
		.peer = node ? name_of(owners, n->key.peer_container)
			     : agg_peer_name(n->key.peer_kind),
		.n = n->n,
	};
	hist_init(&row->connects, SCHED_SCHEMA);
	hist_init(&row->rtt, SCHED_SCHEMA);
	err = hist_merge(&row->connects, &n->connects);
	return hist_merge(&row->rtt, &n->rtt) ?: err;
}

static int nets_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->nets, v->nnets, sizeof(*v->nets), net_cmp);
	for (size_t i = 0; i < v->nnets; i++) {
		struct agg_net_row *row = &v->nets[i], *last = n ? &v->nets[n - 1] : NULL;

		if (!last || net_cmp(last, row)) {
			v->nets[n++] = *row;
			continue;
		}
		agg_net_counts_add(&last->n, &row->n);
		err = hist_merge(&last->connects, &row->connects) ?: err;
		err = hist_merge(&last->rtt, &row->rtt) ?: err;
		hist_clear(&row->connects);
		hist_clear(&row->rtt);
	}
	v->nnets = n;
	return err;
}

static bool any(const struct net_counts *n)
{
	static const struct net_counts none;

	return memcmp(n, &none, sizeof(none));
}

static int nets_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	int err = 0;

	v->nets = calloc(HASH_COUNT(a->net.nets) + 1, sizeof(*v->nets));
	if (!v->nets)
		return -ENOMEM;
	for (const struct agg_net *n = a->net.nets; n; n = n->hh.next)
		err = net_row(v, n, owners) ?: err;
	if (any(&a->net.other.n))
		err = net_row(v, &a->net.other, owners) ?: err;
	return nets_join(v) ?: err;
}

/* One that does not listen any more has no queue. */
static int listener_row(struct agg_view *v, const struct agg *a, const struct agg_listener *l,
			const struct intern *owners)
{
	bool is = l->time_ns == a->net.listeners_ns, wait = l->waiting_ns == a->net.listeners_ns;
	struct agg_listener_row *row = &v->listeners[v->nlisteners++];

	*row = (struct agg_listener_row){
		.tenant = name_of(owners, l->key.tenant),
		.container = name_of(owners, l->key.container),
		.port = l->key.port,
		.backlog = is ? l->backlog : 0,
		.limit = is ? l->limit : 0,
		.sockets = is ? l->sockets : 0,
		.drops = l->drops,
		.waiting = wait ? l->waiting : 0,
		.oldest_ns = wait ? l->oldest_ns : 0,
	};
	hist_init(&row->waits, SCHED_SCHEMA);
	return hist_merge(&row->waits, &l->waits);
}

static int listeners_join(struct agg_view *v)
{
	size_t n = 0;
	int err = 0;

	qsort(v->listeners, v->nlisteners, sizeof(*v->listeners), listener_cmp);
	for (size_t i = 0; i < v->nlisteners; i++) {
		struct agg_listener_row *row = &v->listeners[i],
					*last = n ? &v->listeners[n - 1] : NULL;

		if (!last || listener_cmp(last, row)) {
			v->listeners[n++] = *row;
			continue;
		}
		last->drops += row->drops;
		last->sockets += row->sockets;
		last->waiting += row->waiting;
		if (row->oldest_ns > last->oldest_ns)
			last->oldest_ns = row->oldest_ns;
		err = hist_merge(&last->waits, &row->waits) ?: err;
		hist_clear(&row->waits);
		if (!last->limit || row->backlog * last->limit > last->backlog * row->limit) {
			last->backlog = row->backlog;
			last->limit = row->limit;
		}
	}
	v->nlisteners = n;
	return err;
}

static int listeners_read(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	int err = 0;

	v->listeners = calloc(HASH_COUNT(a->net.listeners) + 1, sizeof(*v->listeners));
	if (!v->listeners)
		return -ENOMEM;
	for (const struct agg_listener *l = a->net.listeners; l; l = l->hh.next)
		err = listener_row(v, a, l, owners) ?: err;
	if (a->net.other_listener.time_ns)
		err = listener_row(v, a, &a->net.other_listener, owners) ?: err;
	return listeners_join(v) ?: err;
}

int agg_net_view(struct agg_view *v, const struct agg *a, const struct intern *owners)
{
	int err = nets_read(v, a, owners);

	return err ?: listeners_read(v, a, owners);
}

void agg_net_view_free(struct agg_view *v)
{
	for (size_t i = 0; i < v->nnets; i++) {
		hist_clear(&v->nets[i].connects);
		hist_clear(&v->nets[i].rtt);
	}
	for (size_t i = 0; i < v->nlisteners; i++)
		hist_clear(&v->listeners[i].waits);
	free(v->nets);
	free(v->listeners);
}
