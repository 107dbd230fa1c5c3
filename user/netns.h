/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which container has which network namespace. In: the iterator over tasks. Out: answers, and the same told to the
 * kernel's hooks. A namespace is its container's if all of the tasks in it are that one's; Kubernetes'
 * pause, which holds a pod's for the others, does not count.
 */
#ifndef TALLYMAN_NETNS_H
#define TALLYMAN_NETNS_H

#include <stdint.h>

struct netns_config {
	int iter_fd;	     /* -1: none, namespaces are nobody's */
	int map_fd;	     /* inode number -> struct stack_netns */
	uint32_t *strangers; /* set by the kernel: it saw a namespace that it does not know */
};

struct netns;

/* 0 or -ENOMEM. Borrows the descriptors. Looks at the tasks at once. */
int netns_new(struct netns **out, const struct netns_config *cfg);
void netns_free(struct netns *n);

/* Looks at the tasks if it is time to. 0 or a negative errno. */
int netns_run(struct netns *n);

/* By inode number; it may look at the tasks for it. 0: of several, or not known. */
uint64_t netns_cgroup(struct netns *n, uint32_t inum);

void netns_forget(struct netns *n, uint64_t cgroup);

#endif
