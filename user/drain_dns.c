/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of DNS as records. In: counts that only grow, and queries with the time when they were asked.
 * Out: differences; timeouts are records of their own.
 */
#include "user/drain_dns.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "probes/net/dns_stats.h"
#include "user/dns_names.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

#define TIMEOUT_NS (5 * NS_PER_SEC)

struct drain_dns {
	struct drain_table *table;
	struct drain_dns_config cfg;
	struct dns_names *names; /* NULL: not wanted */
	uint64_t names_lost;	 /* as of the last run */
	record_fn fn;		 /* during a run */
	void *ctx;
	uint64_t now_ns;
};

int drain_dns_new(struct drain_dns **out, const struct drain_dns_config *cfg)
{
	struct drain_dns *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;

	err = err
		      ?: drain_table_new(&d->table,
					 &(struct drain_table_config){ cfg->table_fd, 1, 1,
								       sizeof(struct dns_stats) /
									       sizeof(uint64_t) });
	if (!err && cfg->names_fd >= 0) {
		d->names = dns_names_new();
		err = d->names ? 0 : -ENOMEM;
	}
	if (err) {
		drain_dns_free(d);
		return err;
	}
	d->cfg = *cfg;
	*out = d;
	return 0;
}

void drain_dns_free(struct drain_dns *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	dns_names_free(d->names);
	free(d);
}

static void dns_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct dns_stats *st = (const void *)growth;
	struct drain_dns *d = ctx;
	struct rec_dns r = { .hdr = { .kind = REC_DNS, .len = sizeof(r), .time_ns = d->now_ns },
			     .cgroup = *key,
			     .n.queries = st->queries,
			     .n.retried = st->retried,
			     .wait_ns = st->wait_ns };

	for (int i = 0; i < DNS_ANSWER_MAX; i++)
		r.n.answers[i] = st->answers[i];
	for (int i = 0; i < SCHED_BUCKETS; i++)
		r.waits[i] = st->waits[i];
	d->fn(d->ctx, &r, sizeof(r));
}

static void timeout_emit(struct drain_dns *d, uint64_t cgroup)
{
	struct rec_dns r = { .hdr = { .kind = REC_DNS, .len = sizeof(r), .time_ns = d->now_ns },
			     .cgroup = cgroup,
			     .n.timeouts = 1 };

	d->fn(d->ctx, &r, sizeof(r));
}

/* Nobody answered what had this name. */
static void name_expire(struct drain_dns *d, const struct dns_key *key)
{
	struct dns_named n;

	if (!d->names || bpf_map_lookup_elem(d->cfg.names_fd, key, &n))
		return;
	bpf_map_delete_elem(d->cfg.names_fd, key);
	n.answer = DNS_TIMED_OUT;
	dns_names_add(d->names, &n);
}

static void names_run(struct drain_dns *d)
{
	uint64_t lost = *(volatile __u64 *)d->cfg.names_lost;
	struct dns_named n;

	for (int i = 0; i < DNS_TOLD_MAX; i++) {
		if (bpf_map_lookup_and_delete_elem(d->cfg.told_fd, NULL, &n))
			break;
		dns_names_add(d->names, &n);
	}
	dns_names_add_lost(d->names, lost - d->names_lost);
	d->names_lost = lost;
	dns_names_emit(d->names, d->now_ns, d->fn, d->ctx);
}

/* The walk goes on from a key that is still there. Whoever deletes a query counts it, we or the answer. */
static void asked_expire(struct drain_dns *d)
{
	struct dns_key key, *at = NULL, next;
	struct dns_query q;

	while (!bpf_map_get_next_key(d->cfg.asked_fd, at, &next)) {
		if (!bpf_map_lookup_elem(d->cfg.asked_fd, &next, &q) && q.asked_ns < d->now_ns &&
		    d->now_ns - q.asked_ns > TIMEOUT_NS) {
			if (!bpf_map_delete_elem(d->cfg.asked_fd, &next)) {
				timeout_emit(d, q.cgroup);
				name_expire(d, &next);
			}
			continue; /* with the same `at` */
		}
		key = next;
		at = &key;
	}
}

int drain_dns_run(struct drain_dns *d, record_fn fn, void *ctx)
{
	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	asked_expire(d);
	if (d->names)
		names_run(d);
	return drain_table_run(d->table, dns_row, d);
}

void drain_dns_forget(struct drain_dns *d, uint64_t cgroup)
{
	drain_table_forget(d->table, cgroup);
	if (d->names)
		dns_names_forget(d->names, cgroup);
}
