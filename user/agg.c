/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation, the adding side. In: events and drained records with their owner. Out: the counters
 * of agg_series.h. The path of a request is one lookup by address for each string, one hash lookup
 * for the series, two histogram additions; it allocates only when a series or a histogram grows.
 */
#include "user/agg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/agg_series.h"

static const struct owner owner_other = { INTERN_OTHER, INTERN_OTHER, INTERN_OTHER };

static void overflow_init(struct agg *a)
{
	a->other = (struct agg_series){
		.key = { owner_other, ROLE_MAX, PROTO_MAX, INTERN_OTHER },
		.ncounters = 1,
		.first = { .outcome = INTERN_OTHER },
	};
	hist_init(&a->other.queue, AGG_TIME_SCHEMA);
	hist_init(&a->other.service, AGG_TIME_SCHEMA);
	a->other_container = (struct agg_container){ .owner = owner_other };
	hist_init(&a->other_container.run_queue, SCHED_SCHEMA);
}

struct agg *agg_new(size_t series_max, uint64_t grace_ns)
{
	struct agg *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->strings = intern_new(AGG_STRINGS_MAX);
	if (!a->strings) {
		free(a);
		return NULL;
	}
	a->ok = intern_id(a->strings, STR("ok"));
	a->unknown = intern_id(a->strings, STR("unknown"));
	a->series_max = series_max;
	a->grace_ns = grace_ns;
	/* Labels come from other people's processes: they must not be able to choose collisions. */
	if (getrandom(&a->seed, sizeof(a->seed), GRND_NONBLOCK) != sizeof(a->seed))
		a->seed = (uintptr_t)a;
	overflow_init(a);
	agg_io_init(&a->io);
	agg_net_init(&a->net);
	agg_stack_init(&a->stack);
	agg_dns_init(&a->dns);
	agg_pg_init(&a->pg);
	if (agg_detail_init(a) || agg_named_init(a)) {
		agg_free(a);
		return NULL;
	}
	return a;
}

void agg_container_free(struct agg *a, struct agg_container *c)
{
	HASH_DEL(a->containers, c);
	a->nseries--;
	hist_clear(&c->run_queue);
	free(c);
}

static bool drop_any(const struct agg_series *s, uint32_t container)
{
	(void)s;
	(void)container;
	return true;
}

void agg_clear(struct agg *a)
{
	struct agg_container *c, *c_next;

	agg_index_drop(a, drop_any, 0);
	HASH_ITER(hh, a->containers, c, c_next)
		agg_container_free(a, c);
	agg_io_clear(a);
	agg_net_clear(a);
	agg_stack_clear(a);
	agg_sleep_clear(a);
	agg_pg_clear(a);
	agg_detail_clear(a);
	agg_named_clear(a);
	agg_dns_clear(a);
	hist_clear(&a->other.queue);
	hist_clear(&a->other.service);
	hist_clear(&a->other_container.run_queue);
	overflow_init(a);
	memset(a->probes, 0, sizeof(a->probes));
	a->nprograms = 0;
	a->ngone = 0;
	a->errors = 0;
}

void agg_free(struct agg *a)
{
	if (!a)
		return;
	agg_clear(a);
	free(a->series);
	free(a->slots);
	free(a->gone);
	agg_detail_free(a);
	agg_named_free(a);
	intern_free(a->strings);
	free(a);
}

static uint32_t string_id(struct agg *a, const char *s)
{
	uint64_t hash = (uintptr_t)s * 0x9e3779b97f4a7c15ULL;
	struct agg_string *cached = &a->string_cache[hash >> 54 & (AGG_STRING_CACHE - 1)];

	if (cached->s != s)
		*cached = (struct agg_string){ s, intern_id(a->strings, str_of(s)) };
	return cached->id;
}

static uint32_t id_hash(struct agg_id id, uint64_t seed)
{
	unsigned __int128 m = (unsigned __int128)(id.who ^ seed ^ 0x9e3779b97f4a7c15ULL) *
			      ((id.what + seed) ^ 0xbf58476d1ce4e5b9ULL);
	uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64);

	return (uint32_t)(h ^ h >> 32);
}

