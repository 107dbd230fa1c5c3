/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wait events of PostgreSQL backends, from sums per CPU to records of differences. Keys and numbers come
 * from servers that may lie; nothing here depends on what they mean.
 */
#include "user/drain_pg.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uthash.h>

#include "probes/postgres/pg_stats.h"

/* An entry is given back after so many drains without a sleep. */
#define IDLE_DRAINS_MAX 600

struct seen_sleep {
	struct pg_sleep_key key;
	struct pg_sleep_value last;
	uint32_t idle; /* drains without a difference */
	uint32_t drain;
	UT_hash_handle hh;
};

struct drain_pg {
	int map_fd;
	int cpus;
	uint32_t drains;
	struct seen_sleep *seen;
	struct pg_sleep_value *percpu;
};

int drain_pg_new(struct drain_pg **out, int map_fd, int cpus)
{
	struct drain_pg *d = calloc(1, sizeof(*d));

	if (d)
		d->percpu = calloc((size_t)cpus, sizeof(*d->percpu));
	if (!d || !d->percpu) {
		free(d);
		return -ENOMEM;
	}
	d->map_fd = map_fd;
	d->cpus = cpus;
	*out = d;
	return 0;
}

static void seen_drop(struct drain_pg *d, struct seen_sleep *s)
{
	HASH_DEL(d->seen, s);
	free(s);
}

void drain_pg_free(struct drain_pg *d)
{
	struct seen_sleep *s, *next;

	if (!d)
		return;
	HASH_ITER(hh, d->seen, s, next)
		seen_drop(d, s);
	free(d->percpu);
	free(d);
}

static struct seen_sleep *seen_get(struct drain_pg *d, const struct pg_sleep_key *key)
{
	struct seen_sleep *s;

	HASH_FIND(hh, d->seen, key, sizeof(*key), s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *key;
	HASH_ADD(hh, d->seen, key, sizeof(s->key), s);
	return s;
}

static struct pg_sleep_value sum_of(const struct drain_pg *d)
{
	struct pg_sleep_value sum = { 0 };

	for (int i = 0; i < d->cpus; i++) {
		sum.sleep_ns += d->percpu[i].sleep_ns;
		sum.run_queue_ns += d->percpu[i].run_queue_ns;
		sum.sleeps += d->percpu[i].sleeps;
	}
	return sum;
}

static int sleep_emit(struct drain_pg *d, const struct pg_sleep_key *key, uint64_t now_ns,
		      record_fn fn, void *ctx)
{
	struct rec_event r = {
		.hdr = { .kind = REC_EVENT, .len = sizeof(r), .time_ns = now_ns },
		.owner = { .cgroup = key->cgroup, .payer = key->payer },
		.pg_event = key->pg_event,
		.pg_major = key->pg_event >> PG_EVENT_MAJOR_SHIFT & 0xff,
	};
	struct pg_sleep_value sum;
	struct seen_sleep *s;

	if (bpf_map_lookup_elem(d->map_fd, key, d->percpu))
		return 0;
	s = seen_get(d, key);
	if (!s)
		return -ENOMEM;
	sum = sum_of(d);
	r.sleep_ns = sum.sleep_ns - s->last.sleep_ns;
	r.run_queue_ns = sum.run_queue_ns - s->last.run_queue_ns;
	r.sleeps = sum.sleeps - s->last.sleeps;
	s->last = sum;
	s->drain = d->drains;
	s->idle = r.sleeps ? 0 : s->idle + 1;
	if (r.sleeps)
		fn(ctx, &r, sizeof(r));
	return 0;
}

int drain_pg_run(struct drain_pg *d, uint64_t now_ns, record_fn fn, void *ctx)
{
	struct seen_sleep *s, *next;
	struct pg_sleep_key key, *prev = NULL;
	int err = 0;

	d->drains++;
	/* As many as it has room for: a walk starts again if the key it stands on is taken out. */
	for (int n = 0; n < PG_SLEEPS_MAX && !err; n++) {
		if (bpf_map_get_next_key(d->map_fd, prev, &key))
			break;
		prev = &key;
		err = sleep_emit(d, &key, now_ns, fn, ctx);
	}
	HASH_ITER(hh, d->seen, s, next) {
		if (s->idle > IDLE_DRAINS_MAX)
			bpf_map_delete_elem(d->map_fd, &s->key);
		if (s->idle > IDLE_DRAINS_MAX || s->drain != d->drains)
			seen_drop(d, s);
	}
	return err;
}

void drain_pg_forget(struct drain_pg *d, uint64_t cgroup)
{
	struct seen_sleep *s, *next;

	HASH_ITER(hh, d->seen, s, next)
		if (s->key.cgroup == cgroup || s->key.payer == cgroup)
			s->idle = IDLE_DRAINS_MAX;
}
