/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: ids and paths of cgroups. Out: containers by id and by index. One allocation per container,
 * none to look one up. Removed containers stand in a queue in the order of their removal.
 */
#include "user/container.h"

#include <errno.h>
#include <stdlib.h>

/* Without memory for its buckets an entry is refused like any other; the table stays whole. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define ROOM_MIN 64

/* A look-up reads the handle and the first fields of the container: kept side by side. */
struct entry {
	UT_hash_handle hh;
	struct container c;
	struct entry *prev, *next; /* in the queue of the removed */
	char label[CGROUP_LABEL_MAX + 1];
	char path[];
};

struct container_table {
	struct entry *by_id;
	struct entry *removed; /* oldest first */
	struct entry **slots;  /* by index; room of them */
	uint32_t *free;	       /* indexes that were used and are free again, nfree of them */
	uint32_t nfree;
	uint32_t room; /* grows as indexes are used */
	uint32_t end;  /* indexes from here on were never used */
	uint32_t max;
	uint64_t grace_ns;
	uint64_t refused;
	container_gone_fn gone;
	void *ctx;
};

struct container_table *container_table_new(uint32_t max, uint64_t grace_ns, container_gone_fn gone,
					    void *ctx)
{
	struct container_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct container_table){ .max = max, .grace_ns = grace_ns, .gone = gone, .ctx = ctx };
	return t;
}

void container_table_free(struct container_table *t)
{
	if (!t)
		return;
	HASH_CLEAR(hh, t->by_id);
	for (uint32_t i = 0; i < t->end; i++)
		free(t->slots[i]);
	free(t->slots);
	free(t->free);
	free(t);
}

static struct entry *entry_find(struct container_table *t, uint64_t id)
{
	struct entry *e;

	HASH_FIND(hh, t->by_id, &id, sizeof(id), e);
	return e;
}

static struct entry *entry_new(uint64_t id, struct str path)
{
	struct entry *e = malloc(sizeof(*e) + path.len + 1);

	if (!e)
		return NULL;
	*e = (struct entry){ .c = { .id = id, .path = e->path, .label = e->label } };
	if (path.len)
		memcpy(e->path, path.s, path.len);
	e->path[path.len] = 0;
	cgroup_path_parse(path, &e->c.parsed);
	cgroup_path_label(path, &e->c.parsed, e->label);
	return e;
}

static void entry_reclaim(struct container_table *t, struct entry *e)
{
	if (t->gone)
		t->gone(t->ctx, &e->c);
	if (e->c.removed)
		DL_DELETE(t->removed, e);
	HASH_DEL(t->by_id, e);
	t->slots[e->c.index] = NULL;
	t->free[t->nfree++] = e->c.index;
	free(e);
}

/* Room for one index more. */
static int slots_grow(struct container_table *t)
{
	uint32_t room = t->room ? t->room * 2 : ROOM_MIN;
	struct entry **slots;
	uint32_t *free_again;

	if (t->nfree || t->end < t->room)
		return 0;
	if (t->end == t->max)
		return -ENOSPC;
	room = room < t->max ? room : t->max;
	slots = realloc(t->slots, room * sizeof(struct entry *));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	free_again = realloc(t->free, room * sizeof(*free_again));
	if (!free_again)
		return -ENOMEM;
	t->free = free_again;
	t->room = room;
	return 0;
}

static struct entry *entry_insert(struct container_table *t, uint64_t id, struct str path)
{
	struct entry *e;

	if (slots_grow(t))
		return NULL;
	e = entry_new(id, path);
	if (!e)
		return NULL;
	HASH_ADD(hh, t->by_id, c.id, sizeof(e->c.id), e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	e->c.index = t->nfree ? t->free[--t->nfree] : t->end++;
	t->slots[e->c.index] = e;
	return e;
}

const struct container *container_add(struct container_table *t, uint64_t id, struct str path,
				      uint64_t now_ns)
{
	struct entry *e = entry_find(t, id);

	if (path.len)
		path.len = strnlen(path.s, path.len);
	if (e && !str_eq(str_of(e->path), path)) {
		entry_reclaim(t, e);
		e = NULL;
	}
	if (!e) {
		if (container_count(t) == t->max)
			container_expire(t, now_ns);
		e = entry_insert(t, id, path);
		if (!e)
			t->refused++;
	} else if (e->c.removed) {
		DL_DELETE(t->removed, e);
		e->c.removed = false;
		e->c.removed_ns = 0;
	}
	return e ? &e->c : NULL;
}

int container_remove(struct container_table *t, uint64_t id, uint64_t now_ns)
{
	struct entry *e = entry_find(t, id);

	if (!e || e->c.removed)
		return -ENOENT;
	e->c.removed = true;
	e->c.removed_ns = now_ns;
	DL_APPEND(t->removed, e);
	return 0;
}

/*
 * Removals come from several CPUs, so the queue may be a little out of order: what stands behind a
 * later one waits for it.
 */
uint32_t container_expire(struct container_table *t, uint64_t now_ns)
{
	uint32_t n = 0;

	while (t->removed && now_ns >= t->removed->c.removed_ns &&
	       now_ns - t->removed->c.removed_ns >= t->grace_ns) {
		entry_reclaim(t, t->removed);
		n++;
	}
	return n;
}

const struct container *container_get(struct container_table *t, uint64_t id)
{
	struct entry *e = entry_find(t, id);

	return e ? &e->c : NULL;
}

const struct container *container_at(const struct container_table *t, uint32_t index)
{
	return index < t->end && t->slots[index] ? &t->slots[index]->c : NULL;
}

uint32_t container_index_end(const struct container_table *t)
{
	return t->end;
}

uint32_t container_count(const struct container_table *t)
{
	return t->end - t->nfree;
}

uint64_t container_refused(const struct container_table *t)
{
	return t->refused;
}
