/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about an end of a connection come in, one long-lived struct subject goes out. An entry's key
 * is all of its facts in a row, and its strings point into that key. Knows no connection and no owner.
 */
#include "user/subject.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "user/lib/label.h"

#define STRINGS 5
#define KEY_MAX (2 * sizeof(uint64_t) + STRINGS * SUBJECT_LABEL)

struct entry {
	struct subject subject;
	UT_hash_handle hh;
	char key[];
};

struct subjects {
	struct entry *entries;
	struct subject nobody; /* if there is no memory at all */
	uint32_t max;
	uint64_t reduced;
};

static const size_t string_offsets[STRINGS] = {
	offsetof(struct subject, process),	    offsetof(struct subject, client_process),
	offsetof(struct subject, database),	    offsetof(struct subject, user),
	offsetof(struct subject, application_name),
};

static const char **string_of(struct subject *s, int i)
{
	return (const char **)((char *)s + string_offsets[i]);
}

struct subjects *subjects_new(uint32_t max)
{
	struct subjects *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max;
	for (int i = 0; i < STRINGS; i++)
		*string_of(&t->nobody, i) = "";
	return t;
}

void subjects_free(struct subjects *t)
{
	struct entry *e, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->entries, e, next) {
		HASH_DEL(t->entries, e);
		free(e);
	}
	free(t);
}

static size_t key_write(char *key, const struct subject *facts)
{
	struct subject copy = *facts;
	size_t n = 2 * sizeof(uint64_t);

	memcpy(key, &facts->cgroup, sizeof(uint64_t));
	memcpy(key + sizeof(uint64_t), &facts->client_cgroup, sizeof(uint64_t));
	for (int i = 0; i < STRINGS; i++) {
		const char *s = *string_of(&copy, i);

		n += label_clean(key + n, SUBJECT_LABEL, str_of(s ? s : "")) + 1;
	}
	return n;
}

static struct entry *entry_new(struct subjects *t, const char *key, size_t key_len)
{
	struct entry *e = calloc(1, sizeof(*e) + key_len);
	const char *s;

	if (!e)
		return NULL;
	memcpy(e->key, key, key_len);
	e->subject.id = HASH_COUNT(t->entries) + 1;
	memcpy(&e->subject.cgroup, key, sizeof(uint64_t));
	memcpy(&e->subject.client_cgroup, key + sizeof(uint64_t), sizeof(uint64_t));
	s = e->key + 2 * sizeof(uint64_t);
	for (int i = 0; i < STRINGS; i++) {
		*string_of(&e->subject, i) = s;
		s += strlen(s) + 1;
	}
	HASH_ADD(hh, t->entries, key[0], key_len, e);
	if (e->hh.tbl)
		return e;
	free(e); /* no memory for the table: it forgot e */
	return NULL;
}

static const struct subject *find_or_add(struct subjects *t, const struct subject *facts,
					 uint32_t max)
{
	char key[KEY_MAX];
	size_t key_len = key_write(key, facts);
	struct entry *e;

	HASH_FIND(hh, t->entries, key, key_len, e);
	if (!e && HASH_COUNT(t->entries) < max)
		e = entry_new(t, key, key_len);
	return e ? &e->subject : NULL;
}

const struct subject *subject_intern(struct subjects *t, const struct subject *facts)
{
	const struct subject *s = find_or_add(t, facts, t->max);
	struct subject less = { .cgroup = facts->cgroup, .client_cgroup = facts->client_cgroup };

	if (s)
		return s;
	t->reduced++;
	/* The strings are a tenant's choice, the containers are the node's: keep room for those. */
	s = find_or_add(t, &less, t->max * 2);
	if (s)
		return s;
	less = (struct subject){ 0 };
	s = find_or_add(t, &less, t->max * 2 + 1);
	return s ? s : &t->nobody;
}

uint32_t subjects_count(const struct subjects *t)
{
	return HASH_COUNT(t->entries);
}

uint64_t subjects_reduced(const struct subjects *t)
{
	return t->reduced;
}
