/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One kernel table of counters, read on a tick: keys are words of 64 bits, the first ones cgroups, values
 * are words that only grow. Out: differences since the last reading. Knows nothing of what is counted.
 */
#ifndef TALLYMAN_DRAIN_TABLE_H
#define TALLYMAN_DRAIN_TABLE_H

#include <stdint.h>

#define DRAIN_KEY_WORDS 5
#define DRAIN_VALUE_WORDS 168

struct drain_table_config {
	int fd;
	unsigned int key_words;	  /* at most DRAIN_KEY_WORDS */
	unsigned int cgroups;	  /* of the key, from the first word on */
	unsigned int value_words; /* at most DRAIN_VALUE_WORDS */
};

struct drain_table;

/* One row of which something grew, by how much. */
typedef void (*drain_row_fn)(void *ctx, const uint64_t *key, const uint64_t *growth);

/* -EINVAL: more words than there is room for. -ENOMEM. Borrows the descriptor. */
int drain_table_new(struct drain_table **out, const struct drain_table_config *cfg);
void drain_table_free(struct drain_table *t);

/* 0, or -ENOMEM: rows are missing, and come with the next run. */
int drain_table_run(struct drain_table *t, drain_row_fn fn, void *ctx);

/*
 * Rows that did not grow in so many runs are removed, too, for keys that nobody forgets. What is counted at
 * that very moment is lost.
 */
void drain_table_expire(struct drain_table *t, unsigned int idle_runs);

/* The cgroup is gone: its rows are removed from the kernel after they are read once more. */
void drain_table_forget(struct drain_table *t, uint64_t cgroup);

#endif
