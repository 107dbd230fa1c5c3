/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: cgroups that exist, appear and go, by id and path. Out: for an id, the container's names. A
 * removed container keeps its names for a grace period, so that what it did last can still be told.
 * Knows nothing of where the ids come from, nor of what others count under them.
 */
#ifndef TALLYMAN_CONTAINER_H
#define TALLYMAN_CONTAINER_H

#include <stdint.h>

#include "user/cgroup_path.h"

/* Owned by the table, at the same address until it is handed to container_gone_fn. */
struct container {
	uint64_t id;	/* cgroup id */
	uint32_t index; /* below the table's max; free for another only after this one is gone */
	bool removed;	/* its cgroup is; the names are still good */
	uint64_t removed_ns;
	const char *path;  /* from the hierarchy's root, as given */
	const char *label; /* see cgroup_path_label() */
	struct cgroup_path parsed;
};

/* The container is about to be freed: drop what points to it or to its index. */
typedef void (*container_gone_fn)(void *ctx, const struct container *c);

struct container_table;

/* max: how many, removed ones in their grace period included. gone may be NULL. NULL: no memory. */
struct container_table *container_table_new(uint32_t max, uint64_t grace_ns, container_gone_fn gone,
					    void *ctx);
/* Does not call container_gone_fn. NULL is fine. */
void container_table_free(struct container_table *t);

/*
 * The container of a cgroup that exists. A known id keeps its container, and a removed one comes
 * back; with another path (the id was used again, or the cgroup renamed) the old container is gone
 * at once and a new one takes its place. A path ends at a NUL. A full table first lets those go whose
 * grace period is over at now_ns. NULL: it is still full, or there is no memory (counted).
 */
const struct container *container_add(struct container_table *t, uint64_t id, struct str path,
				      uint64_t now_ns);
/* Starts the grace period. -ENOENT: not known, or removed before. */
int container_remove(struct container_table *t, uint64_t id, uint64_t now_ns);
/* Ends it for those removed at least grace_ns before now_ns; how many are gone. */
uint32_t container_expire(struct container_table *t, uint64_t now_ns);

/* NULL: not known. */
const struct container *container_get(struct container_table *t, uint64_t id);
/* By index; NULL: nobody has it. To visit all: every index below container_index_end(). */
const struct container *container_at(const struct container_table *t, uint32_t index);
uint32_t container_index_end(const struct container_table *t);

uint32_t container_count(const struct container_table *t);
/* Cgroups that found the table full, or no memory, since the table was made. */
uint64_t container_refused(const struct container_table *t);

/* path starts with '/', is "/" for the root, and is valid during the call only. */
typedef void (*container_scan_fn)(void *ctx, uint64_t id, struct str path);

/* Levels below the mount that a scan visits; deeper cgroups are left out. */
#define CONTAINER_SCAN_DEPTH 64

/*
 * Calls fn for every cgroup under a hierarchy's mount, each parent before its children. The id is the
 * one that the kernel gives (inode number of the folder, on v1 and v2). Cgroups that go away while
 * they are read are left out. Returns how many were found, or -errno if the mount cannot be read.
 */
int container_scan(const char *hierarchy_mount, container_scan_fn fn, void *ctx);

#endif
