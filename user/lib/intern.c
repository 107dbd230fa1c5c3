/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: runs of bytes. Out: dense ids and stable pointers. Entries and their bytes lie in an arena of
 * chunks, found through a hash table by bytes and an array by id. The hash is seeded: strings come
 * from other people's processes, who must not be able to choose collisions.
 */
#include "user/lib/intern.h"

#include <stdlib.h>
#include <sys/random.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define CHUNK_MIN 1024 /* each chunk is twice the one before, up to CHUNK_MAX */
#define CHUNK_MAX 65536
#define FIRST_IDS 64

struct entry {
	UT_hash_handle hh;
	uint32_t id;
	uint32_t len;
	char s[];
};

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(struct entry) char bytes[];
};

struct intern {
	struct entry *by_bytes;
	struct entry **by_id;
	struct chunk *chunks; /* the first one has room */
	size_t next_bytes;    /* of the next chunk */
	uint32_t count;
	uint32_t room; /* of by_id */
	uint32_t max;
	uint64_t overflows;
	uint64_t seed;
};

static unsigned int hash_bytes(uint64_t seed, struct str s)
{
	uint64_t h = seed ^ s.len;
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof(word) <= s.len; i += sizeof(word)) {
		memcpy(&word, s.s + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	word = 0;
	if (i < s.len)
		memcpy(&word, s.s + i, s.len - i);
	h = (h ^ word ^ seed >> 7) * 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 32;
	return (unsigned int)h;
}

static void *arena_take(struct intern *in, size_t bytes)
{
	struct chunk *c = in->chunks;
	size_t size;

	bytes = (bytes + _Alignof(struct entry) - 1) & ~(_Alignof(struct entry) - 1);
	if (!c || c->size - c->used < bytes) {
		size = bytes > in->next_bytes ? bytes : in->next_bytes;
		c = malloc(sizeof(*c) + size);
		if (!c)
			return NULL;
		*c = (struct chunk){ .next = in->chunks, .size = size };
		in->chunks = c;
		if (in->next_bytes < CHUNK_MAX)
			in->next_bytes *= 2;
	}
	c->used += bytes;
	return c->bytes + c->used - bytes;
}

static int ids_grow(struct intern *in)
{
	uint32_t room = in->room ? in->room * 2 : FIRST_IDS;
	struct entry **ids;

	if (in->count < in->room)
		return 0;
	if (room > in->max)
		room = in->max;
	ids = realloc(in->by_id, room * sizeof(*ids));
	if (!ids)
		return -1;
	in->by_id = ids;
	in->room = room;
	return 0;
}

static struct entry *entry_find(const struct intern *in, struct str s, unsigned int hash)
{
	struct entry *e;

	if (!s.len)
		s.s = ""; /* a NULL of no bytes is fine with us, not with memcmp() */
	HASH_FIND_BYHASHVALUE(hh, in->by_bytes, s.s, s.len, hash, e);
	return e;
}

static struct entry *entry_add(struct intern *in, struct str s, unsigned int hash)
{
	struct entry *e;

	if (in->count >= in->max || s.len >= UINT32_MAX || ids_grow(in))
		return NULL;
	e = arena_take(in, sizeof(*e) + s.len + 1);
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->id = in->count;
	e->len = (uint32_t)s.len;
	if (s.len)
		memcpy(e->s, s.s, s.len);
	e->s[s.len] = '\0';
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, in->by_bytes, e->s, s.len, hash, e);
	if (!e->hh.tbl) /* no memory for the hash: the arena's bytes stay unused */
		return NULL;
	in->by_id[in->count++] = e;
	return e;
}

struct intern *intern_new(uint32_t max)
{
	struct intern *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	if (getrandom(&in->seed, sizeof(in->seed), GRND_NONBLOCK) != sizeof(in->seed))
		in->seed = (uintptr_t)in ^ (uint64_t)(uintptr_t)&in << 17;
	in->max = max < 2 ? 2 : max;
	in->next_bytes = CHUNK_MIN;
	intern_id(in, STR(""));
	intern_id(in, STR("other"));
	if (in->count == 2)
		return in;
	intern_free(in);
	return NULL;
}

void intern_free(struct intern *in)
{
	struct chunk *c;

	if (!in)
		return;
	HASH_CLEAR(hh, in->by_bytes);
	while ((c = in->chunks)) {
		in->chunks = c->next;
		free(c);
	}
	free(in->by_id);
	free(in);
}

uint32_t intern_id(struct intern *in, struct str s)
{
	unsigned int hash = hash_bytes(in->seed, s);
	struct entry *e = entry_find(in, s, hash);

	if (!e)
		e = entry_add(in, s, hash);
	if (e)
		return e->id;
	in->overflows++;
	return INTERN_OTHER;
}

uint32_t intern_find(const struct intern *in, struct str s)
{
	struct entry *e = entry_find(in, s, hash_bytes(in->seed, s));

	return e ? e->id : INTERN_EMPTY;
}

const char *intern_cstr(const struct intern *in, uint32_t id)
{
	return id < in->count ? in->by_id[id]->s : "";
}

struct str intern_str(const struct intern *in, uint32_t id)
{
	return id < in->count ? (struct str){ in->by_id[id]->s, in->by_id[id]->len } : STR("");
}

uint32_t intern_count(const struct intern *in)
{
	return in->count;
}

uint64_t intern_overflows(const struct intern *in)
{
	return in->overflows;
}
