/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is kept of one TCP socket, in the socket's own storage, and how it gets into the table: at a
 * connection's end, and for all open ones whenever user space reads the table. What TCP itself counts in
 * the socket is read there, so nothing is done for a segment.
 */
#ifndef TALLYMAN_NET_TCP_BPF_H
#define TALLYMAN_NET_TCP_BPF_H

#define TCP_SOCK_DONE (1 << 1) /* of skc_flags, enum sock_flags: the other end's FIN has come */

enum net_state {
	NET_STATE_NONE,
	NET_STATE_LISTENING,
	NET_STATE_CONNECTING,
	NET_STATE_OPEN,
	NET_STATE_CLOSED,
};

enum net_flags {
	NET_COUNTED = 1,   /* it is in the table, and stays in that row */
	NET_OWNED = 2,	   /* its cgroup was seen to use it */
	NET_LATE = 4,	   /* open before we came */
	NET_LEFT = 8,	   /* this end closed first */
	NET_WAS_LEFT = 16, /* the other one did */
	NET_RESET = 32,	   /* the other one reset it */
	NET_TIMED = 64,	   /* connect_ns is known */
};

/* TCP's own counters as they were when they were added to the table last. */
struct net_last {
	__u64 sent;
	__u64 received;
	__u64 resent_bytes;
	__u32 resent;
	__u32 disorder;
	__u32 needless;
	__u32 drops;
	__u32 stalls[NET_STALL_MAX];
	__u32 delivered;
	__u32 segments;
};

struct net_sock {
	__u64 since_ns; /* connect() was called; then: it was established */
	__u64 connect_ns;
	__u64 cgroup;  /* 0: not known */
	__u64 numbers; /* as peer_tell() takes them; 0: not known */
	struct net_key key;
	struct net_last last;
	__u32 resets; /* received, not in the table yet */
	__u32 met;    /* see net_is_second() */
	__u8 state;   /* enum net_state */
	__u8 role;
	__u8 flags;
	__u8 pad[5];
};

/* What accept() gives begins with a copy of the listener's. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct net_sock);
} net_socks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct net_key);
	__type(value, struct net_stats);
} net_table SEC(".maps");

static const struct net_stats net_stats_none;

static __always_inline struct net_stats *net_row(const struct net_key *key)
{
	struct net_stats *row = bpf_map_lookup_elem(&net_table, key);

	if (row)
		return row;
	bpf_map_update_elem(&net_table, key, &net_stats_none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&net_table, key);
}

/* One event. A hook may be interrupted by another one of ours, hence the atomics. */
static __always_inline void net_count(bool kept)
{
	struct lane *l = lane_get();

	if (!l)
		return;
	__sync_fetch_and_add(&l->counts[PROBE_NET].seen, 1);
	if (kept)
		__sync_fetch_and_add(&l->counts[PROBE_NET].coarse, 1);
	else
		__sync_fetch_and_add(&l->counts[PROBE_NET].lost[LOST_TABLE_FULL], 1);
}

/* The time that it is stalled now is counted, too. */
static __always_inline __u32 net_stalled(struct tcp_sock *tp, enum net_stall stall)
{
	__u32 ticks = tp->chrono_stat[stall + 1]; /* enum tcp_chrono, less TCP_CHRONO_UNSPEC */

	if (BPF_CORE_READ_BITFIELD(tp, chrono_type) == stall + 2)
		ticks += (__u32)bpf_jiffies64() - tp->chrono_start;
	return ticks;
}

/* TCP counts the other end's FIN as a byte received. */
static __always_inline __u64 net_received(struct sock *sk, struct tcp_sock *tp)
{
	return tp->bytes_received - !!(sk->__sk_common.skc_flags & TCP_SOCK_DONE);
}

/* All that comes after this is counted. */
static __always_inline void net_base(struct net_sock *n, struct sock *sk, struct tcp_sock *tp)
{
	n->last.sent = tp->bytes_sent - tp->bytes_retrans;
	n->last.received = net_received(sk, tp);
	n->last.resent_bytes = tp->bytes_retrans;
	n->last.resent = tp->total_retrans;
	n->last.disorder = tp->rcv_ooopack;
	n->last.needless = tp->dsack_dups;
	n->last.drops = sk->sk_drops.counter;
	n->last.stalls[NET_STALL_PEER_WINDOW] = net_stalled(tp, NET_STALL_PEER_WINDOW);
	n->last.stalls[NET_STALL_SEND_BUFFER] = net_stalled(tp, NET_STALL_SEND_BUFFER);
	n->last.delivered = tp->delivered;
	n->last.segments = 0;
}

/*
 * Two may add at once, a hook and user space's reading: each takes what the other did not. What is read
 * without the socket's lock may be behind what was read before; it is left for the next time.
 */
