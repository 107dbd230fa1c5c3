/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an agg: only for agg*.c. Layout matters here, one request touches one of each. */
#ifndef TALLYMAN_AGG_SERIES_H
#define TALLYMAN_AGG_SERIES_H

#include <stdbool.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/agg.h"
#include "user/agg_detail.h"
#include "user/agg_dns.h"
#include "user/agg_io.h"
#include "user/agg_named.h"
#include "user/agg_net.h"
#include "user/agg_pg.h"
#include "user/agg_sleep.h"
#include "user/agg_stack.h"
#include "user/lib/hist.h"
#include "user/lib/intern.h"

#define AGG_TIME_SCHEMA 4
#define AGG_STRINGS_MAX 4096
#define AGG_STRING_CACHE 1024 /* a power of two */

struct agg_key {
	struct owner owner;
	uint8_t role;
	uint8_t protocol;
	uint16_t operation; /* id in agg.strings */
};

/*
 * A key as two words, made in registers: read back as words from memory that was just written in
 * smaller pieces it would stall, a fifth of the time of a request.
 */
struct agg_id {
	uint64_t who;
	uint64_t what;
};

static inline struct agg_id agg_id_of(const struct agg_key *key)
{
	return (struct agg_id){
		(uint64_t)key->owner.tenant << 32 | key->owner.workflow,
		(uint64_t)key->owner.container << 32 | (uint32_t)key->operation << 16 |
			(uint32_t)key->protocol << 8 | key->role,
	};
}

/*
 * What is kept per outcome. Sums of times are here too, so that they can be told apart by outcome.
 */
struct agg_counter {
	uint64_t count; /* coarse included */
	uint64_t coarse;
	uint64_t errors;
	uint64_t request_bytes;
	uint64_t reply_bytes;
	uint64_t rows;
	uint64_t queue_ns;
	uint64_t service_ns;
	uint32_t outcome; /* id in agg.strings */
	uint32_t pad;
};

struct agg_series {
	struct agg_id id; /* of the key */
	struct agg_key key;
	struct agg_counter *more; /* outcomes after the first */
	uint32_t ncounters;	  /* the first included */
	uint32_t room;		  /* of more[] */
	struct agg_counter first;
	struct hist queue;
	struct hist service;
	uint32_t hash; /* of the id */
};

/* Of an open-addressing table. Two cache lines at most are read before the series itself is. */
struct agg_slot {
	uint32_t hash;
	uint32_t at; /* 1 + position in agg.series[]; 0: free */
};

struct agg_container {
	struct owner owner;
	uint64_t on_cpu_ns;
	uint64_t switches;
	uint64_t preemptions;
	struct hist run_queue;
	UT_hash_handle hh;
};

struct agg_probe {
	uint64_t seen;
	uint64_t detailed;
	uint64_t coarse;
	uint64_t lost[LOST_CAUSE_MAX];
};

struct agg_program {
	char name[WIRE_COMM + 1];
	uint64_t runs;
	uint64_t run_ns;
};

struct agg_string {
	const char *s;
	uint32_t id;
};

struct agg_gone {
	uint32_t container;
	uint64_t due_ns;
	uint64_t activity; /* when last looked at: any change renews the grace */
};

struct agg {
	struct agg_series **series; /* nkeys of them, in no order */
	uint32_t nkeys;
	uint32_t nslots; /* a power of two, at least twice nkeys; series[] has room for half */
	struct agg_slot *slots;
	struct agg_container *containers;
	size_t nseries; /* in the sense of the limit */
	size_t series_max;
	uint64_t grace_ns;
	uint64_t seed;
	uint64_t errors;
	struct agg_series other;
	struct agg_container other_container;
	struct agg_io io;
	struct agg_nets net;
	struct agg_nameds named;
	struct agg_stacks stack;
	struct agg_dnses dns;
	struct agg_sleeps sleeps;
	struct agg_pg pg;
	struct agg_details details;
	struct agg_probe probes[PROBE_MAX];
	struct agg_program programs[AGG_PROGRAMS_MAX];
	size_t nprograms;
	struct rec_price price; /* the latest */
	struct agg_gone *gone;
	size_t ngone;
	size_t gone_room;
	struct intern *strings;
	uint32_t ok;
	uint32_t unknown;
	struct agg_string string_cache[AGG_STRING_CACHE];
};

static inline struct agg_counter *agg_counter_at(struct agg_series *s, uint32_t i)
{
	return i ? &s->more[i - 1] : &s->first;
}

/* agg_index.c: agg.series[] and agg.slots[]. */

/* NULL: not there. */
struct agg_series *agg_index_find(const struct agg *a, struct agg_id id, uint32_t hash);
/* Adds s, whose id and hash are set and not in the table. -ENOMEM. */
int agg_index_add(struct agg *a, struct agg_series *s);
/* Frees all series for which drop() is true, with their room under the limit. */
void agg_index_drop(struct agg *a, bool (*drop)(const struct agg_series *s, uint32_t container),
		    uint32_t container);

size_t agg_hist_memory(const struct hist *h);

/* Takes it out of its table and frees it, with its room under the limit. */
void agg_container_free(struct agg *a, struct agg_container *c);

#endif
