/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: TCP connections by container, role and peer, and listening sockets by container and
 * port. Only for agg*.c. Both count as series under the agg's limit.
 */
#ifndef TALLYMAN_AGG_NET_H
#define TALLYMAN_AGG_NET_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/lib/hist.h"

struct agg_net_key {
	uint32_t tenant;
	uint32_t container;
	uint32_t peer_tenant; /* 0 unless NET_PEER_NODE, as is the next */
	uint32_t peer_container;
	uint32_t role;
	uint32_t peer_kind; /* NET_PEER_MAX: the overflow series */
};

struct agg_net {
	struct agg_net_key key;
	struct net_counts n;
	struct hist connects;
	struct hist rtt;
	UT_hash_handle hh;
};

struct agg_listener_key {
	uint32_t tenant;
	uint32_t container;
	uint32_t port;
};

struct agg_listener {
	struct agg_listener_key key;
	uint64_t time_ns; /* of the last record: the next two are of that time */
	uint64_t sockets;
	uint32_t backlog; /* of the socket that is fullest */
	uint32_t limit;
	uint64_t drops;
	uint64_t waiting_ns; /* of the last record of connections that wait: the next two are of that time */
	uint64_t waiting;
	uint64_t oldest_ns;
	struct hist waits; /* of those accepted, where the kernel tells */
	UT_hash_handle hh;
};

/* Part of struct agg. Zero bytes are an empty one, but for agg_net_init(). */
struct agg_nets {
	struct agg_net *nets;
	struct agg_listener *listeners;
	struct agg_net other;
	struct agg_listener other_listener;
	uint64_t listeners_ns; /* when listening sockets were read last */
};

struct agg_view;
struct intern;

void agg_net_init(struct agg_nets *nets);
void agg_net_clear(struct agg *a);

/* Anything that changes when something is added to one of the series in which the container is an end. */
uint64_t agg_net_activity(const struct agg *a, uint32_t container);
void agg_net_drop(struct agg *a, uint32_t container);
size_t agg_net_memory(const struct agg *a);

/* dst += src, word by word. */
void agg_net_counts_add(struct net_counts *dst, const struct net_counts *src);

/* Fills the view's rows. 0 or -ENOMEM; agg_net_view_free() after both. */
int agg_net_view(struct agg_view *v, const struct agg *a, const struct intern *owners);
void agg_net_view_free(struct agg_view *v);

#endif
