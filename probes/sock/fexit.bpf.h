/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The socket hooks by fentry and fexit, for kernels without the tracepoints. Same sockets, same bytes,
 * same state of connections as the tracepoints' own hooks.
 */
#ifndef TALLYMAN_FEXIT_BPF_H
#define TALLYMAN_FEXIT_BPF_H

SEC("fentry/sock_def_readable")
int BPF_PROG(sock_arrival_fe, struct sock *sk)
{
	return arrival(sk, false);
}

/*
 * Where the tracepoints are missing: compilers copy sock_recvmsg() and sock_sendmsg() into their callers, as in Debian's 6.1. What those
 * call by way of a table they cannot copy.
 */
#define READ_FEXIT(NAME, FUNCTION)                                                          \
	SEC("fexit/" FUNCTION)                                                              \
	int BPF_PROG(NAME, struct socket *sock, struct msghdr *msg, size_t size, int flags, \
		     int ret)                                                               \
	{                                                                                   \
		return on_read(sock->sk, ret, flags, false);                                \
	}

#define WRITE_FEXIT(NAME, FUNCTION)                                                       \
	SEC("fexit/" FUNCTION)                                                            \
	int BPF_PROG(NAME, struct socket *sock, struct msghdr *msg, size_t size, int ret) \
	{                                                                                 \
		return on_write(sock->sk, ret, false);                                    \
	}

READ_FEXIT(sock_read_fx, "inet_recvmsg")
READ_FEXIT(sock_read6_fx, "inet6_recvmsg")
READ_FEXIT(sock_readu_fx, "unix_stream_recvmsg")
WRITE_FEXIT(sock_write_fx, "inet_sendmsg")
WRITE_FEXIT(sock_write6_fx, "inet6_sendmsg")
WRITE_FEXIT(sock_writeu_fx, "unix_stream_sendmsg")

/* sendfile() before Linux 6.5, which has it call sendmsg instead. */
SEC("fexit/inet_sendpage")
int BPF_PROG(sock_sendpage_fx, struct socket *sock, void *page, int offset, size_t size, int flags,
	     int ret)
{
	return on_write(sock->sk, ret, false);
}

#endif
