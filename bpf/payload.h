/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the bytes are that a socket hook is told about: in the buffer, or the vector of buffers, that
 * the caller's own system-call registers name. The system-call path itself is never traced. What the
 * registers cannot tell is an error here, counted as unreadable by the caller, never misread.
 */
#ifndef TALLYMAN_PAYLOAD_H
#define TALLYMAN_PAYLOAD_H

#define PF_IO_WORKER 0x00000010
#define PAYLOAD_UNREADABLE 2
#define PAYLOAD_IOVS 8 /* vector entries looked at per step */

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_COMPAT(r) ((r)->cs == 0x23) /* a 32-bit caller: other numbers, other layouts */
#define SYSCALL_NR(r) ((r)->orig_ax)
#define SYSCALL_ARG2(r) ((r)->si)
#define SYSCALL_ARG3(r) ((r)->dx)
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47
};
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_COMPAT(r) ((r)->user_regs.pstate & 0x10)
#define SYSCALL_NR(r) ((r)->syscallno)
#define SYSCALL_ARG2(r) ((r)->user_regs.regs[1])
#define SYSCALL_ARG3(r) ((r)->user_regs.regs[2])
enum {
	NR_READ = 63,
	NR_WRITE = 64,
	NR_READV = 65,
	NR_WRITEV = 66,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SENDMSG = 211,
	NR_RECVMSG = 212
};
#endif

/* One buffer of a payload; of a vector, the current one. */
struct payload {
	__u64 base;	/* user address of byte `start` of the payload */
	__u64 next_iov; /* user address of the next struct iovec */
	__u32 start;
	__u32 len;
	__u32 iovs_left;
};

static __always_inline int payload_vector(struct payload *p, __u64 iov, __u64 n)
{
	p->next_iov = iov;
	p->iovs_left = n > 1024 ? 1024 : n;
	p->base = 0;
	p->len = 0;
	return 0;
}

static __always_inline int payload_message(struct payload *p, __u64 msg)
{
	__u64 iov[2]; /* msg_iov, msg_iovlen: the whole would be much of the stack */

	if (bpf_probe_read_user(iov, sizeof(iov),
				(void *)(msg + __builtin_offsetof(struct user_msghdr, msg_iov))))
		return -PAYLOAD_UNREADABLE;
	return payload_vector(p, iov[0], iov[1]);
}

/* Where a task's stack ends in its system-call registers: the same distance for all tasks. */
__u64 payload_regs_at __weak;

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

static __always_inline struct pt_regs *payload_regs(struct task_struct *task)
{
	struct pt_regs *regs;

	if (!cfg_direct)
		return (struct pt_regs *)bpf_task_pt_regs(task);
	if (payload_regs_at)
		return bpf_rdonly_cast(task->stack + payload_regs_at,
				       bpf_core_type_id_kernel(struct pt_regs));
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	payload_regs_at = (__u64)regs - (__u64)task->stack;
	return regs;
}

/*
 * A task that uses io_uring runs completions at the end of any system call, so its registers may
 * belong to another socket: unreadable.
 */
static __always_inline int payload_find(struct payload *p, struct task_struct *task, __u32 bytes)
{
	struct pt_regs *regs;

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER) || task->io_uring)
		return -PAYLOAD_UNREADABLE;
	regs = payload_regs(task);
	if (SYSCALL_COMPAT(regs))
		return -PAYLOAD_UNREADABLE;
	*p = (struct payload){ .base = SYSCALL_ARG2(regs), .len = bytes };
	switch (SYSCALL_NR(regs)) {
	case NR_READ:
	case NR_WRITE:
	case NR_SENDTO:
	case NR_RECVFROM:
		return 0;
	case NR_READV:
	case NR_WRITEV:
		return payload_vector(p, SYSCALL_ARG2(regs), SYSCALL_ARG3(regs));
	case NR_SENDMSG:
	case NR_RECVMSG:
		return payload_message(p, SYSCALL_ARG2(regs));
	}
	return -PAYLOAD_UNREADABLE;
}

/*
 * Copies from user space. The length is checked right at the call: before Linux 6.8 the kernel's verifier
 * forgets what it knew of a number that the compiler keeps twice.
 */
static __always_inline int payload_copy(void *to, __u64 from, __u32 bytes, __u32 max)
{
	barrier_var(bytes);
	if (bytes > max)
		return -1;
	return bpf_probe_read_user(to, bytes, (void *)from);
}

/* Makes the buffer that holds byte `off` the current one. 1: not reached yet, call again. */
__weak __noinline int payload_seek(struct payload *p, __u32 off)
{
	struct iovec v;

	if (!p)
		return -1;

	for (int i = 0; i < PAYLOAD_IOVS; i++) {
		if (off - p->start < p->len)
			return 0;
		if (!p->iovs_left || bpf_probe_read_user(&v, sizeof(v), (void *)p->next_iov))
			return -1;
		p->iovs_left--;
		p->next_iov += sizeof(v);
		p->start += p->len;
		p->base = (__u64)v.iov_base;
		p->len = v.iov_len > 0x7fffffff - p->start ? 0x7fffffff - p->start : v.iov_len;
	}
	return off - p->start < p->len ? 0 : 1;
}

#endif
