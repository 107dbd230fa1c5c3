/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: what is counted besides requests and their times, by owner, role and one name: Redis'
 * keys by pattern, waiting for data by command, transactions by their end, and connections that are not
 * decoded by protocol, and requests that were counted only by cause. Only for agg*.c. Has a limit of its own; what finds no room is added to one
 * overflow series for each kind.
 */
#ifndef TALLYMAN_AGG_DETAIL_H
#define TALLYMAN_AGG_DETAIL_H

#include <stdbool.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"

enum detail_kind {
	DETAIL_KEYS,
	DETAIL_BLOCKED,
	DETAIL_TRANSACTIONS,
	DETAIL_UNDECODED,
	DETAIL_COARSE,
	DETAIL_MAX
};

/* What agg_detail_series.n[] is, by kind. */
enum detail_keys { KEYS_HITS, KEYS_MISSES, KEYS_PUSHED, KEYS_POPPED };
enum detail_blocked { BLOCKED_COUNT, BLOCKED_NS };
enum detail_transactions { TRANSACTIONS_COUNT, TRANSACTIONS_COMMANDS, TRANSACTIONS_NS };
#define DETAIL_NUMBERS 4

struct agg_detail_key {
	struct owner owner;
	uint32_t name; /* id in agg_details.names */
	uint8_t kind;
	uint8_t role;
	uint16_t pad;
};
_Static_assert(sizeof(struct agg_detail_key) == 20, "compared as bytes: no padding");

struct agg_detail_series {
	struct agg_detail_key key;
	uint64_t n[DETAIL_NUMBERS];
	UT_hash_handle hh;
};

/* A name that was looked up, by its address. */
struct agg_detail_name {
	const char *s;
	uint32_t id;
};

#define DETAIL_NAME_CACHE 256 /* a power of two */

/* Part of struct agg. */
struct agg_details {
	struct intern *names;
	struct agg_detail_series *series;
	uint32_t max;
	struct agg_detail_series other[DETAIL_MAX];
	struct agg_detail_name cache[DETAIL_NAME_CACHE];
};

struct agg_view;
struct intern;

/* -ENOMEM. */
int agg_detail_init(struct agg *a);
void agg_detail_clear(struct agg *a);
void agg_detail_free(struct agg *a);

/* What a request was besides. */
void agg_detail_request(struct agg *a, struct owner owner, const struct event_request *r);

/* Why requests were only counted. */
void agg_detail_coarse(struct agg *a, struct owner owner, const struct rec_coarse *rec);

/* Anything that changes when something is added to one of the container's series. */
uint64_t agg_detail_activity(const struct agg *a, uint32_t container);
void agg_detail_drop(struct agg *a, uint32_t container);
size_t agg_detail_memory(const struct agg *a);

/* Fills the view's rows; whoever frees the view frees them. 0 or -ENOMEM. */
int agg_detail_view(struct agg_view *v, const struct agg *a, const struct intern *owners);

#endif
