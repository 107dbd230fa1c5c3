/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that the kernel dropped, as REC_NAMED by container, peer and reason. In: the table's descriptor,
 * who has which network namespace, the iterator which gives open sockets their owner, and the kernel's BTF, which names
 * the reasons.
 */
#ifndef TALLYMAN_DRAIN_DROP_H
#define TALLYMAN_DRAIN_DROP_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lanes.h"

struct btf;
struct netns;
struct drain_drop;

/* Borrows all. adopt_fd: -1: sockets that are not known stay so. 0 or -ENOMEM. */
int drain_drop_new(struct drain_drop **out, int table_fd, struct netns *netns, int adopt_fd,
		   const struct btf *kernel);
void drain_drop_free(struct drain_drop *d);
int drain_drop_run(struct drain_drop *d, record_fn fn, void *ctx);
void drain_drop_forget(struct drain_drop *d, uint64_t cgroup);

/* The kernel tells which socket a packet was for. */
bool drop_has_socket(const struct btf *kernel);
/* The value of that name in enum skb_drop_reason; 0: it has none. */
uint32_t drop_reason_value(const struct btf *kernel, const char *name);

#endif
