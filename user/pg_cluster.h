/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which PostgreSQL servers run on the node, and where their processes have the pointer to their own wait
 * event. In: a process. Out: its server's postmaster, as the kernel side wants it (struct pg_cluster).
 * Everything is read below /proc/PID, so a server in a container is like any other. Needs CAP_SYS_PTRACE
 * for other users' processes, attaches to none. What it reads may be hostile: every read has a limit.
 */
#ifndef TALLYMAN_PG_CLUSTER_H
#define TALLYMAN_PG_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "probes/postgres/pg_stats.h"

struct pg_clusters;

/* A server that was not known so far: the kernel has to be told. */
typedef void (*pg_cluster_fn)(void *ctx, uint32_t postmaster, const struct pg_cluster *cluster);

int pg_clusters_new(struct pg_clusters **out, pg_cluster_fn fn, void *ctx);
void pg_clusters_free(struct pg_clusters *c);

/*
 * The server that process `pid` (thread group id in our namespace) belongs to, as a backend or as the
 * postmaster itself. Cached by postmaster: about four short reads for a known one. Errors:
 * -ESRCH: no such process; -ENOENT: not a server's; -ENOTSUP: a version that cannot be followed;
 * -ENOSPC: PG_CLUSTERS_MAX servers run; or why the binary could not be read.
 */
int pg_cluster_find(struct pg_clusters *c, uint32_t pid, uint32_t *postmaster,
		    struct pg_cluster *out);

/* Finds all that run now; once at start. */
void pg_clusters_scan(struct pg_clusters *c);

/* A process is gone; true: it was a postmaster, so the kernel should forget it. */
bool pg_cluster_gone(struct pg_clusters *c, uint32_t pid);

#endif
