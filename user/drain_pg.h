/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals of PostgreSQL's wait events since the last drain. In: the map pg_sleeps. Out: REC_EVENT. The
 * kernel only adds; the last values are kept here, and an entry that did not move for a while is given
 * back, so that owners and events that come and go do not fill the map.
 */
#ifndef TALLYMAN_DRAIN_PG_H
#define TALLYMAN_DRAIN_PG_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_pg;

/* The map's descriptor stays the caller's. `cpus`: possible ones. */
int drain_pg_new(struct drain_pg **out, int map_fd, int cpus);
void drain_pg_free(struct drain_pg *d);

/* 0 or -ENOMEM. */
int drain_pg_run(struct drain_pg *d, uint64_t now_ns, record_fn fn, void *ctx);

/* The container is gone: its entries go after the next drain. */
void drain_pg_forget(struct drain_pg *d, uint64_t cgroup);

#endif
