/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What every probe's kernel side shares: the configuration (written once by user space before the load)
 * and the lanes. Definitions are weak: each probe's object has them and the BPF linker folds them
 * into one.
 */
#ifndef TALLYMAN_MAPS_H
#define TALLYMAN_MAPS_H

#include "bpf/lane.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* Which cgroup hierarchy names containers: -1 the unified one, else an index into css_set.subsys[]. */
const volatile __s32 cfg_cgroup_subsys __weak = -1;
/* The same, as cgroup_root.hierarchy_id. */
const volatile __s32 cfg_cgroup_hierarchy __weak = 0;
const volatile __u32 cfg_text_window __weak = WIRE_TEXT_DEFAULT;
/* Without it no byte of a payload leaves the kernel: requests are counted by container and protocol. */
const volatile bool cfg_capture_text __weak = true;
/* Hints only: who serves, on a late attach. */
const volatile __u16 cfg_postgresql_port __weak = 5432;
const volatile __u16 cfg_redis_port __weak = 6379;
/* The TLS library's functions are hooked: see probes/sock/tls_hooks.bpf.h. */
const volatile bool cfg_tls __weak = false;
/*
 * Plain loads where older verifiers ask for a helper's call (Linux 6.1 refuses them): each call is some
 * 20 ns where the kernel guards its returns against speculation.
 */
const volatile bool cfg_direct __weak = false;
/* Of one lane's ring: a power of two. */
const volatile __u32 cfg_lane_bytes __weak = LANE_MIN_BYTES;

/* One struct lane a CPU; user space sets value size and number before the load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, LANE_VALUE_SIZE(LANE_MIN_BYTES));
} lanes SEC(".maps") __weak;

static __always_inline struct lane *lane_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&lanes, &cpu);
}

/* `n` events were seen, and lost: nothing else counts them. */
static __always_inline void count_lost(struct lane *l, enum probe_id probe, enum lost_cause cause,
				       __u32 n)
{
	l->counts[probe].seen += n;
	l->counts[probe].lost[cause] += n;
}

#endif
