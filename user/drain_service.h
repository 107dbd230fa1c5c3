/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients called, as REC_NAMED by container, peer, and the address and port of connect(). In: the
 * table's descriptor.
 */
#ifndef TALLYMAN_DRAIN_SERVICE_H
#define TALLYMAN_DRAIN_SERVICE_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_service;

/* Borrows the descriptor. 0 or -ENOMEM. */
int drain_service_new(struct drain_service **out, int table_fd);
void drain_service_free(struct drain_service *d);
int drain_service_run(struct drain_service *d, record_fn fn, void *ctx);
void drain_service_forget(struct drain_service *d, uint64_t cgroup);

#endif
