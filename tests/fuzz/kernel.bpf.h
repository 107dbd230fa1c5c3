/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel side's framing as ordinary code: what it asks of the kernel, for one connection and one lane. User
 * memory is a buffer of the exact size: what is read outside of it, or of the lane, the sanitizers see.
 */
#ifndef TALLYMAN_FUZZ_KERNEL_BPF_H
#define TALLYMAN_FUZZ_KERNEL_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <linux/types.h>

#undef __always_inline
#define __always_inline inline __attribute__((always_inline, unused))
#define __noinline __attribute__((noinline, unused)) static
#define __weak
#define __ksym
#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define barrier() __asm__ volatile("" ::: "memory")
#define barrier_var(var) __asm__ volatile("" : "=r"(var) : "0"(var))
#define bpf_core_type_id_kernel(type) 0

#if defined(__x86_64__)
#define __TARGET_ARCH_x86
#else
#define __TARGET_ARCH_arm64
#endif

struct sock;
struct task_struct {
	void *stack, *io_uring;
	__u32 flags;
};
struct pt_regs {
	__u64 cs, orig_ax, si, dx, syscallno;
	struct {
		__u64 pstate, regs[3];
	} user_regs;
};
struct user_msghdr {
	struct iovec *msg_iov;
	size_t msg_iovlen;
};

#include "bpf/wire.h"
#include "bpf/lane.h"

#define cfg_direct 0
#define cfg_lane_bytes (1U << 17) /* more than the records of one input */
static const __u32 cfg_text_window = WIRE_TEXT_DEFAULT;

static struct {
	const char *bytes; /* user memory, from address 1 on */
	size_t len;
	struct lane *lane;
	uint64_t steps;
} kernel;

static __always_inline struct lane *lane_get(void)
{
	return kernel.lane;
}

static __always_inline void count_lost(struct lane *l, enum probe_id probe, enum lost_cause cause,
				       __u32 n)
{
	l->counts[probe].lost[cause] += n;
}

static __always_inline __u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

static __always_inline struct task_struct *bpf_get_current_task_btf(void)
{
	return NULL;
}

static __always_inline long bpf_task_pt_regs(struct task_struct *task)
{
	return (long)task;
}

static inline long bpf_probe_read_user(void *to, __u32 n, const void *from)
{
	uint64_t at = (uintptr_t)from - 1;

	if (at > kernel.len || n > kernel.len - at)
		return -14;
	memcpy(to, kernel.bytes + at, n);
	return 0;
}

/* The only map that framing knows is that of coarse counts. */
#define bpf_map_lookup_elem(map, key) ((void)(map), (void)(key), (void *)NULL)
#define bpf_map_update_elem(map, key, value, flags) \
	((void)(map), (void)(key), (void)(value), (void)(flags))
#define BPF_MAP_TYPE_PERCPU_HASH 0
#define BPF_NOEXIST 1
#define PF_KTHREAD 0

#define bpf_loop(max, fn, ctx, flags)                        \
	do {                                                 \
		for (__u32 step = 0; step < (max); step++) { \
			kernel.steps++;                      \
			if (fn(step, ctx))                   \
				break;                       \
		}                                            \
	} while (0)

/* The kernel's unaligned loads are meant. */
#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang attribute push(__attribute__((no_sanitize("alignment"))), apply_to = function)

#include "bpf/emit.h"
#include "bpf/payload.h"
#include "probes/sock/conn.bpf.h"

static __always_inline __u32 text_window(const struct conn *c)
{
	(void)c;
	return cfg_text_window;
}

#include "probes/sock/walk.bpf.h"

/* Threads, and ends on one node, are no matter of framing. */
static __always_inline bool local_server(struct lane *l, struct conn *c)
{
	(void)l, (void)c;
	return false;
}

static __always_inline bool serve_end(struct conn *c, struct task_struct *task, __u64 now_ns)
{
	(void)c, (void)task, (void)now_ns;
	return false;
}

static __always_inline void serve_idle(struct conn *c, struct task_struct *task)
{
	(void)c, (void)task;
}

static __always_inline __u32 serve_off_cpu(const struct conn *c, struct task_struct *task)
{
	(void)c, (void)task;
	return 0;
}

#include "probes/sock/complete.bpf.h"
#include "probes/postgres/unit.bpf.h"
#include "probes/postgres/postgres.bpf.h"
#include "probes/postgres/whole.bpf.h"
#include "probes/redis/redis.bpf.h"
#include "probes/http/http.bpf.h"
#include "probes/sock/framing.bpf.h"

#pragma clang attribute pop

#endif
