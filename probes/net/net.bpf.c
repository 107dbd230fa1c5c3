// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The network hooks: TCP connections begin, are established, fail and end, segments are sent again, and
 * connections reset. In: sockets. Out: counters by container, role and peer that are drained on a tick,
 * and what listening sockets have in their queues. Nothing here is run for an ordinary segment.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/wire.h"
#include "bpf/maps.h"
#include "bpf/bucket.h"
#include "bpf/connect.h"
#include "bpf/identity.h"
#include "probes/net/net_stats.h"

#define AF_INET 2
#define AF_INET6 10

/* enum tcp_ca_state */
#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS 4

enum tcp_state {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_FIN_WAIT1 = 4,
	STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8,
	STATE_LISTEN = 10,
};

#define ENETDOWN 100
#define ENETUNREACH 101
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTDOWN 112
#define EHOSTUNREACH 113

#include "probes/net/peer.bpf.h"
#include "probes/net/tcp.bpf.h"
#include "probes/net/accept.bpf.h"
#include "probes/net/adopt.bpf.h"
#include "probes/net/drop.bpf.h"

static __always_inline struct net_sock *net_find(const struct sock *sk)
{
	return bpf_sk_storage_get(&net_socks, (struct sock *)sk, NULL, 0);
}

static __always_inline struct net_sock *net_make(struct sock *sk)
{
	return bpf_sk_storage_get(&net_socks, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
}

/*
 * While a task has the socket's lock, what happens to the socket is run by that task, as what comes for it
 * meanwhile is left to it, too. Else it is whatever the segment interrupted.
 */
static __always_inline bool net_is_current(const struct sock *sk)
{
	return sk->sk_lock.owned;
}

static __always_inline void net_own(struct net_sock *n, const struct sock *sk)
{
	if (!net_is_current(sk) || n->flags & (NET_OWNED | NET_COUNTED))
		return;
	n->cgroup = cgroup_of(bpf_get_current_task_btf());
	n->flags |= NET_OWNED;
}

/* connect() or listen() was called. */
static __always_inline void net_begin(struct sock *sk, struct tcp_sock *tp, enum net_state state)
{
	struct net_sock *n = net_make(sk);

	if (!n) {
		net_count(false);
		return;
	}
	__builtin_memset(n, 0, sizeof(*n));
	net_base(n, sk, tp);
	net_own(n, sk);
	n->role = state == NET_STATE_CONNECTING ? ROLE_CLIENT : ROLE_SERVER;
	n->since_ns = bpf_ktime_get_ns();
	n->state = state;
}

/* The copy of the listener's: who called listen() is who accepts, unless it turns out otherwise. */
static __always_inline void net_accepted(struct net_sock *n, struct sock *sk, struct tcp_sock *tp)
{
	n->flags = 0;
	n->role = ROLE_SERVER;
	n->resets = 0;
	n->numbers = (__u64)tp->snd_una << 32 | tp->rcv_nxt;
	net_base(n, sk, tp);
}

/* For whoever knows what is said on it. */
static __always_inline void net_connected(struct sock *sk, __u64 connect_ns)
{
	__u64 key = (__u64)sk;

	bpf_map_update_elem(&connect_times, &key, &connect_ns, BPF_ANY);
}

static __always_inline void net_established(struct sock *sk, struct tcp_sock *tp, int before)
{
	struct net_sock *n = net_make(sk);
	__u64 now = bpf_ktime_get_ns();

	if (!n) {
		net_count(false);
		return;
	}
	if (n->state == NET_STATE_CONNECTING || before == STATE_SYN_SENT) {
		if (n->state == NET_STATE_CONNECTING) /* else it was called before we came */
			n->flags |= NET_TIMED;
		n->connect_ns = now - n->since_ns;
		if (n->flags & NET_TIMED)
			net_connected(sk, n->connect_ns);
		n->role = ROLE_CLIENT;
		n->numbers = (__u64)tp->rcv_nxt << 32 | tp->snd_una;
	} else {
		net_accepted(n, sk, tp);
	}
	n->since_ns = now;
	n->state = NET_STATE_OPEN;
	if (n->role == ROLE_SERVER && net_is_second(n))
		accept_count(n, sk, 0);
	peer_tell(n->numbers, n->role, n->cgroup);
}

static __always_inline enum net_failure net_failure(const struct sock *sk,
						    const struct tcp_sock *tp)
{
	switch (sk->sk_err) {
	case 0:
		return tp->segs_out ? NET_FAILED_ABANDONED : NET_FAILED_NO_PORT;
	case ECONNREFUSED:
		return NET_FAILED_REFUSED;
	case ETIMEDOUT:
		return NET_FAILED_TIMED_OUT;
	case ECONNRESET:
		return NET_FAILED_RESET;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		return NET_FAILED_UNREACHABLE;
	default:
		return NET_FAILED_OTHER;
	}
}

static __always_inline void net_failed(struct net_sock *n, struct sock *sk, struct tcp_sock *tp)
{
	struct net_stats *row = net_place(n, sk);

	n->state = NET_STATE_CLOSED;
	net_count(row);
	if (!row)
		return;
	n->flags |= NET_COUNTED;
	__sync_fetch_and_add(&row->n.failed[net_failure(sk, tp)], 1);
	service_count(n, sk, false);
	__sync_fetch_and_add(&row->n.resets[NET_RECEIVED], n->resets);
	net_add_resent(row, n, tp, NET_RESEND_HANDSHAKE);
}

static __always_inline enum net_end net_end(const struct net_sock *n, const struct sock *sk,
					    int before)
{
	if (n->flags & NET_RESET)
		return NET_END_RESET_RECEIVED;
	if (sk->sk_err == ETIMEDOUT)
		return NET_END_TIMED_OUT;
	if (sk->sk_err)
		return NET_END_OTHER;
	/* Without a FIN from this end: it is about to send a reset. */
	if (before == STATE_ESTABLISHED || before == STATE_CLOSE_WAIT)
		return NET_END_RESET_SENT;
	if (n->flags & NET_LEFT)
		return NET_END_LOCAL;
	return n->flags & NET_WAS_LEFT ? NET_END_PEER : NET_END_OTHER;
}

static __always_inline void net_closed(struct net_sock *n, struct sock *sk, struct tcp_sock *tp,
				       int before)
{
	bool new = !(n->flags & NET_COUNTED);
	struct net_stats *row = net_opened(n, sk, tp);

	n->state = NET_STATE_CLOSED;
	net_count(row);
	if (!row) {
		if (new)
			net_count(false); /* that it was opened, too */
		return;
	}
	__sync_fetch_and_add(&row->n.closed[net_end(n, sk, before)], 1);
	__sync_fetch_and_add(&row->n.lifetime_ns, bpf_ktime_get_ns() - n->since_ns);
	__sync_fetch_and_add(&row->n.resets[NET_RECEIVED], n->resets);
	net_add_resent(row, n, tp, NET_RESEND_PROBE);
	net_add(row, n, sk, tp);
}

/* Of a socket that has storage already. */
static __always_inline void net_changed(struct sock *sk, struct tcp_sock *tp, int before, int after)
{
	struct net_sock *n = net_find(sk);

	if (!n)
		return;
	net_own(n, sk);
	if (n->state == NET_STATE_OPEN && !(n->flags & (NET_LEFT | NET_WAS_LEFT))) {
		if (after == STATE_FIN_WAIT1)
			n->flags |= NET_LEFT;
		else if (after == STATE_CLOSE_WAIT)
			n->flags |= NET_WAS_LEFT;
	}
	if (after != STATE_CLOSE)
		return;
	if (n->state == NET_STATE_CONNECTING)
		net_failed(n, sk, tp);
	else if (n->state == NET_STATE_OPEN)
		net_closed(n, sk, tp, before);
	else
		n->state = NET_STATE_NONE;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(net_state, struct sock *sk, int before, int after)
{
	struct tcp_sock *tp;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	if (after == STATE_SYN_SENT)
		net_begin(sk, tp, NET_STATE_CONNECTING);
	else if (after == STATE_LISTEN)
		net_begin(sk, tp, NET_STATE_LISTENING);
	else if (after == STATE_ESTABLISHED)
		net_established(sk, tp, before);
	else if (after != STATE_SYN_RECV)
		net_changed(sk, tp, before, after);
	return 0;
}

static __always_inline enum net_resend net_resend_kind(struct tcp_sock *tp)
{
	switch (BPF_CORE_READ_BITFIELD(tp, inet_conn.icsk_ca_state)) {
	case TCP_CA_LOSS:
		return NET_RESEND_TIMEOUT;
	case TCP_CA_RECOVERY:
		return NET_RESEND_FAST;
	default:
		return NET_RESEND_PROBE;
	}
}

/* One or more segments: TCP counted them before. A SYN is counted when the connection is, or has failed. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(net_resend, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct net_sock *n = net_find(sk);
	struct net_stats *row;

	if (!tp || !n || n->state != NET_STATE_OPEN)
		return 0;
	row = net_opened(n, sk, tp);
	net_count(row);
	if (row)
		net_add_resent(row, n, tp, net_resend_kind(tp));
	return 0;
}

static __always_inline struct net_stats *net_stranger(const struct net_sock *n, enum net_peer peer)
{
	struct net_key key = { .cgroup = n->cgroup, .what = n->role | peer << 8 };
	struct net_stats *row = net_row(&key);

	net_count(row);
	return row;
}

/* Of a connection that the listener does not have yet. */
SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(net_synack, struct sock *sk, struct request_sock *req)
{
	struct net_sock *n = net_find(sk);
	struct net_stats *row;

	if (!n)
		return 0;
	row = net_stranger(n, peer_class(&req->__req_common));
	if (row)
		__sync_fetch_and_add(&row->n.resent[NET_RESEND_HANDSHAKE], 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(net_reset_in, struct sock *sk)
{
	struct net_sock *n = net_find(sk);

	if (!n || (n->state != NET_STATE_OPEN && n->state != NET_STATE_CONNECTING))
		return 0;
	n->flags |= NET_RESET;
	n->resets++; /* into the table as the connection ends, which is next */
	return 0;
}

/* Whether or not it still has a connection; NULL: the reset answers what is for no socket. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(net_reset_out, struct sock *sk)
{
	struct net_stats *row;
	struct tcp_sock *tp;
	struct net_sock *n;

	if (!sk)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	n = net_find(sk);
	if (!tp || !n)
		return 0;
	if (n->state == NET_STATE_LISTENING) {
		row = net_stranger(n, NET_PEER_UNKNOWN);
	} else if (n->state == NET_STATE_OPEN || n->flags & NET_COUNTED) {
		row = net_opened(n, sk, tp);
		net_count(row);
	} else {
		return 0;
	}
	if (row)
		__sync_fetch_and_add(&row->n.resets[NET_SENT], 1);
	return 0;
}

static __always_inline void net_tell(struct seq_file *seq, struct net_sock *n, struct sock *sk)
{
	struct net_listener l = {
		.cgroup = n->cgroup,
		.id = (__u64)sk,
		.drops = (__u32)sk->sk_drops.counter - n->last.drops,
		.backlog = sk->sk_ack_backlog,
		.limit = sk->sk_max_ack_backlog,
		.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
		.port = sk->__sk_common.skc_num,
	};

	bpf_seq_write(seq, &l, sizeof(l));
}

/* In the backlog it has no struct socket yet; one that the application has closed has left these states. */
static __always_inline bool net_waits(const struct net_sock *n, struct sock *sk)
{
	return n->role == ROLE_SERVER && !(n->flags & NET_LATE) && !sk->sk_socket &&
	       (sk->__sk_common.skc_state == STATE_ESTABLISHED ||
		sk->__sk_common.skc_state == STATE_CLOSE_WAIT);
}

static __always_inline void net_tell_waiting(struct seq_file *seq, struct net_sock *n,
					     struct sock *sk)
{
	struct net_listener l = {
		.cgroup = n->cgroup,
		.id = (__u64)sk,
		.drops = bpf_ktime_get_ns() - n->since_ns,
		.port = sk->__sk_common.skc_num | NET_UNACCEPTED,
	};

	bpf_seq_write(seq, &l, sizeof(l));
}

/* One socket: user space is about to read the table. */
SEC("iter/bpf_sk_storage_map")
int net_read(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct net_sock *n = ctx->value;
	struct sock *sk = ctx->sk;
	struct net_stats *row;
	struct tcp_sock *tp;
	__u32 segments;

	if (!n || !sk)
		return 0;
	if (n->state == NET_STATE_LISTENING)
		net_tell(ctx->meta->seq, n, sk);
	if (n->state != NET_STATE_OPEN)
		return 0;
	if (net_waits(n, sk))
		net_tell_waiting(ctx->meta->seq, n, sk);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	segments = tp->segs_in + tp->segs_out;
	if (n->flags & NET_COUNTED && n->last.segments == segments && tp->rcv_wnd && tp->snd_wnd)
		return 0;
	n->last.segments = segments;
	row = net_opened(n, sk, tp);
	if (!row)
		return 0;
	net_add(row, n, sk, tp);
	if (!tp->rcv_wnd)
		__sync_fetch_and_add(&row->windows[NET_SENT], 1);
	if (!tp->snd_wnd)
		__sync_fetch_and_add(&row->windows[NET_RECEIVED], 1);
	return 0;
}
