/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network table's differences as records. The iterator adds what open connections did since the last
 * time, and writes what listening sockets have in their queues; of these only drops are differences.
 */
#include "user/drain_net.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "probes/net/net_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

#define LISTENERS_AT_ONCE 64

/* Connections that are not accepted yet. */
struct waiting {
	uint64_t cgroup;
	uint64_t port;
	uint64_t oldest_ns;
	uint32_t connections;
	UT_hash_handle hh;
};

struct listener {
	uint64_t id;
	uint64_t drops; /* when last read */
	uint64_t read_ns;
	UT_hash_handle hh;
};

struct drain_net {
	struct drain_table *table;
	struct drain_table *accepted;
	int iter_fd;
	uint64_t tick_ns; /* of the kernel's low-resolution clock */
	struct listener *listeners;
	struct waiting *waiting;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

static uint64_t tick_ns(void)
{
	struct timespec t;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &t) ? 0 : t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

int drain_net_new(struct drain_net **out, int table_fd, int accepted_fd, int iter_fd)
{
	struct drain_net *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;

	err = err
		      ?: drain_table_new(&d->table,
					 &(struct drain_table_config){
						 table_fd,
						 sizeof(struct net_key) / sizeof(uint64_t), 2,
						 sizeof(struct net_stats) / sizeof(uint64_t) });
	err = err
		      ?: drain_table_new(&d->accepted,
					 &(struct drain_table_config){
						 accepted_fd,
						 sizeof(struct net_accept_key) / sizeof(uint64_t),
						 1,
						 sizeof(struct net_accepts) / sizeof(uint64_t) });
	if (err) {
		drain_net_free(d);
		return err;
	}
	d->iter_fd = iter_fd;
	d->tick_ns = tick_ns();
	*out = d;
	return 0;
}

/* Those that were not read at that time; 0: all. */
static void listeners_drop(struct drain_net *d, uint64_t read_ns)
{
	struct listener *l, *next;

	HASH_ITER(hh, d->listeners, l, next) {
		if (read_ns && l->read_ns == read_ns)
			continue;
		HASH_DEL(d->listeners, l);
		free(l);
	}
}

static void waiting_clear(struct drain_net *d)
{
	struct waiting *w, *next;

	HASH_ITER(hh, d->waiting, w, next) {
		HASH_DEL(d->waiting, w);
		free(w);
	}
}

void drain_net_free(struct drain_net *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	drain_table_free(d->accepted);
	waiting_clear(d);
	listeners_drop(d, 0);
	free(d);
}

/* Drops since the last time. Another socket may have the address of one that is gone: it begins with 0. */
static uint64_t drops_grown(struct drain_net *d, const struct net_listener *now)
{
	struct listener *l;
	uint64_t grown;

	HASH_FIND(hh, d->listeners, &now->id, sizeof(now->id), l);
	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return 0;
		l->id = now->id;
		HASH_ADD(hh, d->listeners, id, sizeof(l->id), l);
	}
	grown = now->drops >= l->drops ? now->drops - l->drops : now->drops;
	l->drops = now->drops;
	l->read_ns = d->now_ns;
	return grown;
}

static void waiting_add(struct drain_net *d, const struct net_listener *now)
{
	const uint64_t key[2] = { now->cgroup, now->port & ~NET_UNACCEPTED };
	struct waiting *w;

	HASH_FIND(hh, d->waiting, key, sizeof(key), w);
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		w->cgroup = now->cgroup;
		w->port = key[1];
		HASH_ADD(hh, d->waiting, cgroup, sizeof(key), w);
	}
	w->connections++;
	if (now->drops > w->oldest_ns)
		w->oldest_ns = now->drops;
}

static void waiting_emit(struct drain_net *d)
{
	for (const struct waiting *w = d->waiting; w; w = w->hh.next) {
		struct rec_accept r = {
			.hdr = { .kind = REC_ACCEPT, .len = sizeof(r), .time_ns = d->now_ns },
			.cgroup = w->cgroup,
			.oldest_ns = w->oldest_ns,
			.waiting = w->connections,
			.port = w->port
		};

		d->fn(d->ctx, &r, sizeof(r));
	}
	waiting_clear(d);
}

