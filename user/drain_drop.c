/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of dropped packets as records. What no socket is known for is charged to the container that
 * has the packet's network namespace, if it is the only one. Reasons are named by the kernel itself: its
 * numbers differ from version to version.
 */
#include "user/drain_drop.h"

#include <bpf/btf.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/net/net_stats.h"
#include "user/drain_table.h"
#include "user/iter.h"
#include "user/lib/clock.h"
#include "user/netns.h"

#define ADOPT_NS (60 * NS_PER_SEC)
#define IDLE_RUNS 600
#define REASON_PREFIX "SKB_DROP_REASON_"

struct drain_drop {
	struct drain_table *table;
	const struct btf *kernel;
	struct netns *netns;
	int adopt_fd;
	uint64_t adopted_ns;
	record_fn fn; /* during a run */
	void *ctx;
	uint64_t now_ns;
};

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

int drain_drop_new(struct drain_drop **out, int table_fd, struct netns *netns, int adopt_fd,
		   const struct btf *kernel)
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
	d->netns = netns;
	d->adopt_fd = adopt_fd;
	*out = d;
	return 0;
}

void drain_drop_free(struct drain_drop *d)
{
	if (!d)
		return;
	drain_table_free(d->table);
	free(d);
}

/* Whoever has the namespace; sockets without an owner get theirs for the next time. */
static uint64_t drop_cgroup(struct drain_drop *d, uint64_t netns)
{
	uint64_t cgroup = netns ? netns_cgroup(d->netns, (uint32_t)netns) : 0;

	if (!cgroup && d->adopt_fd >= 0 && d->now_ns - d->adopted_ns > ADOPT_NS) {
		iter_run_link(d->adopt_fd);
		d->adopted_ns = d->now_ns;
	}
	return cgroup;
}

static void drop_row(void *ctx, const uint64_t *key, const uint64_t *growth)
{
	const struct net_drop_key *k = (const void *)key;
	struct drain_drop *d = ctx;
	struct rec_named r = { .hdr = { .kind = REC_NAMED, .len = sizeof(r), .time_ns = d->now_ns },
			       .cgroup = k->cgroup ?: drop_cgroup(d, k->netns),
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
