/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network stack's table as records of differences: REC_EGRESS by container. And the other way, which
 * container has a network namespace, for the kernel. In: descriptors of the tables and of the
 * iterator over tasks.
 */
#ifndef TALLYMAN_DRAIN_STACK_H
#define TALLYMAN_DRAIN_STACK_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_stack_config {
	int egress_fd;	     /* cgroup -> struct stack_egress */
	int netns_fd;	     /* inode number -> struct stack_netns */
	int iter_fd;	     /* -1: none, namespaces are nobody's */
	uint32_t *strangers; /* set by the kernel: it saw a namespace that it does not know */
};

struct drain_stack;

/* 0 or -ENOMEM. Borrows the descriptors. Looks at the tasks at once. */
int drain_stack_new(struct drain_stack **out, const struct drain_stack_config *cfg);
void drain_stack_free(struct drain_stack *d);

/* 0 or a negative errno. */
int drain_stack_run(struct drain_stack *d, record_fn fn, void *ctx);

void drain_stack_forget(struct drain_stack *d, uint64_t cgroup);

#endif
