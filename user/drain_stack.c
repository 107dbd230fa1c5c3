/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The egress table's differences, and the namespaces: all tasks are looked at every ten seconds, or, if a
 * packet of an unknown namespace was seen, at the next tick. A namespace is its container's if all of the
 * tasks in it are that one's; Kubernetes' pause, which holds a pod's for the others, does not count.
 */
#include "user/drain_stack.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "probes/stack/stack_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"

#define TASKS_AT_ONCE 256
#define LOOK_NS (10 * NS_PER_SEC)

struct netns {
	uint32_t inum;
	bool shared;
	uint64_t cgroup;
	uint64_t told; /* what the kernel has; 0: nothing */
	uint64_t seen_ns;
	UT_hash_handle hh;
};

struct drain_stack {
	struct drain_stack_config cfg;
	struct drain_table *egress;
	struct netns *namespaces;
	uint64_t now_ns;
	uint64_t looked_ns;
	record_fn fn; /* during a run */
	void *ctx;
};

static int task_see(struct drain_stack *d, const struct stack_task *t)
{
	struct netns *n;

	HASH_FIND(hh, d->namespaces, &t->netns, sizeof(n->inum), n);
	if (!n) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return -ENOMEM;
		n->inum = t->netns;
		HASH_ADD(hh, d->namespaces, inum, sizeof(n->inum), n);
	}
	if (n->seen_ns != d->now_ns) {
		n->seen_ns = d->now_ns;
		n->cgroup = t->cgroup;
		n->shared = false;
	}
	n->shared |= n->cgroup != t->cgroup;
	return 0;
}

/* What is read may end within a task: the rest comes first in the next piece. */
static int tasks_read(struct drain_stack *d)
{
	struct stack_task some[TASKS_AT_ONCE];
	int fd = bpf_iter_create(d->cfg.iter_fd), err = 0;
	size_t have = 0, at;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, (char *)some + have, sizeof(some) - have)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		have += n > 0 ? n : 0;
		for (at = 0; have - at * sizeof(some[0]) >= sizeof(some[0]); at++)
			err = err ?: task_see(d, &some[at]);
		have -= at * sizeof(some[0]);
		memmove(some, &some[at], have);
	}
	err = n < 0 ? -errno : err;
	close(fd);
	return err;
}

static void netns_tell(const struct drain_stack *d, struct netns *n, uint64_t cgroup)
{
	const struct stack_netns value = { cgroup };

	if (n->told == cgroup)
		return;
	if (cgroup)
		bpf_map_update_elem(d->cfg.netns_fd, &n->inum, &value, BPF_ANY);
	else
		bpf_map_delete_elem(d->cfg.netns_fd, &n->inum);
	n->told = cgroup;
}

static int namespaces_look(struct drain_stack *d)
{
	struct netns *n, *next;
	int err;

	__atomic_store_n(d->cfg.strangers, 0, __ATOMIC_RELAXED);
	d->looked_ns = d->now_ns;
	err = tasks_read(d);
	if (err)
		return err;
	HASH_ITER(hh, d->namespaces, n, next) {
		bool gone = n->seen_ns != d->now_ns;

		netns_tell(d, n, gone || n->shared ? 0 : n->cgroup);
		if (!gone)
			continue;
		HASH_DEL(d->namespaces, n);
		free(n);
	}
	return 0;
}

int drain_stack_new(struct drain_stack **out, const struct drain_stack_config *cfg)
{
	const struct drain_table_config egress = { cfg->egress_fd, 1, 1,
						   sizeof(struct stack_egress) / sizeof(uint64_t) };
	struct drain_stack *d = calloc(1, sizeof(*d));
	int err = d ? drain_table_new(&d->egress, &egress) : -ENOMEM;

	if (err) {
		drain_stack_free(d);
		return err;
	}
	d->cfg = *cfg;
	d->now_ns = clock_mono_ns();
	if (cfg->iter_fd >= 0)
		namespaces_look(d);
	*out = d;
	return 0;
}

void drain_stack_free(struct drain_stack *d)
{
	struct netns *n, *next;

	if (!d)
		return;
	HASH_ITER(hh, d->namespaces, n, next) {
		HASH_DEL(d->namespaces, n);
		free(n);
	}
	drain_table_free(d->egress);
	free(d);
}

static void egress_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct stack_egress *st = (const void *)growth;
	struct drain_stack *d = ctx;
	struct rec_egress r = {
		.hdr = { .kind = REC_EGRESS, .len = sizeof(r), .time_ns = d->now_ns },
		.cgroup = key[0],
		.packets = st->packets,
		.wait_ns = st->wait_ns,
	};

	for (int i = 0; i < SCHED_BUCKETS; i++)
		r.buckets[i] = st->buckets[i];
	d->fn(d->ctx, &r, sizeof(r));
}

int drain_stack_run(struct drain_stack *d, record_fn fn, void *ctx)
{
	int err = 0;

	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	if (d->cfg.iter_fd >= 0 &&
	    (*(volatile uint32_t *)d->cfg.strangers || d->now_ns - d->looked_ns >= LOOK_NS))
		err = namespaces_look(d);
	return drain_table_run(d->egress, egress_row, d) ?: err;
}

void drain_stack_forget(struct drain_stack *d, uint64_t cgroup)
{
	drain_table_forget(d->egress, cgroup);
	for (struct netns *n = d->namespaces; n; n = n->hh.next)
		if (n->told == cgroup)
			netns_tell(d, n, 0);
}