#define NET_ADD(field, was, now)                                                     \
	do {                                                                         \
		typeof(was) now_ = (now);                                            \
		for (int try_ = 0; try_ < 3; try_++) {                               \
			typeof(was) was_ = *(volatile typeof(was) *)&(was);          \
			typeof(was) grown_ = now_ - was_;                            \
			if (!grown_ || grown_ >> (8 * sizeof(grown_) - 1))           \
				break;                                               \
			if (__sync_val_compare_and_swap(&(was), was_, now_) != was_) \
				continue;                                            \
			__sync_fetch_and_add(&(field), grown_);                      \
			break;                                                       \
		}                                                                    \
	} while (0)

static __always_inline void net_add_rtt(struct net_stats *row, struct net_sock *n,
					struct tcp_sock *tp)
{
	__u64 rtt_ns = (__u64)(tp->srtt_us >> 3) * 1000;
	__u32 delivered = tp->delivered;

	if (!rtt_ns || __sync_lock_test_and_set(&n->last.delivered, delivered) == delivered)
		return;
	__sync_fetch_and_add(&row->n.rtt_ns, rtt_ns);
	__sync_fetch_and_add(&row->n.rtt_min_ns, (__u64)tp->rtt_min.s[0].v * 1000);
	__sync_fetch_and_add(&row->rtt[bucket_index(rtt_ns) & (SCHED_BUCKETS - 1)], 1);
}

/* Segments sent again since the last time, all of one kind. */
static __always_inline void net_add_resent(struct net_stats *row, struct net_sock *n,
					   struct tcp_sock *tp, enum net_resend kind)
{
	NET_ADD(row->n.resent[kind], n->last.resent, tp->total_retrans);
	NET_ADD(row->n.resent_bytes, n->last.resent_bytes, tp->bytes_retrans);
}

static __always_inline void net_add(struct net_stats *row, struct net_sock *n, struct sock *sk,
				    struct tcp_sock *tp)
{
	NET_ADD(row->n.bytes[NET_SENT], n->last.sent, tp->bytes_sent - tp->bytes_retrans);
	NET_ADD(row->n.bytes[NET_RECEIVED], n->last.received, net_received(sk, tp));
	NET_ADD(row->n.disorder, n->last.disorder, tp->rcv_ooopack);
	NET_ADD(row->n.needless, n->last.needless, tp->dsack_dups);
	NET_ADD(row->n.drops, n->last.drops, (__u32)sk->sk_drops.counter);
	NET_ADD(row->n.stall_ns[NET_STALL_PEER_WINDOW], n->last.stalls[NET_STALL_PEER_WINDOW],
		net_stalled(tp, NET_STALL_PEER_WINDOW));
	NET_ADD(row->n.stall_ns[NET_STALL_SEND_BUFFER], n->last.stalls[NET_STALL_SEND_BUFFER],
		net_stalled(tp, NET_STALL_SEND_BUFFER));
	net_add_rtt(row, n, tp);
}

/* Whose row: from now on it is that. NULL: the table is full. */
static __always_inline struct net_stats *net_place(struct net_sock *n, struct sock *sk)
{
	enum net_peer peer = NET_PEER_NODE;
	/* Linux 6.1 takes no key from what its iterator over storage gives. */
	struct net_key key = n->key;

	if (n->flags & NET_COUNTED)
		return net_row(&key);
	if (n->numbers)
		peer_tell(n->numbers, n->role, n->cgroup);
	key.cgroup = n->cgroup;
	key.peer = n->numbers ? peer_ask(n->numbers, n->role) : 0;
	if (!key.peer)
		peer = peer_class(&sk->__sk_common);
	key.what = n->role | peer << 8;
	n->key = key;
	return net_row(&key);
}

#include "probes/net/service.bpf.h"

/* A connection that is established: once, when its ends are known as well as they will ever be. */
static __always_inline struct net_stats *net_opened(struct net_sock *n, struct sock *sk,
						    struct tcp_sock *tp)
{
	struct net_stats *row = net_place(n, sk);

	if (!row || n->flags & NET_COUNTED)
		return row;
	n->flags |= NET_COUNTED;
	__sync_fetch_and_add(n->flags & NET_LATE ? &row->n.late : &row->n.opened, 1);
	if (n->flags & NET_TIMED) {
		__sync_fetch_and_add(&row->n.connect_ns, n->connect_ns);
		__sync_fetch_and_add(
			&row->connects[bucket_index(n->connect_ns) & (SCHED_BUCKETS - 1)], 1);
	}
	net_add_resent(row, n, tp, NET_RESEND_HANDSHAKE);
	service_count(n, sk, true);
	net_count(true);
	return row;
}

#endif