static struct agg_series *series_new(struct agg *a, const struct agg_key *key, uint32_t hash,
				     uint32_t outcome)
{
	struct agg_series *s = NULL;

	if (a->nseries + 2 > a->series_max)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		a->errors++;
		return NULL;
	}
	s->id = agg_id_of(key);
	s->key = *key;
	s->hash = hash;
	s->ncounters = 1;
	s->first.outcome = outcome;
	hist_init(&s->queue, AGG_TIME_SCHEMA);
	hist_init(&s->service, AGG_TIME_SCHEMA);
	if (agg_index_add(a, s)) {
		free(s);
		a->errors++;
		return NULL;
	}
	a->nseries += 2;
	return s;
}

/* The series of a key, or the overflow series. */
static struct agg_series *series_get(struct agg *a, const struct agg_key *key, uint32_t outcome)
{
	struct agg_id id = agg_id_of(key);
	uint32_t hash = id_hash(id, a->seed);
	struct agg_series *s = agg_index_find(a, id, hash);

	return s ?: series_new(a, key, hash, outcome) ?: &a->other;
}

static struct agg_counter *counter_find(struct agg_series *s, uint32_t outcome)
{
	for (uint32_t i = 0; i < s->ncounters; i++) {
		struct agg_counter *c = agg_counter_at(s, i);

		if (c->outcome == outcome)
			return c;
	}
	return NULL;
}

static struct agg_counter *counter_new(struct agg *a, struct agg_series *s, uint32_t outcome)
{
	struct agg_counter *c;

	if (a->nseries >= a->series_max)
		return NULL;
	if (s->ncounters - 1 == s->room) {
		uint32_t room = s->room ? 2 * s->room : 1;

		c = realloc(s->more, room * sizeof(*c));
		if (!c) {
			a->errors++;
			return NULL;
		}
		s->more = c;
		s->room = room;
	}
	c = agg_counter_at(s, s->ncounters++);
	*c = (struct agg_counter){ .outcome = outcome };
	a->nseries++;
	return c;
}

/* The counter of an outcome, or the overflow series' one. */
static struct agg_counter *counter_get(struct agg *a, struct agg_series *s, uint32_t outcome)
{
	struct agg_counter *c;

	if (s == &a->other)
		return &s->first;
	c = counter_find(s, outcome);
	if (!c && s->ncounters >= AGG_OUTCOMES_MAX - 1) {
		outcome = INTERN_OTHER;
		c = counter_find(s, outcome);
	}
	return c ?: counter_new(a, s, outcome) ?: &a->other.first;
}

/* What a damaged recording may hold is nobody's "other": that is past the end of each enum. */
static struct agg_key key_of(struct owner owner, unsigned int role, unsigned int protocol,
			     uint32_t operation)
{
	return (struct agg_key){ owner, (uint8_t)(role < ROLE_MAX ? role : ROLE_UNKNOWN),
				 (uint8_t)(protocol < PROTO_MAX ? protocol : PROTO_UNKNOWN),
				 (uint16_t)operation };
}

int agg_request(struct agg *a, struct owner owner, const struct event_request *r)
{
	struct agg_key key = key_of(owner, r->role, r->statement->protocol,
				    string_id(a, r->statement->operation));
	uint32_t outcome = string_id(a, r->outcome);
	struct agg_series *s = series_get(a, &key, outcome);
	struct agg_counter *c = counter_get(a, s, outcome);
	int err = 0;

	c->count++;
	c->errors += outcome != a->ok;
	c->request_bytes += r->request_bytes;
	c->reply_bytes += r->reply_bytes;
	c->rows += r->rows;
	c->service_ns += r->service_ns;
	if (r->role != ROLE_CLIENT) {
		c->queue_ns += r->queue_ns;
		err = hist_add(&s->queue, r->queue_ns);
	}
	if (!r->redis.blocks) /* waiting for data is no service */
		err = hist_add(&s->service, r->service_ns) ?: err;
	if (err)
		a->errors++;
	agg_detail_request(a, owner, r);
	return err;
}

int agg_coarse(struct agg *a, struct owner owner, const struct rec_coarse *rec)
{
	struct agg_key key = key_of(owner, rec->role, rec->protocol, a->unknown);
	struct agg_counter *c = counter_get(a, series_get(a, &key, a->unknown), a->unknown);

	c->count += rec->requests;
	c->coarse += rec->requests;
	c->service_ns += rec->service_ns;
	agg_detail_coarse(a, owner, rec);
	return 0;
}

