/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation of TCP connections and listening sockets. In: drained records with their owner, and that of
 * the peer. Out: counters of agg_net.h. What finds no room under the limit is added to one overflow
 * series of each.
 */
#include "user/agg_net.h"

#include <errno.h>
#include <stdlib.h>

#include "user/agg_series.h"

static void hists_init(struct agg_net *n)
{
	hist_init(&n->connects, SCHED_SCHEMA);
	hist_init(&n->rtt, SCHED_SCHEMA);
}

static void hists_clear(struct agg_net *n)
{
	hist_clear(&n->connects);
	hist_clear(&n->rtt);
}

void agg_net_init(struct agg_nets *nets)
{
	*nets = (struct agg_nets){
		.other.key = { .tenant = INTERN_OTHER,
			       .container = INTERN_OTHER,
			       .role = ROLE_MAX,
			       .peer_kind = NET_PEER_MAX },
		.other_listener.key = { INTERN_OTHER, INTERN_OTHER, 0 },
	};
	hists_init(&nets->other);
	hist_init(&nets->other_listener.waits, SCHED_SCHEMA);
}

static void net_free(struct agg *a, struct agg_net *n)
{
	HASH_DEL(a->net.nets, n);
	a->nseries--;
	hists_clear(n);
	free(n);
}

static void listener_free(struct agg *a, struct agg_listener *l)
{
	HASH_DEL(a->net.listeners, l);
	a->nseries--;
	hist_clear(&l->waits);
	free(l);
}

void agg_net_clear(struct agg *a)
{
	struct agg_listener *l, *l_next;
	struct agg_net *n, *n_next;

	HASH_ITER(hh, a->net.nets, n, n_next)
		net_free(a, n);
	HASH_ITER(hh, a->net.listeners, l, l_next)
		listener_free(a, l);
	hists_clear(&a->net.other);
	hist_clear(&a->net.other_listener.waits);
	agg_net_init(&a->net);
}

static struct agg_net *net_new(struct agg *a, const struct agg_net_key *key)
{
	struct agg_net *n;

	if (a->nseries >= a->series_max)
		return NULL;
	n = calloc(1, sizeof(*n));
	if (n) {
		n->key = *key;
		hists_init(n);
		HASH_ADD(hh, a->net.nets, key, sizeof(n->key), n);
	}
	if (!n || !n->hh.tbl) {
		free(n);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return n;
}

void agg_net_counts_add(struct net_counts *dst, const struct net_counts *src)
{
	const uint64_t *s = (const uint64_t *)src;
	uint64_t *d = (uint64_t *)dst;

	for (size_t i = 0; i < NET_COUNTS_WORDS; i++)
		d[i] += s[i];
}

static int buckets_add(struct hist *h, const uint32_t *buckets)
{
	int err = 0;

	for (int i = 0; i < SCHED_BUCKETS; i++)
		err = hist_add_bucket(h, SCHED_OFFSET + i, buckets[i]) ?: err;
	return err;
}

int agg_net(struct agg *a, struct owner owner, struct owner peer, const struct rec_net *rec)
{
	struct agg_net_key key = { .tenant = owner.tenant,
				   .container = owner.container,
				   .role = rec->role,
				   .peer_kind = rec->peer_kind };
	struct agg_net *n;
	int err;

	if (rec->peer_kind == NET_PEER_NODE) {
		key.peer_tenant = peer.tenant;
		key.peer_container = peer.container;
	}
	HASH_FIND(hh, a->net.nets, &key, sizeof(key), n);
	n = n ?: net_new(a, &key) ?: &a->net.other;
	agg_net_counts_add(&n->n, &rec->n);
	n->connects.sum_ns += rec->n.connect_ns;
	n->rtt.sum_ns += rec->n.rtt_ns;
	err = buckets_add(&n->connects, rec->connects);
	err = buckets_add(&n->rtt, rec->rtt) ?: err;
	if (err)
		a->errors++;
	return err;
}

static struct agg_listener *listener_new(struct agg *a, const struct agg_listener_key *key)
{
	struct agg_listener *l;

