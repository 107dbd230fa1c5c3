/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The socket hooks as kprobes, for kernels with neither the tracepoints nor fentry. What a return probe
 * cannot know is kept from the call's entry, per task; connections are found by their socket's address
 * and forgotten when it is freed. The kernel follows a limited number of calls at once (some ten, or
 * twice the CPUs), so returns can be missing when many tasks wait in a read: that is counted.
 */
#ifndef TALLYMAN_KPROBE_BPF_H
#define TALLYMAN_KPROBE_BPF_H

/* The sockets whose read or write a task is in; 0: none. */
struct calls {
	__u64 read;
	__u64 write;
	__u32 read_flags;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct calls);
} task_calls SEC(".maps");

static __always_inline struct calls *calls_get(void)
{
	return bpf_task_storage_get(&task_calls, bpf_get_current_task_btf(), NULL,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* An earlier call's return was not seen, and how many bytes it moved is not known. */
static __always_inline void call_missed(__u64 address)
{
	struct io io = { .c = conn_find((struct sock *)address, true) };

	if (!io.c || !io.c->protocol || io.c->protocol == CONN_IGNORED)
		return;
	io.now_ns = bpf_ktime_get_ns();
	io.l = lane_take();
	if (!io.l) {
		unseen();
		return;
	}
	out_of_step(&io, false, LOST_RECURSION);
	lane_give(io.l);
}

static __always_inline void call_begin(__u64 *call, struct socket *sock)
{
	if (*call)
		call_missed(*call);
	*call = (__u64)BPF_CORE_READ(sock, sk);
}

static __always_inline struct sock *call_end(__u64 *call)
{
	__u64 address = *call;

	*call = 0;
	return (struct sock *)address;
}

SEC("kprobe/sock_def_readable")
int BPF_KPROBE(sock_arrival_kp, struct sock *sk)
{
	return arrival(sk, true);
}

static __always_inline int read_begin(struct socket *sock, int flags)
{
	struct calls *calls = calls_get();

	if (!calls)
		return unseen();
	call_begin(&calls->read, sock);
	calls->read_flags = flags;
	return 0;
}

static __always_inline int read_end(int ret)
{
	struct calls *calls = calls_get();
	struct sock *sk = calls ? call_end(&calls->read) : NULL;

	return sk ? on_read(sk, ret, calls->read_flags, true) : 0;
}

static __always_inline int write_begin(struct socket *sock)
{
	struct calls *calls = calls_get();

	if (!calls)
		return unseen();
	call_begin(&calls->write, sock);
	return 0;
}

static __always_inline int write_end(int ret)
{
	struct calls *calls = calls_get();
	struct sock *sk = calls ? call_end(&calls->write) : NULL;

	return sk ? on_write(sk, ret, true) : 0;
}

#define READ_KPROBES(NAME, FUNCTION)                                                      \
	SEC("kprobe/" FUNCTION)                                                           \
	int BPF_KPROBE(NAME##_kp, struct socket *sock, void *msg, size_t size, int flags) \
	{                                                                                 \
		return read_begin(sock, flags);                                           \
	}                                                                                 \
	SEC("kretprobe/" FUNCTION)                                                        \
	int BPF_KRETPROBE(NAME##_krp, int ret)                                            \
	{                                                                                 \
		return read_end(ret);                                                     \
	}

#define WRITE_KPROBES(NAME, FUNCTION)                  \
	SEC("kprobe/" FUNCTION)                        \
	int BPF_KPROBE(NAME##_kp, struct socket *sock) \
	{                                              \
		return write_begin(sock);              \
	}                                              \
	SEC("kretprobe/" FUNCTION)                     \
	int BPF_KRETPROBE(NAME##_krp, int ret)         \
	{                                              \
		return write_end(ret);                 \
	}

READ_KPROBES(sock_read, "inet_recvmsg")
READ_KPROBES(sock_read6, "inet6_recvmsg")
READ_KPROBES(sock_readu, "unix_stream_recvmsg")
WRITE_KPROBES(sock_write, "inet_sendmsg")
WRITE_KPROBES(sock_write6, "inet6_sendmsg")
WRITE_KPROBES(sock_writeu, "unix_stream_sendmsg")
WRITE_KPROBES(sock_sendpage, "inet_sendpage") /* sendfile() before Linux 6.5 */

/* Whatever the family, the last thing that happens to a socket. */
SEC("kprobe/security_sk_free")
int BPF_KPROBE(sock_forget_kp, struct sock *sk)
{
	__u64 address = (__u64)sk;

	conn_forget(sk, true);
	bpf_map_delete_elem(&homes_by_address, &address);
	return 0;
}

#endif
