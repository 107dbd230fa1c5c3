/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about a statement come in, one long-lived struct statement goes out. Facts are compared as a
 * list of strings ("parts"); an entry keeps theirs in one block behind it. Knows no protocol's rules.
 */
#include "user/statement.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "user/lib/hash.h"

#define FIXED_PARTS 5
#define PARTS_MAX (FIXED_PARTS + STATEMENT_TABLES + 2 * STATEMENT_COMMENTS)
#define OTHERS_MAX 1024 /* "other" statements: one for each protocol and operation */
#define SLOTS_MIN 64

struct parts {
	uint64_t hash;
	uint64_t shape; /* protocol and how many parts there are of each sort */
	unsigned int n;
	struct str part[PARTS_MAX];
};

struct entry {
	struct statement statement;
	struct entry *next; /* of all */
	uint64_t hash;
	uint64_t shape;
	size_t bytes; /* of blob: the parts, each with a NUL */
	char *blob;
	/* The lists' items, then the blob. */
	_Alignas(struct sql_comment) char items[];
};

struct statements {
	struct entry **slots;
	struct entry *entries;
	uint32_t size; /* of slots[], a power of two; grows as they fill up */
	uint32_t count;
	uint32_t max;
	uint64_t reduced;
	uint64_t seed; /* texts come from tenants, who must not choose collisions */
	struct statement unknown[PROTO_MAX]; /* if there is no room or memory at all */
};

struct statements *statements_new(uint32_t max)
{
	struct statements *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = (uintptr_t)t;
	t->size = SLOTS_MIN;
	t->slots = calloc(t->size, sizeof(t->slots[0]));
	for (int i = 0; i < PROTO_MAX; i++)
		t->unknown[i] = (struct statement){ .protocol = i,
						    .operation = "unknown",
						    .summary = "unknown",
						    .text = "",
						    .key_pattern = "",
						    .host = "" };
	if (t->slots)
		return t;
	free(t);
	return NULL;
}

void statements_free(struct statements *t)
{
	struct entry *e;

	if (!t)
		return;
	while ((e = t->entries)) {
		t->entries = e->next;
		free(e);
	}
	free(t->slots);
	free(t);
}

static void parts_add(struct parts *p, struct str s)
{
	p->part[p->n++] = s;
	p->hash = hash_bytes(s.s, s.len, p->hash);
}

static void parts_of(struct parts *p, const struct statement_facts *f, uint64_t seed)
{
	unsigned int ntables = f->ntables < STATEMENT_TABLES ? f->ntables : STATEMENT_TABLES;
	unsigned int ncomments = f->ncomments < STATEMENT_COMMENTS ? f->ncomments
								   : STATEMENT_COMMENTS;

	p->n = 0;
	p->shape = (uint64_t)f->protocol << 32 | ntables << 16 | ncomments;
	p->hash = p->shape ^ seed;
	parts_add(p, f->operation);
	parts_add(p, f->summary);
	parts_add(p, f->text);
	parts_add(p, f->key_pattern);
	parts_add(p, f->host);
	for (unsigned int i = 0; i < ntables; i++)
		parts_add(p, f->tables[i]);
	for (unsigned int i = 0; i < ncomments; i++) {
		parts_add(p, f->comment_keys[i]);
		parts_add(p, f->comment_values[i]);
	}
}

static bool entry_is(const struct entry *e, const struct parts *p)
{
	const char *at = e->blob, *end = e->blob + e->bytes;

	if (e->hash != p->hash || e->shape != p->shape)
		return false;
	for (unsigned int i = 0; i < p->n; i++) {
		struct str s = p->part[i];

		if ((size_t)(end - at) <= s.len || (s.len && memcmp(at, s.s, s.len)) || at[s.len])
			return false;
		at += s.len + 1;
	}
	return true;
}

/* The slot that holds these parts, or the free one where they belong. */
static struct entry **slot_of(struct statements *t, const struct parts *p)
{
	uint32_t i = p->hash & (t->size - 1);

	while (t->slots[i] && !entry_is(t->slots[i], p))
		i = (i + 1) & (t->size - 1);
	return &t->slots[i];
}

