/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's own time is measured: what its thread had the CPU for or waited for it, or, of a server with
 * one thread, what lies between its read and the next. On top comes what a server does around each request
 * (the system calls themselves, most of all), which is no longer than slack_ns. Requests that are
 * not answered yet get what is left after that, by how long they were open; when they are answered it is
 * taken off what was measured. The rest of a server that works for several is its own, such as its
 * background workers' time.
 */
#define HASH_NONFATAL_OOM 1
#include "user/bill.h"

#include <stdlib.h>
#include <uthash.h>

#include "user/lib/intern.h"

#define ACCOUNTS_MAX 16384
#define SHARES_MAX 65536 /* of all accounts */
#define REDIS_SLACK_NS 100000
#define SLACK_NS 20000

struct share {
	struct owner owner;
	uint64_t done_ns[BILL_KINDS];  /* measured, of requests that were answered */
	uint64_t ahead_ns[BILL_KINDS]; /* billed before the answer told what it was */
	uint64_t slack_ns;
	uint64_t open_ns;
	UT_hash_handle hh;
};

struct piece {
	struct owner owner;
	uint64_t ns;
};

/* How a time was split last: the largest shares first. */
struct split {
	uint64_t whole_ns;
	unsigned int n;
	struct piece part[BILL_PARTS];
};

struct account {
	struct rec_owner of;
	struct share *shares;
	struct split *split[BILL_KINDS]; /* NULL: nobody had a share */
	bool io_is_split;		 /* since the last bill_sched() */
	UT_hash_handle hh;
};

struct server {
	uint64_t cgroup;
	UT_hash_handle hh;
};

struct bill {
	struct account *accounts;
	struct server *servers;
	unsigned int nshares;
	uint64_t last_server;
};

struct bill *bill_new(void)
{
	return calloc(1, sizeof(struct bill));
}

static void shares_clear(struct bill *b, struct account *a)
{
	struct share *s, *next;

	HASH_ITER(hh, a->shares, s, next) {
		HASH_DEL(a->shares, s);
		free(s);
		b->nshares--;
	}
}

static void account_free(struct bill *b, struct account *a)
{
	shares_clear(b, a);
	HASH_DEL(b->accounts, a);
	for (int kind = 0; kind < BILL_KINDS; kind++)
		free(a->split[kind]);
	free(a);
}

void bill_clear(struct bill *b)
{
	struct account *a, *next;

	HASH_ITER(hh, b->accounts, a, next)
		account_free(b, a);
}

void bill_free(struct bill *b)
{
	struct server *s, *next;

	if (!b)
		return;
	bill_clear(b);
	HASH_ITER(hh, b->servers, s, next) {
		HASH_DEL(b->servers, s);
		free(s);
	}
	free(b);
}

bool bill_is_server(struct bill *b, uint64_t cgroup)
{
	struct server *s;

	if (!cgroup || cgroup == b->last_server)
		return cgroup;
	HASH_FIND(hh, b->servers, &cgroup, sizeof(cgroup), s);
	return s;
}

static void server_add(struct bill *b, uint64_t cgroup)
{
	struct server *s;

	if (bill_is_server(b, cgroup) || HASH_COUNT(b->servers) >= ACCOUNTS_MAX)
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->cgroup = cgroup;
	HASH_ADD(hh, b->servers, cgroup, sizeof(s->cgroup), s);
	if (!s->hh.tbl)
		free(s);
}

static struct account *account_get(struct bill *b, const struct rec_owner *of)
{
	struct account *a;

	HASH_FIND(hh, b->accounts, of, sizeof(*of), a);
	if (a || HASH_COUNT(b->accounts) >= ACCOUNTS_MAX)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->of = *of;
	HASH_ADD(hh, b->accounts, of, sizeof(a->of), a);
	if (a->hh.tbl)
		return a;
	free(a);
	return NULL;
}

static struct share *share_get(struct bill *b, struct account *a, struct owner owner)
{
	struct share *s;

	HASH_FIND(hh, a->shares, &owner, sizeof(owner), s);
	if (s || b->nshares >= SHARES_MAX)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->owner = owner;
	HASH_ADD(hh, a->shares, owner, sizeof(s->owner), s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	b->nshares++;
	return s;
}

/* The account that the kernel keeps for what is done for that client; false: it keeps none. */
static bool account_key(const struct subject *s, enum protocol protocol, struct rec_owner *of)
{
	*of = (struct rec_owner){ .cgroup = s->cgroup };
	if (protocol == PROTO_POSTGRESQL && s->client_cgroup != s->cgroup)
		of->payer = s->client_cgroup;
	return s->cgroup &&
	       (protocol == PROTO_POSTGRESQL || protocol == PROTO_REDIS || protocol == PROTO_HTTP);
}

static struct share *share_of(struct bill *b, struct owner owner, const struct subject *s,
			      enum protocol protocol)
{
	struct rec_owner of;
	struct account *a = account_key(s, protocol, &of) ? account_get(b, &of) : NULL;

