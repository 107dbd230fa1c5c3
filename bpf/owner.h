/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Owners as small numbers, so that their counters are an array index away. User space fills the list of
 * free numbers at start, and gives a number back after its container is gone.
 */
#ifndef TALLYMAN_OWNER_H
#define TALLYMAN_OWNER_H

#include "bpf/cell.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWNERS_MAX);
	__type(key, struct rec_owner);
	__type(value, __u32);
} owner_numbers SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, OWNERS_MAX);
	__type(value, __u32);
} owner_free SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OWNERS_MAX);
	__type(key, __u32);
	__type(value, struct owner);
} owners SEC(".maps") __weak;

/*
 * OWNER_UNKNOWN: no number is left. Hash lookups: keep the answer. Functions that are not static are
 * verified once each, whatever calls them.
 */
__weak __noinline __u32 owner_number(__u64 cgroup, __u64 payer)
{
	struct owner o = { .key = { cgroup, payer } };
	__u32 number = 0, *found;

	found = bpf_map_lookup_elem(&owner_numbers, &o.key);
	if (found)
		return *found;
	if (bpf_map_pop_elem(&owner_free, &number))
		return OWNER_UNKNOWN;
	bpf_map_update_elem(&owners, &number, &o, BPF_ANY);
	if (!bpf_map_update_elem(&owner_numbers, &o.key, &number, BPF_NOEXIST))
		return number;
	bpf_map_push_elem(&owner_free, &number, 0); /* another CPU was first, or the hash is full */
	found = bpf_map_lookup_elem(&owner_numbers, &o.key);
	return found ? *found : OWNER_UNKNOWN;
}

/* A registered thread came to (1) or went from (-1) that owner. */
static __always_inline void owner_threads_add(__u32 number, __s32 n)
{
	struct owner *o = bpf_map_lookup_elem(&owners, &number);

	if (o)
		__sync_fetch_and_add(&o->threads, n);
}

/* Who pays for the owner's work: two owners with one account are no neighbours. */
static __always_inline __u64 owner_pays(const struct rec_owner *o)
{
	return o->payer ? o->payer : o->cgroup;
}

static __always_inline __u64 owner_account(__u32 number)
{
	struct owner *o = bpf_map_lookup_elem(&owners, &number);

	return o ? owner_pays(&o->key) : 0;
}

static __always_inline enum wait_cause owner_cause(__u32 waiter, __u32 occupant)
{
	if (occupant < OWNER_FIRST)
		return WAIT_UNKNOWN - occupant;
	if (waiter == occupant || owner_account(waiter) == owner_account(occupant))
		return WAIT_SELF;
	return WAIT_NEIGHBOUR;
}

#endif