	if (a->nseries >= a->series_max)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (l) {
		l->key = *key;
		hist_init(&l->waits, SCHED_SCHEMA);
		HASH_ADD(hh, a->net.listeners, key, sizeof(l->key), l);
	}
	if (!l || !l->hh.tbl) {
		free(l);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return l;
}

static struct agg_listener *listener_of(struct agg *a, struct owner owner, uint32_t port)
{
	const struct agg_listener_key key = { owner.tenant, owner.container, port };
	struct agg_listener *l;

	HASH_FIND(hh, a->net.listeners, &key, sizeof(key), l);
	return l ?: listener_new(a, &key) ?: &a->net.other_listener;
}

int agg_accept(struct agg *a, struct owner owner, const struct rec_accept *rec)
{
	struct agg_listener *l = listener_of(a, owner, rec->port);
	int err = buckets_add(&l->waits, rec->waits);

	l->waits.sum_ns += rec->wait_ns;
	if (rec->waiting) {
		if (l->waiting_ns != rec->hdr.time_ns)
			l->waiting = l->oldest_ns = 0;
		l->waiting_ns = rec->hdr.time_ns;
		l->waiting += rec->waiting;
		if (rec->oldest_ns > l->oldest_ns)
			l->oldest_ns = rec->oldest_ns;
	}
	if (err)
		a->errors++;
	return err;
}

int agg_listener(struct agg *a, struct owner owner, const struct rec_listener *rec)
{
	struct agg_listener *l = listener_of(a, owner, rec->port);
	uint64_t time_ns = rec->hdr.time_ns;

	a->net.listeners_ns = time_ns;
	if (l->time_ns != time_ns) {
		l->time_ns = time_ns;
		l->sockets = l->backlog = l->limit = 0;
	}
	l->sockets++;
	l->drops += rec->drops;
	/* As fractions: of limits that differ the emptier queue may be the longer one. */
	if (!l->limit || (uint64_t)rec->backlog * l->limit > (uint64_t)l->backlog * rec->limit) {
		l->backlog = rec->backlog;
		l->limit = rec->limit;
	}
	return 0;
}

/* At either end: a container that lives on may have had any number of peers. */
static bool concerns(const struct agg_net_key *key, uint32_t container)
{
	return key->container == container || key->peer_container == container;
}

uint64_t agg_net_activity(const struct agg *a, uint32_t container)
{
	uint64_t sum = 0;

	for (const struct agg_net *n = a->net.nets; n; n = n->hh.next)
		for (size_t i = 0; concerns(&n->key, container) && i < NET_COUNTS_WORDS; i++)
			sum += ((const uint64_t *)&n->n)[i];
	for (const struct agg_listener *l = a->net.listeners; l; l = l->hh.next)
		if (l->key.container == container)
			sum += l->drops + l->waits.count;
	return sum;
}

void agg_net_drop(struct agg *a, uint32_t container)
{
	struct agg_listener *l, *l_next;
	struct agg_net *n, *n_next;

	HASH_ITER(hh, a->net.nets, n, n_next)
		if (concerns(&n->key, container))
			net_free(a, n);
	HASH_ITER(hh, a->net.listeners, l, l_next)
		if (l->key.container == container)
			listener_free(a, l);
}

size_t agg_net_memory(const struct agg *a)
{
	size_t bytes = agg_hist_memory(&a->net.other_listener.waits);

	for (const struct agg_listener *l = a->net.listeners; l; l = l->hh.next)
		bytes += sizeof(*l) + agg_hist_memory(&l->waits);
	for (const struct agg_net *n = a->net.nets; n; n = n->hh.next)
		bytes += sizeof(*n) + agg_hist_memory(&n->connects) + agg_hist_memory(&n->rtt);
	return bytes + agg_hist_memory(&a->net.other.connects) + agg_hist_memory(&a->net.other.rtt);
}
