/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: facts of the network by owner, peer and one name. Only for agg*.c. Has a limit of its
 * own, of rows and of names; what finds no room is added to one overflow series for each kind.
 */
#ifndef TALLYMAN_AGG_NAMED_H
#define TALLYMAN_AGG_NAMED_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/agg_view.h"

struct agg_named_key {
	uint32_t tenant;
	uint32_t container;
	uint32_t peer_tenant; /* 0 unless NET_PEER_NODE, as is the next */
	uint32_t peer_container;
	uint32_t name;	    /* id in agg_nameds.names */
	uint16_t what;	    /* enum net_named */
	uint16_t peer_kind; /* NET_PEER_MAX: the overflow series */
};
_Static_assert(sizeof(struct agg_named_key) == 24, "compared as bytes: no padding");

struct agg_named {
	struct agg_named_key key;
	uint64_t n[NET_NAMED_NUMBERS];
	UT_hash_handle hh;
};

/* Part of struct agg. */
struct agg_nameds {
	struct intern *names[NET_NAMED_MAX]; /* so that no kind takes another one's room */
	struct agg_named *rows;
	uint32_t max;
	struct agg_named other[NET_NAMED_MAX];
};

/* -ENOMEM. */
int agg_named_init(struct agg *a);
void agg_named_clear(struct agg *a);
void agg_named_free(struct agg *a);

/* Anything that changes when something is added to one of the series in which the container is an end. */
uint64_t agg_named_activity(const struct agg *a, uint32_t container);
void agg_named_drop(struct agg *a, uint32_t container);
size_t agg_named_memory(const struct agg *a);

/* Fills the view's rows; whoever frees the view frees them. 0 or -ENOMEM. */
int agg_named_view(struct agg_view *v, const struct agg *a, const struct intern *owners);

#endif
