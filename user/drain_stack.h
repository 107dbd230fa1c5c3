/* SPDX-License-Identifier: Apache-2.0 */
/* The network stack's table as records of differences: REC_EGRESS by container. In: the table's descriptor. */
#ifndef TALLYMAN_DRAIN_STACK_H
#define TALLYMAN_DRAIN_STACK_H

#include <stdint.h>

#include "user/lanes.h"

struct drain_stack;

/* 0 or -ENOMEM. egress_fd: cgroup -> struct stack_egress; borrowed. */
int drain_stack_new(struct drain_stack **out, int egress_fd);
void drain_stack_free(struct drain_stack *d);

/* 0 or a negative errno. */
int drain_stack_run(struct drain_stack *d, record_fn fn, void *ctx);

void drain_stack_forget(struct drain_stack *d, uint64_t cgroup);

#endif