static void accept_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct net_accepts *a = (const void *)growth;
	const struct net_accept_key *k = (const void *)key;
	struct drain_net *d = ctx;
	struct rec_accept r = {
		.hdr = { .kind = REC_ACCEPT, .len = sizeof(r), .time_ns = d->now_ns },
		.cgroup = k->cgroup,
		.wait_ns = a->wait_ns,
		.port = k->port
	};

	for (int i = 0; i < SCHED_BUCKETS; i++)
		r.waits[i] = a->waits[i];
	d->fn(d->ctx, &r, sizeof(r));
}

static void listener_emit(struct drain_net *d, const struct net_listener *now)
{
	struct rec_listener r = {
		.hdr = { .kind = REC_LISTENER, .len = sizeof(r), .time_ns = d->now_ns },
		.cgroup = now->cgroup,
		.id = now->id,
		.drops = drops_grown(d, now),
		.backlog = now->backlog,
		.limit = now->limit,
		.netns = now->netns,
		.port = now->port,
	};

	d->fn(d->ctx, &r, sizeof(r));
}

/* What is read may end within a listener: the rest comes first in the next piece. */
static int sockets_read(struct drain_net *d)
{
	struct net_listener some[LISTENERS_AT_ONCE];
	int fd = bpf_iter_create(d->iter_fd);
	size_t have = 0, at;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, (char *)some + have, sizeof(some) - have)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		have += n > 0 ? n : 0;
		for (at = 0; have - at * sizeof(some[0]) >= sizeof(some[0]); at++)
			if (some[at].port & NET_UNACCEPTED)
				waiting_add(d, &some[at]);
			else
				listener_emit(d, &some[at]);
		have -= at * sizeof(some[0]);
		memmove(some, &some[at], have);
	}
	n = n < 0 ? -errno : 0;
	close(fd);
	listeners_drop(d, d->now_ns);
	waiting_emit(d);
	return (int)n;
}

static void windows_emit(struct drain_net *d, const struct rec_net *of, const __u64 *samples)
{
	static const char *const names[NET_DIRECTIONS] = { "sent", "received" };

	for (int i = 0; i < NET_DIRECTIONS; i++) {
		struct rec_named r = {
			.hdr = { .kind = REC_NAMED, .len = sizeof(r), .time_ns = d->now_ns },
			.cgroup = of->cgroup,
			.peer = of->peer,
			.n = { samples[i] },
			.what = NET_NAMED_WINDOWS,
			.peer_kind = of->peer_kind
		};

		if (!samples[i])
			continue;
		memcpy(r.name, names[i], strlen(names[i]));
		d->fn(d->ctx, &r, sizeof(r));
	}
}

static void net_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct net_stats *st = (const void *)growth;
	const struct net_key *k = (const void *)key;
	struct drain_net *d = ctx;
	struct rec_net r = { .hdr = { .kind = REC_NET, .len = sizeof(r), .time_ns = d->now_ns },
			     .cgroup = k->cgroup,
			     .peer = k->peer,
			     .n = st->n,
			     .role = k->what & 0xff,
			     .peer_kind = k->what >> 8 };

	for (int i = 0; i < NET_STALL_MAX; i++)
		r.n.stall_ns[i] *= d->tick_ns;
	for (int i = 0; i < SCHED_BUCKETS; i++) {
		r.connects[i] = st->connects[i];
		r.rtt[i] = st->rtt[i];
	}
	d->fn(d->ctx, &r, sizeof(r));
	windows_emit(d, &r, st->windows);
}

int drain_net_run(struct drain_net *d, record_fn fn, void *ctx)
{
	int err;

	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	err = d->iter_fd < 0 ? 0 : sockets_read(d);
	err = drain_table_run(d->accepted, accept_row, d) ?: err;
	return drain_table_run(d->table, net_row, d) ?: err;
}

void drain_net_forget(struct drain_net *d, uint64_t cgroup)
{
	drain_table_forget(d->table, cgroup);
	drain_table_forget(d->accepted, cgroup);
}
