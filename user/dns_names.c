/* SPDX-License-Identifier: Apache-2.0 */
/* A hash of rows with limits; one that nobody asked for in a while makes room. */
#include "user/dns_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "probes/net/dns_stats.h"
#include "user/dns_name.h"

#define NAMES_MAX 256
#define NAMES_OF_ONE 32 /* container */
#define IDLE_RUNS 600

enum { N_ANSWERED, N_FAILED, N_TIMEOUTS, N_WAIT_NS };

struct key {
	uint64_t cgroup;
	char name[NET_NAME_MAX];
};

struct row {
	struct key key;
	uint64_t n[NET_NAMED_NUMBERS];
	unsigned int idle; /* drains without a query */
	UT_hash_handle hh;
};

struct dns_names {
	struct row *rows;
	uint64_t lost;
};

struct dns_names *dns_names_new(void)
{
	return calloc(1, sizeof(struct dns_names));
}

static void row_free(struct dns_names *n, struct row *r)
{
	HASH_DEL(n->rows, r);
	free(r);
}

void dns_names_free(struct dns_names *n)
{
	struct row *r, *next;

	if (!n)
		return;
	HASH_ITER(hh, n->rows, r, next)
		row_free(n, r);
	free(n);
}

static unsigned int names_of(const struct dns_names *n, uint64_t cgroup)
{
	unsigned int count = 0;

	for (const struct row *r = n->rows; r; r = r->hh.next)
		count += r->key.cgroup == cgroup;
	return count;
}

static struct row *row_find(struct dns_names *n, const struct key *key)
{
	struct row *r;

	HASH_FIND(hh, n->rows, key, sizeof(*key), r);
	return r;
}

/* NULL: out of memory. */
static struct row *row_new(struct dns_names *n, const struct key *key)
{
	struct row *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->key = *key;
	HASH_ADD(hh, n->rows, key, sizeof(r->key), r);
	if (r->hh.tbl)
		return r;
	free(r);
	return NULL;
}

/* Where it is counted: what finds no room is the container's `other`. */
static struct row *row_of(struct dns_names *n, struct key *key)
{
	struct row *r = row_find(n, key);

	if (r)
		return r;
	if (HASH_COUNT(n->rows) < NAMES_MAX && names_of(n, key->cgroup) < NAMES_OF_ONE)
		return row_new(n, key);
	memset(key->name, 0, sizeof(key->name));
	strcpy(key->name, "other");
	return row_find(n, key) ?: row_new(n, key);
}

void dns_names_add(struct dns_names *n, const struct dns_named *query)
{
	struct key key = { .cgroup = query->cgroup };
	size_t len = query->len < DNS_NAME_BYTES ? query->len : DNS_NAME_BYTES;
	char name[NET_NAME_MAX];
	struct row *r;

	dns_name_pattern(query->bytes, len, name);
	memcpy(key.name, name, strlen(name));
	r = row_of(n, &key);
	if (!r) {
		n->lost++;
		return;
	}
	r->idle = 0;
	if (query->answer == DNS_TIMED_OUT) {
		r->n[N_TIMEOUTS]++;
		return;
	}
	r->n[N_ANSWERED]++;
	r->n[N_FAILED] += query->answer != DNS_NOERROR;
	r->n[N_WAIT_NS] += query->wait_ns;
}

void dns_names_add_lost(struct dns_names *n, uint64_t answers)
{
	n->lost += answers;
}

static void emit(const struct key *key, const uint64_t *counts, uint64_t now_ns, record_fn fn,
		 void *ctx)
{
	struct rec_named r = { .hdr = { .kind = REC_NAMED, .len = sizeof(r), .time_ns = now_ns },
			       .cgroup = key->cgroup,
			       .what = NET_NAMED_DNS };

	memcpy(r.n, counts, sizeof(r.n));
	memcpy(r.name, key->name, sizeof(r.name));
	fn(ctx, &r, sizeof(r));
}

void dns_names_emit(struct dns_names *n, uint64_t now_ns, record_fn fn, void *ctx)
{
	const struct key nobody = { .name = "other" };
	uint64_t counts[NET_NAMED_NUMBERS] = { n->lost };
	struct row *r, *next;

	HASH_ITER(hh, n->rows, r, next) {
		if (!r->idle)
			emit(&r->key, r->n, now_ns, fn, ctx);
		memset(r->n, 0, sizeof(r->n));
		if (++r->idle > IDLE_RUNS)
			row_free(n, r);
	}
	if (n->lost)
		emit(&nobody, counts, now_ns, fn, ctx);
	n->lost = 0;
}

void dns_names_forget(struct dns_names *n, uint64_t cgroup)
{
	struct row *r, *next;

	HASH_ITER(hh, n->rows, r, next)
		if (r->key.cgroup == cgroup)
			row_free(n, r);
}
