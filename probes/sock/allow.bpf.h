/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * May these requests have records of their own? Each container has an allowance, a token bucket a CPU, so that
 * one that floods the lanes takes neither the others' room nor the reader's time: what is over it is counted as
 * coarse. User space sets how fast the buckets fill (user/governor.c). Whose allowance: the client's, where
 * that is a container of this node, else that of the process at this end.
 */
#ifndef TALLYMAN_ALLOW_BPF_H
#define TALLYMAN_ALLOW_BPF_H

#include "bpf/owner.h"
#include "probes/sock/allow_stats.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct allowance);
} allowances SEC(".maps") __weak;

const volatile __u32 cfg_accounts __weak = 1;

__u32 allow_rate __weak = 1 << 20;	 /* units that a window adds; both are set by user space */
__u32 allow_burst __weak = 1 << 20;	 /* units that a bucket holds */
__u32 allow_text __weak = WIRE_TEXT_MAX; /* bytes of one statement or command */

/* Kept by the connection; found again when it becomes known for whom it works. */
static __always_inline void allow_account(struct conn *c)
{
	if (!c->account && c->cgroup)
		c->account = owner_number(c->client_cgroup ?: c->cgroup, 0);
}

/* How much is told of `bytes` that are `n` whole requests: one that is long may be cut, see user/governor.h. */
static __always_inline __u32 text_told(const struct conn *c, const char *text, __u32 bytes, int n)
{
	if (bytes <= allow_text || n != 1 || (c->protocol == PROTO_POSTGRESQL && *text != 'Q'))
		return bytes;
	return allow_text;
}

/* Bytes of one statement or command that are told. HTTP's are as few as they can be already. */
static __always_inline __u32 text_window(const struct conn *c)
{
	return c->protocol == PROTO_HTTP || allow_text > cfg_text_window ? cfg_text_window
									 : allow_text;
}

static __always_inline void allow_fill(struct allowance *a, __u64 window)
{
	__u64 windows = window - a->window;
	__s64 left;

	if ((__s64)windows < 0) /* some hooks' clocks were read a little earlier than others' */
		return;
	left = windows < allow_burst ? a->left + (__s64)(windows * allow_rate) : allow_burst;
	a->left = left < allow_burst ? left : allow_burst;
	a->window = window;
}

/*
 * The last bytes were denied. What arrived meanwhile was not marked, so details begin again only when nothing
 * that is read now arrived behind unread bytes: no time is ever wrong.
 */
static __always_inline bool allow_is_denied(const struct conn *c)
{
	return c->blind_until >= c->requests && c->blind_why == COARSE_QUOTA;
}

static __always_inline bool allow_may_resume(const struct conn *c)
{
	return c->role == ROLE_CLIENT || (!c->left_ns && c->arrivals - c->taken <= 1);
}

static __always_inline bool allow_details(const struct conn *c, __u64 now_ns, __u32 bytes)
{
	__u32 units = ALLOW_RECORD + bytes / 4;
	__u32 at = bpf_get_smp_processor_id() * cfg_accounts + c->account;
	struct allowance *a = bpf_map_lookup_elem(&allowances, &at);
	__u64 window = now_ns >> ALLOW_WINDOW_SHIFT;

	if (!a)
		return true;
	if (a->window != window)
		allow_fill(a, window);
	if (a->left <= 0 || (allow_is_denied(c) && !allow_may_resume(c))) {
		a->denied += units;
		return false;
	}
	a->left -= units;
	a->spent += units;
	return true;
}

#endif
