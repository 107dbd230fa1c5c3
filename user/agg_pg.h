/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an agg: PostgreSQL's transactions by owner, and the connections that it refused by who asked. Only for
 * agg*.c. Each is a series under the agg's limit, a transaction's histogram another one. Names of users and addresses
 * come from whoever knocks: they have a table of their own, which they may fill.
 */
#ifndef TALLYMAN_AGG_PG_H
#define TALLYMAN_AGG_PG_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/lib/hist.h"

#define AGG_PG_NAMES_MAX 1024

struct agg_tx {
	struct owner owner;
	uint64_t ends[TRANSACTION_END_MAX];
	uint64_t statements;
	uint64_t idle_ns;
	struct hist time;
	UT_hash_handle hh;
};

struct agg_refused_key {
	uint32_t tenant;
	uint32_t container;
	uint32_t outcome; /* these three are of agg_pg.names */
	uint32_t user;
	uint32_t source;
};

struct agg_refused {
	struct agg_refused_key key;
	uint64_t count;
	UT_hash_handle hh;
};

/* Part of struct agg. Zero bytes are an empty one, but for agg_pg_init(). */
struct agg_pg {
	struct intern *names; /* NULL: nothing was refused yet */
	struct agg_tx *txs;
	struct agg_refused *refused;
	struct agg_tx other_tx;
	struct agg_refused other_refused;
};

struct agg_view;
struct intern;

void agg_pg_init(struct agg_pg *pg);
void agg_pg_clear(struct agg *a);

/* Anything that changes when something is added to one of the container's series. */
uint64_t agg_pg_activity(const struct agg *a, uint32_t container);
void agg_pg_drop(struct agg *a, uint32_t container);
size_t agg_pg_memory(const struct agg *a);

/* Fills the view's rows. 0 or -ENOMEM; agg_pg_view_free() after both. */
int agg_pg_view(struct agg_view *v, const struct agg *a, const struct intern *owners);
void agg_pg_view_free(struct agg_view *v);

#endif
