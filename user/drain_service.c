/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of called addresses as records. A name is "10.96.0.10:443" or "[fd00::1]:443". Addresses that
 * nobody calls any more make room.
 */
#include "user/drain_service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "probes/net/net_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

#define IDLE_RUNS 600

struct drain_service {
	struct drain_table *table;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

int drain_service_new(struct drain_service **out, int table_fd)
{
	struct drain_service *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;

	err = err
		      ?: drain_table_new(&d->table,
					 &(struct drain_table_config){
						 table_fd,
						 sizeof(struct net_service_key) / sizeof(uint64_t),
						 2,
						 sizeof(struct net_services) / sizeof(uint64_t) });
	if (err) {
		free(d);
		return err;
	}
	drain_table_expire(d->table, IDLE_RUNS);
	*out = d;
	return 0;
}

void drain_service_free(struct drain_service *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	free(d);
}

/* The longest there is: 39 of the address, 8 of the rest. */
static void name_put(const struct net_service_key *k, char out[NET_NAME_MAX])
{
	bool is_v6 = (k->what >> 16 & 0xffff) == AF_INET6;
	char address[INET6_ADDRSTRLEN];

	if (!inet_ntop(is_v6 ? AF_INET6 : AF_INET, k->address, address, sizeof(address)))
		address[0] = '\0';
	snprintf(out, NET_NAME_MAX, is_v6 ? "[%.39s]:%u" : "%.39s:%u", address,
		 (unsigned int)(k->what >> 32) & 0xffff);
}

static void service_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct net_services *n = (const void *)growth;
	const struct net_service_key *k = (const void *)key;
	struct drain_service *d = ctx;
	struct rec_named r = { .hdr = { .kind = REC_NAMED, .len = sizeof(r), .time_ns = d->now_ns },
			       .cgroup = k->cgroup,
			       .peer = k->peer,
			       .n = { n->opened, n->failed },
			       .what = NET_NAMED_SERVICES,
			       .peer_kind = k->what >> 8 & 0xff };

	name_put(k, r.name);
	d->fn(d->ctx, &r, sizeof(r));
}

int drain_service_run(struct drain_service *d, record_fn fn, void *ctx)
{
	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	return drain_table_run(d->table, service_row, d);
}

void drain_service_forget(struct drain_service *d, uint64_t cgroup)
{
	drain_table_forget(d->table, cgroup);
}