static struct agg_container *container_new(struct agg *a, struct owner owner)
{
	struct agg_container *c;

	if (a->nseries >= a->series_max)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		a->errors++;
		return NULL;
	}
	c->owner = owner;
	hist_init(&c->run_queue, SCHED_SCHEMA);
	HASH_ADD(hh, a->containers, owner, sizeof(c->owner), c);
	if (!c->hh.tbl) {
		free(c);
		a->errors++;
		return NULL;
	}
	a->nseries++;
	return c;
}

static struct agg_container *container_get(struct agg *a, struct owner owner)
{
	struct agg_container *c;

	HASH_FIND(hh, a->containers, &owner, sizeof(owner), c);
	return c ?: container_new(a, owner) ?: &a->other_container;
}

int agg_cpu(struct agg *a, struct owner owner, uint64_t ns)
{
	container_get(a, owner)->on_cpu_ns += ns;
	return 0;
}

int agg_sched(struct agg *a, struct owner owner, const struct rec_sched *rec)
{
	struct agg_container *c = container_get(a, owner);
	int err = 0;

	c->on_cpu_ns += rec->on_cpu_ns;
	c->switches += rec->switches;
	c->preemptions += rec->preemptions;
	c->run_queue.sum_ns += rec->run_queue_ns;
	for (int i = 0; i < SCHED_BUCKETS; i++)
		err = hist_add_bucket(&c->run_queue, SCHED_OFFSET + i, rec->buckets[i]) ?: err;
	if (err)
		a->errors++;
	return err;
}

int agg_counts(struct agg *a, const struct rec_counts *rec)
{
	struct agg_probe *p = &a->probes[rec->probe % PROBE_MAX];

	if (rec->probe >= PROBE_MAX)
		return -ERANGE;
	p->seen += rec->seen;
	p->detailed += rec->detailed;
	p->coarse += rec->coarse;
	for (int i = 0; i < LOST_CAUSE_MAX; i++)
		p->lost[i] += rec->lost[i];
	return 0;
}

void agg_price(struct agg *a, const struct rec_price *rec)
{
	a->price = *rec;
}

int agg_program(struct agg *a, const struct rec_program *rec)
{
	size_t i = 0;

	while (i < a->nprograms && strncmp(a->programs[i].name, rec->name, WIRE_COMM))
		i++;
	if (i == AGG_PROGRAMS_MAX)
		return -ENOSPC;
	if (i == a->nprograms) {
		a->programs[a->nprograms++] = (struct agg_program){ 0 };
		memcpy(a->programs[i].name, rec->name, strnlen(rec->name, WIRE_COMM));
	}
	a->programs[i].runs += rec->runs;
	a->programs[i].run_ns += rec->run_ns;
	return 0;
}

size_t agg_series_count(const struct agg *a)
{
	return a->nseries;
}

size_t agg_hist_memory(const struct hist *h)
{
	return h->n * (h->is_wide ? sizeof(uint64_t) : sizeof(uint32_t));
}

size_t agg_memory(const struct agg *a)
{
	size_t bytes = sizeof(*a) + a->gone_room * sizeof(*a->gone) +
		       a->nslots * (sizeof(*a->slots) + sizeof(struct agg_series *) / 2);

	for (uint32_t i = 0; i < a->nkeys; i++) {
		const struct agg_series *s = a->series[i];

		bytes += sizeof(*s) + s->room * sizeof(*s->more) + agg_hist_memory(&s->queue) +
			 agg_hist_memory(&s->service);
	}
	for (const struct agg_container *c = a->containers; c; c = c->hh.next)
		bytes += sizeof(*c) + agg_hist_memory(&c->run_queue);
	bytes += agg_io_memory(a) + agg_net_memory(a) + agg_stack_memory(a);
	bytes += agg_sleep_memory(a) + agg_pg_memory(a);
	bytes += agg_detail_memory(a) + agg_named_memory(a) + agg_dns_memory(a);
	return bytes + agg_hist_memory(&a->other.queue) + agg_hist_memory(&a->other.service) +
	       agg_hist_memory(&a->other_container.run_queue);
}

uint64_t agg_errors(const struct agg *a)
{
	return a->errors;
}