/* Half of the slots stay free. */
static int slots_grow(struct statements *t)
{
	uint32_t size = t->size * 2, at;
	struct entry **slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (struct entry *e = t->entries; e; e = e->next) {
		for (at = e->hash & (size - 1); slots[at]; at = (at + 1) & (size - 1))
			;
		slots[at] = e;
	}
	free(t->slots);
	t->slots = slots;
	t->size = size;
	return 0;
}

static const char *next_part(const char **at)
{
	const char *s = *at;

	*at += strlen(s) + 1;
	return s;
}

static void entry_fill(struct entry *e, const struct parts *p)
{
	struct sql_comment *comments = (struct sql_comment *)e->items;
	const char **tables = (const char **)(comments + (p->shape & 0xffff));
	struct statement *st = &e->statement;
	const char *at = e->blob;
	char *out = e->blob;

	for (unsigned int i = 0; i < p->n; i++) {
		if (p->part[i].len)
			memcpy(out, p->part[i].s, p->part[i].len);
		out += p->part[i].len;
		*out++ = 0;
	}
	st->protocol = p->shape >> 32;
	st->operation = next_part(&at);
	st->summary = next_part(&at);
	st->text = next_part(&at);
	st->key_pattern = next_part(&at);
	st->host = next_part(&at);
	st->ntables = p->shape >> 16 & 0xffff;
	st->ncomments = p->shape & 0xffff;
	for (unsigned int i = 0; i < st->ntables; i++)
		tables[i] = next_part(&at);
	for (unsigned int i = 0; i < st->ncomments; i++) {
		comments[i].key = next_part(&at);
		comments[i].value = next_part(&at);
	}
	st->tables = tables;
	st->comments = comments;
}

static struct entry *entry_new(const struct parts *p, uint32_t id)
{
	size_t items = (p->shape & 0xffff) * sizeof(struct sql_comment) +
		       (p->shape >> 16 & 0xffff) * sizeof(char *);
	size_t bytes = 0;
	struct entry *e;

	for (unsigned int i = 0; i < p->n; i++) {
		/* A NUL inside would make the block ambiguous. */
		if (p->part[i].len && memchr(p->part[i].s, 0, p->part[i].len))
			return NULL;
		bytes += p->part[i].len + 1;
	}
	e = calloc(1, sizeof(*e) + items + bytes);
	if (!e)
		return NULL;
	e->hash = p->hash;
	e->shape = p->shape;
	e->bytes = bytes;
	e->blob = e->items + items;
	e->statement.id = id;
	entry_fill(e, p);
	return e;
}

static const struct statement *find_or_add(struct statements *t, const struct statement_facts *f,
					   uint32_t max)
{
	struct entry **slot;
	struct parts p;

	parts_of(&p, f, t->seed);
	slot = slot_of(t, &p);
	if (*slot || t->count >= max)
		return *slot ? &(*slot)->statement : NULL;
	if (t->count * 2 >= t->size) {
		if (slots_grow(t))
			return NULL;
		slot = slot_of(t, &p);
	}
	*slot = entry_new(&p, t->count + 1);
	if (!*slot)
		return NULL;
	t->count++;
	(*slot)->next = t->entries;
	t->entries = *slot;
	return &(*slot)->statement;
}

const struct statement *statement_bare(struct statements *t, enum protocol protocol,
				       struct str operation, struct str text)
{
	struct statement_facts f;
	const struct statement *s;

	f.protocol = protocol;
	f.operation = operation;
	f.summary = operation;
	f.text = text;
	f.key_pattern = STR("");
	f.host = STR("");
	f.ntables = 0;
	f.ncomments = 0;
	s = find_or_add(t, &f, t->max + OTHERS_MAX);
	return s ? s : &t->unknown[protocol < PROTO_MAX ? protocol : PROTO_UNKNOWN];
}

const struct statement *statement_intern(struct statements *t, const struct statement_facts *f)
{
	const struct statement *s = find_or_add(t, f, t->max);

	if (s)
		return s;
	t->reduced++;
	return statement_bare(t, f->protocol, f->operation, STR("other"));
}

uint32_t statements_count(const struct statements *t)
{
	return t->count;
}

uint64_t statements_reduced(const struct statements *t)
{
	return t->reduced;
}
