/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Differences of a kernel hash. In: its descriptor. Out: rows that grew. What was read last is kept here:
 * the kernel's counters are never set back, so nothing is lost between reading and zeroing.
 */
#include "user/drain_table.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct row {
	uint64_t key[DRAIN_KEY_WORDS]; /* the unused ones are 0 */
	bool gone;
	unsigned int idle; /* runs in which it did not grow */
	UT_hash_handle hh;
	uint64_t last[];
};

struct drain_table {
	struct drain_table_config cfg;
	struct row *rows;
	unsigned int idle_runs; /* 0: a row may be idle for ever */
};

int drain_table_new(struct drain_table **out, const struct drain_table_config *cfg)
{
	struct drain_table *t;

	if (cfg->key_words > DRAIN_KEY_WORDS || cfg->value_words > DRAIN_VALUE_WORDS ||
	    cfg->cgroups > cfg->key_words)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	*out = t;
	return 0;
}

static void row_free(struct drain_table *t, struct row *row)
{
	HASH_DEL(t->rows, row);
	free(row);
}

void drain_table_free(struct drain_table *t)
{
	struct row *row, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->rows, row, next)
		row_free(t, row);
	free(t);
}

static struct row *row_get(struct drain_table *t, const uint64_t *key)
{
	struct row *row;

	HASH_FIND(hh, t->rows, key, sizeof(row->key), row);
	if (row)
		return row;
	row = calloc(1, sizeof(*row) + t->cfg.value_words * sizeof(row->last[0]));
	if (!row)
		return NULL;
	memcpy(row->key, key, sizeof(row->key));
	HASH_ADD(hh, t->rows, key, sizeof(row->key), row);
	return row;
}

static void row_read(struct drain_table *t, struct row *row, drain_row_fn fn, void *ctx)
{
	uint64_t now[DRAIN_VALUE_WORDS], growth[DRAIN_VALUE_WORDS], any = 0;

	if (bpf_map_lookup_elem(t->cfg.fd, row->key, now))
		return;
	for (unsigned int i = 0; i < t->cfg.value_words; i++) {
		growth[i] = now[i] - row->last[i];
		any |= growth[i];
		row->last[i] = now[i];
	}
	row->idle = any ? 0 : row->idle + 1;
	row->gone |= t->idle_runs && row->idle >= t->idle_runs;
	if (any)
		fn(ctx, row->key, growth);
}

/* All keys first: a walk of the kernel's table starts anew when its place in it is deleted. */
static int keys_read(struct drain_table *t)
{
	uint64_t key[DRAIN_KEY_WORDS] = { 0 }, *prev = NULL;

	while (!bpf_map_get_next_key(t->cfg.fd, prev, key)) {
		prev = key;
		if (!row_get(t, key))
			return -ENOMEM;
	}
	return 0;
}

int drain_table_run(struct drain_table *t, drain_row_fn fn, void *ctx)
{
	struct row *row, *next;
	int err = keys_read(t);

	HASH_ITER(hh, t->rows, row, next) {
		row_read(t, row, fn, ctx);
		if (!row->gone)
			continue;
		bpf_map_delete_elem(t->cfg.fd, row->key);
		row_free(t, row);
	}
	return err;
}

void drain_table_expire(struct drain_table *t, unsigned int idle_runs)
{
	t->idle_runs = idle_runs;
}

void drain_table_forget(struct drain_table *t, uint64_t cgroup)
{
	for (struct row *row = t->rows; row; row = row->hh.next)
		for (unsigned int i = 0; i < t->cfg.cgroups; i++)
			row->gone |= row->key[i] == cgroup;
}
