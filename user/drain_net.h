/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections that the kernel counted, as records of differences: REC_NET by container, role and
 * peer, a REC_LISTENER for each listening socket, and REC_ACCEPT by port. In: the tables' descriptors, and that of the iterator
 * which brings the first one up to date.
 */
#ifndef TALLYMAN_DRAIN_NET_H
#define TALLYMAN_DRAIN_NET_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_net;

/* Borrows the descriptors; iter_fd: -1: only what has ended is known. 0 or -ENOMEM. */
int drain_net_new(struct drain_net **out, int table_fd, int accepted_fd, int iter_fd);
void drain_net_free(struct drain_net *d);
int drain_net_run(struct drain_net *d, record_fn fn, void *ctx);
void drain_net_forget(struct drain_net *d, uint64_t cgroup);

#endif
