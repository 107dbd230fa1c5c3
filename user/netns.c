/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All tasks are looked at every ten seconds; at the next tick, if the kernel saw a packet of a namespace that it does
 * not know; and when somebody asks for one, at most once a second.
 */
#include "user/netns.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "probes/stack/stack_stats.h"
#include "user/lib/clock.h"

#define TASKS_AT_ONCE 256
#define LOOK_NS (10 * NS_PER_SEC)
#define AGAIN_NS NS_PER_SEC
#define KEEP_NS \
	(60 * NS_PER_SEC) /* what is known of one without tasks: its packets are told of later */

struct space {
	uint32_t inum;
	bool shared;
	uint64_t cgroup;
	uint64_t told; /* what the kernel has; 0: nothing */
	uint64_t seen_ns;
	UT_hash_handle hh;
};

struct netns {
	struct netns_config cfg;
	struct space *spaces;
	uint64_t looked_ns;
};

static struct space *space_of(struct netns *n, uint32_t inum)
{
	struct space *s;

	HASH_FIND(hh, n->spaces, &inum, sizeof(inum), s);
	return s;
}

static int task_see(struct netns *n, const struct stack_task *t)
{
	struct space *s = space_of(n, t->netns);

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->inum = t->netns;
		HASH_ADD(hh, n->spaces, inum, sizeof(s->inum), s);
	}
	if (s->seen_ns != n->looked_ns) {
		s->seen_ns = n->looked_ns;
		s->cgroup = t->cgroup;
		s->shared = false;
	}
	s->shared |= s->cgroup != t->cgroup;
	return 0;
}

/* What is read may end within a task: the rest comes first in the next piece. */
static int tasks_read(struct netns *ns)
{
	struct stack_task some[TASKS_AT_ONCE];
	int fd = bpf_iter_create(ns->cfg.iter_fd), err = 0;
	size_t have = 0, at;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, (char *)some + have, sizeof(some) - have)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		have += n > 0 ? n : 0;
		for (at = 0; have - at * sizeof(some[0]) >= sizeof(some[0]); at++)
			err = err ?: task_see(ns, &some[at]);
		have -= at * sizeof(some[0]);
		memmove(some, &some[at], have);
	}
	err = n < 0 ? -errno : err;
	close(fd);
	return err;
}

static void space_tell(const struct netns *n, struct space *s, uint64_t cgroup)
{
	const struct stack_netns value = { cgroup };

	if (s->told == cgroup)
		return;
	if (cgroup)
		bpf_map_update_elem(n->cfg.map_fd, &s->inum, &value, BPF_ANY);
	else
		bpf_map_delete_elem(n->cfg.map_fd, &s->inum);
	s->told = cgroup;
}

static int tasks_look(struct netns *n)
{
	struct space *s, *next;
	int err;

	__atomic_store_n(n->cfg.strangers, 0, __ATOMIC_RELAXED);
	n->looked_ns = clock_mono_ns();
	err = tasks_read(n);
	if (err)
		return err;
	HASH_ITER(hh, n->spaces, s, next) {
		bool gone = s->seen_ns != n->looked_ns;

		space_tell(n, s, gone || s->shared ? 0 : s->cgroup);
		if (n->looked_ns - s->seen_ns < KEEP_NS)
			continue;
		HASH_DEL(n->spaces, s);
		free(s);
	}
	return 0;
}

int netns_new(struct netns **out, const struct netns_config *cfg)
{
	struct netns *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->cfg = *cfg;
	if (cfg->iter_fd >= 0)
		tasks_look(n);
	*out = n;
	return 0;
}

void netns_free(struct netns *n)
{
	struct space *s, *next;

	if (!n)
		return;
	HASH_ITER(hh, n->spaces, s, next) {
		HASH_DEL(n->spaces, s);
		free(s);
	}
	free(n);
}

int netns_run(struct netns *n)
{
	uint64_t age_ns = clock_mono_ns() - n->looked_ns;

	if (n->cfg.iter_fd < 0 || (!*(volatile uint32_t *)n->cfg.strangers && age_ns < LOOK_NS))
		return 0;
	return tasks_look(n);
}

uint64_t netns_cgroup(struct netns *n, uint32_t inum)
{
	struct space *s = space_of(n, inum);

	if (!s && n->cfg.iter_fd >= 0 && clock_mono_ns() - n->looked_ns >= AGAIN_NS) {
		tasks_look(n);
		s = space_of(n, inum);
	}
	return s && !s->shared ? s->cgroup : 0;
}

void netns_forget(struct netns *n, uint64_t cgroup)
{
	for (struct space *s = n->spaces; s; s = s->hh.next)
		if (s->told == cgroup)
			space_tell(n, s, 0);
}
