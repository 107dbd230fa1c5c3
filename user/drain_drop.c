/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of dropped packets as records. What no socket is known for is charged to the container that
 * uses the packet's network namespace, if it is the only one. Reasons are named by the kernel itself: its
 * numbers differ from version to version.
 */
#include "user/drain_drop.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probes/net/net_stats.h"
#include "user/drain_table.h"
#include "user/lib/clock.h"
#include "user/lib/u64map.h"

#define USERS_AT_ONCE 256
#define USERS_KEEP_NS (60 * NS_PER_SEC) /* what is known of a namespace's users */
#define USERS_AGAIN_NS (5 * NS_PER_SEC) /* looking for a namespace of which nothing is known */
#define IDLE_RUNS 600
#define REASON_PREFIX "SKB_DROP_REASON_"

struct drain_drop {
	struct drain_table *table;
	const struct btf *kernel;
	int users_fd;
	struct u64map users; /* cgroups by network namespace; AMBIGUOUS: there are several */
	uint64_t users_ns;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

static char ambiguous;

/* The enum's value of that name, or, name NULL, of that number; NULL: it has none. */
static const struct btf_enum *reason_find(const struct btf *kernel, const char *name,
					  uint32_t number)
{
	int id = btf__find_by_name_kind(kernel, "skb_drop_reason", BTF_KIND_ENUM);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(kernel, id);
	const struct btf_enum *e = t ? btf_enum(t) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++)
		if (name ? !strcmp(btf__name_by_offset(kernel, e[i].name_off), name)
			 : (uint32_t)e[i].val == number)
			return &e[i];
	return NULL;
}

uint32_t drop_reason_value(const struct btf *kernel, const char *name)
{
	const struct btf_enum *e = reason_find(kernel, name, 0);

	return e ? e->val : 0;
}

/* As the tracepoint's own arguments are listed: the first one is nobody's, then packet, location, reason. */
bool drop_has_socket(const struct btf *kernel)
{
	int id = btf__find_by_name_kind(kernel, "btf_trace_kfree_skb", BTF_KIND_TYPEDEF);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(kernel, id);

	t = t ? btf__type_by_id(kernel, t->type) : NULL; /* a pointer */
	t = t ? btf__type_by_id(kernel, t->type) : NULL;
	return t && btf_is_func_proto(t) && btf_vlen(t) >= 5;
}

/* "SKB_DROP_REASON_TCP_CSUM" is "tcp_csum". Subsystems with reasons of their own (Wi-Fi, Open vSwitch) are one. */
static void reason_put(const struct btf *kernel, uint32_t value, char out[NET_NAME_MAX])
{
	const struct btf_enum *e = reason_find(kernel, NULL, value);
	const char *name = value >> 16 ? "subsystem"
			   : e	       ? btf__name_by_offset(kernel, e->name_off)
				       : "unknown";
	size_t n = 0;

	if (!strncmp(name, REASON_PREFIX, strlen(REASON_PREFIX)))
		name += strlen(REASON_PREFIX);
	for (; name[n] && n < NET_NAME_MAX - 1; n++)
		out[n] = (char)tolower((unsigned char)name[n]);
	out[n] = '\0';
}

int drain_drop_new(struct drain_drop **out, int table_fd, int users_fd, const struct btf *kernel)
{
	const struct drain_table_config cfg = { .fd = table_fd,
						.key_words =
							sizeof(struct net_drop_key) / sizeof(__u64),
						.cgroups = 2,
						.value_words = 1 };
	struct drain_drop *d = calloc(1, sizeof(*d));
	int err = d ? drain_table_new(&d->table, &cfg) : -ENOMEM;

	if (err) {
		free(d);
		return err;
	}
	drain_table_expire(d->table, IDLE_RUNS);
	d->kernel = kernel;
	d->users_fd = users_fd;
	u64map_init(&d->users, 4096);
	*out = d;
	return 0;
}

void drain_drop_free(struct drain_drop *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	u64map_clear(&d->users);
	free(d);
}

static void user_add(struct drain_drop *d, const struct net_user *u)
{
	void *cgroup = (void *)(uintptr_t)u->cgroup, *was = u64map_get(&d->users, u->netns), *old;

	if (was == cgroup || was == &ambiguous || !cgroup)
		return;
	u64map_put(&d->users, u->netns, was ? &ambiguous : cgroup, &old);
}

/* All sockets that are open now, whoever has them. What is read may end within one. */
static int users_read(struct drain_drop *d)
{
	struct net_user some[USERS_AT_ONCE];
	int fd = bpf_iter_create(d->users_fd);
	size_t have = 0, at;
	ssize_t n;

	if (fd < 0)
		return -errno;
	u64map_clear(&d->users);
	while ((n = read(fd, (char *)some + have, sizeof(some) - have)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		have += n > 0 ? n : 0;
		for (at = 0; have - at * sizeof(some[0]) >= sizeof(some[0]); at++)
			user_add(d, &some[at]);
		have -= at * sizeof(some[0]);
		memmove(some, &some[at], have);
	}
	n = n < 0 ? -errno : 0;
	close(fd);
	d->users_ns = d->now_ns;
	return (int)n;
}

/* 0: nobody's, or whose is not clear. */
static uint64_t netns_cgroup(struct drain_drop *d, uint64_t netns)
{
	uint64_t age = d->now_ns - d->users_ns;
	void *cgroup = u64map_get(&d->users, netns);

	if (d->users_fd < 0 || !netns)
		return 0;
	if (!d->users_ns || age > (cgroup ? USERS_KEEP_NS : USERS_AGAIN_NS)) {
		if (users_read(d))
			return 0;
		cgroup = u64map_get(&d->users, netns);
	}
	return cgroup == &ambiguous ? 0 : (uintptr_t)cgroup;
}

static void drop_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct net_drop_key *k = (const void *)key;
	struct drain_drop *d = ctx;
	struct rec_named r = { .hdr = { .kind = REC_NAMED, .len = sizeof(r), .time_ns = d->now_ns },
			       .cgroup = k->cgroup ?: netns_cgroup(d, k->netns),
			       .peer = k->peer,
			       .n = { *growth },
			       .what = NET_NAMED_DROPS,
			       .peer_kind = k->what >> 8 & 0xff };

	reason_put(d->kernel, k->what >> 32, r.name);
	d->fn(d->ctx, &r, sizeof(r));
}

int drain_drop_run(struct drain_drop *d, record_fn fn, void *ctx)
{
	d->fn = fn;
	d->ctx = ctx;
	d->now_ns = clock_mono_ns();
	return drain_table_run(d->table, drop_row, d);
}

void drain_drop_forget(struct drain_drop *d, uint64_t cgroup)
{
	drain_table_forget(d->table, cgroup);
}