	return a ? share_get(b, a, owner) : NULL;
}

static uint64_t run_queue_ns(const uint64_t *parts)
{
	uint64_t ns = 0;

	for (int part = PART_RUN_NEIGHBOUR; part <= PART_RUN_UNKNOWN; part++)
		ns += parts[part];
	return ns;
}

void bill_request(struct bill *b, struct owner owner, const struct event_request *r)
{
	enum protocol protocol = r->statement->protocol;
	struct share *s;

	if (r->role != ROLE_SERVER || !r->subject->cgroup)
		return;
	if (protocol == PROTO_POSTGRESQL || protocol == PROTO_REDIS) {
		server_add(b, r->subject->cgroup);
		b->last_server = r->subject->cgroup;
	}
	s = share_of(b, owner, r->subject, protocol);
	if (!s)
		return;
	s->slack_ns += SLACK_NS;
	if (protocol == PROTO_REDIS) {
		s->done_ns[BILL_CPU] += r->busy_ns;
		s->slack_ns += r->turns * (uint64_t)REDIS_SLACK_NS - SLACK_NS;
	} else if (r->parts_ns) {
		/* The scheduler, too, calls it this thread's. */
		s->done_ns[BILL_CPU] += r->parts_ns[PART_CPU] + r->parts_ns[PART_SOFTIRQ];
	}
	if (!r->parts_ns)
		return;
	s->done_ns[BILL_WAIT] += run_queue_ns(r->parts_ns);
	s->done_ns[BILL_BLOCK] += r->parts_ns[PART_BLOCK];
}

void bill_open_begin(struct bill *b)
{
	for (struct account *a = b->accounts; a; a = a->hh.next)
		for (struct share *s = a->shares; s; s = s->hh.next)
			s->open_ns = 0;
}

void bill_open(struct bill *b, struct owner owner, const struct event_open *o)
{
	struct share *s = share_of(b, owner, o->of.subject, o->of.statement->protocol);

	if (s)
		s->open_ns += o->open_ns;
}

/* What all shares of an account have together. */
struct sums {
	uint64_t done_ns;
	uint64_t slack_ns;
	uint64_t open_ns;
};

/* Once it is measured, what was billed ahead of it is not billed again. */
static void ahead_settle(struct share *s, enum bill_kind kind)
{
	uint64_t ns = s->ahead_ns[kind] < s->done_ns[kind] ? s->ahead_ns[kind] : s->done_ns[kind];

	s->ahead_ns[kind] -= ns;
	s->done_ns[kind] -= ns;
	/* I/O goes on while nobody sleeps: what was ahead of an answer may be more than it tells. */
	if (kind == BILL_BLOCK && !s->open_ns)
		s->ahead_ns[kind] = 0;
}

static struct sums account_sums(struct account *a, enum bill_kind kind)
{
	struct sums sum = { 0 };

	for (struct share *s = a->shares; s; s = s->hh.next) {
		ahead_settle(s, kind);
		sum.done_ns += s->done_ns[kind];
		sum.slack_ns += kind == BILL_CPU ? s->slack_ns : 0;
		sum.open_ns += s->open_ns;
	}
	return sum;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void split_add(struct account *a, enum bill_kind kind, struct owner owner, uint64_t ns)
{
	struct split *split = a->split[kind];
	unsigned int i;

	if (!split)
		split = a->split[kind] = calloc(1, sizeof(*split));
	if (!split || (split->n == BILL_PARTS && split->part[BILL_PARTS - 1].ns >= ns))
		return;
	i = split->n < BILL_PARTS ? split->n++ : BILL_PARTS - 1;
	for (; i && split->part[i - 1].ns < ns; i--)
		split->part[i] = split->part[i - 1];
	split->part[i] = (struct piece){ owner, ns };
}

/* Hands on the shares of ns. Returns what is left. */
static uint64_t account_split(struct account *a, enum bill_kind kind, uint64_t ns, bill_fn fn,
			      void *ctx)
{
	struct sums sum = account_sums(a, kind);
	uint64_t measured = least(ns, sum.done_ns), left = ns - measured, around, early, rest = ns;

	around = least(left, sum.slack_ns);
	early = least(left - around, sum.open_ns);
	if (a->of.payer && sum.slack_ns)
		around = left - early;
	if (a->split[kind])
		a->split[kind]->n = 0;
	for (struct share *s = a->shares; s; s = s->hh.next) {
		uint64_t ahead = bill_part(early, s->open_ns, sum.open_ns);
		uint64_t share = ahead + bill_part(measured, s->done_ns[kind], sum.done_ns) +
				 bill_part(around, s->slack_ns, sum.slack_ns);

		s->ahead_ns[kind] += ahead;
		s->done_ns[kind] = 0;
		if (!share)
			continue;
		rest -= share;
		split_add(a, kind, s->owner, share);
		if (fn)
			fn(ctx, s->owner, share);
	}
	if (a->split[kind])
		a->split[kind]->whole_ns = ns;
	return rest;
}

/* Those that are open, or have been billed ahead, are needed once more. */
static void shares_expire(struct bill *b, struct account *a)
{
	struct share *s, *next;

	HASH_ITER(hh, a->shares, s, next) {
		s->slack_ns = 0;
		ahead_settle(s, BILL_BLOCK);
		s->done_ns[BILL_BLOCK] = 0;
		if (s->open_ns || s->ahead_ns[BILL_CPU] || s->ahead_ns[BILL_WAIT])
			continue;
		HASH_DEL(a->shares, s);
		free(s);
		b->nshares--;
	}
}

uint64_t bill_sched(struct bill *b, const struct rec_owner *of, uint64_t cpu_ns, uint64_t wait_ns,
		    bill_fn fn, void *ctx)
{
	struct account *a;
	uint64_t rest;

	HASH_FIND(hh, b->accounts, of, sizeof(*of), a);
	if (!a)
		return cpu_ns;
	rest = account_split(a, BILL_CPU, cpu_ns, fn, ctx);
	account_split(a, BILL_WAIT, wait_ns, NULL, NULL);
	a->io_is_split = false;
	shares_expire(b, a);
	return rest;
}

/*
 * One client's I/O is its requests'. Of what is nobody's in particular they get what they slept for, and
 * the rest is the background's. Several disks of one second are split alike.
 */
uint64_t bill_io(struct bill *b, const struct rec_owner *of, uint64_t ns, bill_fn fn, void *ctx)
{
	struct account *a;
	struct sums sum;

	HASH_FIND(hh, b->accounts, of, sizeof(*of), a);
	if (!a)
		return ns;
	if (!a->io_is_split) {
		sum = account_sums(a, BILL_BLOCK);
		account_split(a, BILL_BLOCK,
			      of->payer ? least(sum.done_ns > ns ? sum.done_ns : ns,
						sum.done_ns + sum.open_ns)
					: ns,
			      NULL, NULL);
		a->io_is_split = true;
	}
	return bill_split(b, of, BILL_BLOCK, ns, fn, ctx);
}

static const struct split *split_of(struct bill *b, const struct rec_owner *of, enum bill_kind kind)
{
	struct account *a;

	HASH_FIND(hh, b->accounts, of, sizeof(*of), a);
	return a ? a->split[kind] : NULL;
}

uint64_t bill_split(struct bill *b, const struct rec_owner *of, enum bill_kind kind, uint64_t ns,
		    bill_fn fn, void *ctx)
{
	const struct split *split = split_of(b, of, kind);
	uint64_t rest = ns;

	for (unsigned int i = 0; split && i < split->n; i++) {
		uint64_t share = bill_part(ns, split->part[i].ns, split->whole_ns);

		if (!share)
			break; /* the others are smaller */
		fn(ctx, split->part[i].owner, share);
		rest -= share;
	}
	return rest;
}

bool bill_most(struct bill *b, const struct rec_owner *of, struct owner *owner)
{
	const struct split *split = split_of(b, of, BILL_CPU);

	if (!split || !split->n || split->part[0].ns <= split->whole_ns / 2)
		return false;
	*owner = split->part[0].owner;
	return true;
}

void bill_forget(struct bill *b, uint64_t cgroup)
{
	struct account *a, *next;
	struct server *s;

	HASH_ITER(hh, b->accounts, a, next)
		if (a->of.cgroup == cgroup || a->of.payer == cgroup)
			account_free(b, a);
	HASH_FIND(hh, b->servers, &cgroup, sizeof(cgroup), s);
	if (!s)
		return;
	HASH_DEL(b->servers, s);
	free(s);
	if (b->last_server == cgroup)
		b->last_server = 0;
}
