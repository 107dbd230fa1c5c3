/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * DNS over TCP, at the client: messages behind two bytes that have their length, any number of them unanswered,
 * in writes and reads that are cut anywhere. In: bytes of connections to port 53. Out: what dns.bpf.h counts.
 */
#ifndef TALLYMAN_DNS_STREAM_BPF_H
#define TALLYMAN_DNS_STREAM_BPF_H

#include "probes/sock/dns.bpf.h"

#define DNS_LEAD_BYTES 6 /* length, number, flags */
#define DNS_PIECES \
	64 /* of one write or read: two for each message, more if it is in several buffers */
#define DNS_DIRECTION 0x10000 /* and enum direction, where queries have their number */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct dns_key);
	__type(value, struct dns_stream);
} dns_streams SEC(".maps");

/* Bytes of one write or read. */
struct dns_walk {
	struct payload p;
	__u64 socket;
	__u32 off; /* those before it are done */
	__u32 bytes;
	__u64 dir;
};

/* Once for a direction: what else is said in it is not counted. */
static __always_inline void dns_stream_lost(struct dns_stream *st, enum lost_cause cause)
{
	struct lane *l = lane_get();

	st->lost = 1;
	if (l)
		count_lost(l, PROBE_NET, cause, 1);
}

static __always_inline int dns_message(struct dns_walk *w, const struct dns_stream *st, __u64 at,
				       __u32 here)
{
	struct dns_key key = { .socket = w->socket };
	__u16 flags = st->head[4] << 8 | st->head[5];
	__u16 id;

	__builtin_memcpy(&id, st->head + 2, sizeof(id));
	key.id = id;
	if (w->dir == DIR_READ && flags & 0x8000)
		dns_answer(&key, flags);
	else if (w->dir == DIR_WRITE && !(flags & 0x8000))
		dns_ask(&key, at, here);
	return 0;
}

/* The next piece: what is passed over, or bytes of a message's beginning. 0: go on. */
__noinline int dns_piece(struct dns_walk *w)
{
	struct dns_key key = {};
	struct dns_stream *st;
	__u32 n, here, len;
	int seek;

	if (!w || w->off >= w->bytes)
		return 1;
	key.socket = w->socket;
	key.id = DNS_DIRECTION | w->dir;
	st = bpf_map_lookup_elem(&dns_streams, &key);
	if (!st || st->lost)
		return 1;
	here = w->bytes - w->off;
	if (st->left) {
		n = st->left < here ? st->left : here;
		st->left -= n;
		w->off += n;
		return 0;
	}
	seek = payload_seek(&w->p, w->off);
	if (seek < 0)
		dns_stream_lost(st, LOST_UNREADABLE);
	if (seek)
		return seek < 0;
	if (here > w->p.start + w->p.len - w->off)
		here = w->p.start + w->p.len - w->off;
	n = DNS_LEAD_BYTES - st->have;
	n = (n < here ? n : here) & 7;
	barrier_var(n);
	if (bpf_probe_read_user(st->head + (st->have & 7), n & 7,
				(void *)(w->p.base + w->off - w->p.start))) {
		dns_stream_lost(st, LOST_UNREADABLE);
		return 1;
	}
	st->have += n;
	w->off += n;
	here -= n;
	if (st->have < DNS_LEAD_BYTES)
		return 0;
	len = st->head[0] << 8 | st->head[1];
	if (len < DNS_HEADER_BYTES) {
		dns_stream_lost(st, LOST_UNSYNCHRONISED);
		return 1;
	}
	st->have = 0;
	st->left = len - 4; /* number and flags are done */
	len -= DNS_HEADER_BYTES;
	n = DNS_HEADER_BYTES - 4; /* up to the question */
	here = here > n ? here - n : 0;
	return dns_message(w, st, w->p.base + w->off - w->p.start + n, here < len ? here : len);
}

/* At the first bytes that the connection sends: both directions begin. One that was open before us is not known. */
static __always_inline void dns_stream_new(struct io *io)
{
	struct dns_key key = { .socket = (__u64)io->sk };
	struct dns_stream st = { .lost = turn_has_more(io) };

	key.id = DNS_DIRECTION | DIR_READ;
	bpf_map_update_elem(&dns_streams, &key, &st, BPF_ANY);
	key.id = DNS_DIRECTION | DIR_WRITE;
	bpf_map_update_elem(&dns_streams, &key, &st, BPF_ANY);
}

static __noinline int dns_stream_bytes(struct io *io)
{
	struct dns_walk w = { .socket = (__u64)io->sk, .bytes = io->bytes, .dir = io->dir };
	struct dns_key key = { .socket = w.socket, .id = DNS_DIRECTION | io->dir };
	struct dns_stream *st = bpf_map_lookup_elem(&dns_streams, &key);
	int i;

	if (!st && io->dir == DIR_WRITE) {
		dns_stream_new(io);
		st = bpf_map_lookup_elem(&dns_streams, &key);
	}
	if (!st || st->lost)
		return 0;
	if (payload_find(&w.p, bpf_get_current_task_btf(), io->bytes)) {
		dns_stream_lost(st, LOST_UNREADABLE);
		return 0;
	}
	for (i = 0; i < DNS_PIECES; i++)
		if (dns_piece(&w))
			break;
	if (i == DNS_PIECES && w.off < w.bytes)
		dns_stream_lost(st, LOST_UNSYNCHRONISED);
	return 0;
}

/* The connection is gone; another one may have its socket's place. */
static __always_inline void dns_stream_closed(struct sock *sk)
{
	struct dns_key key = { .socket = (__u64)sk };

	if (sk->__sk_common.skc_dport != bpf_htons(DNS_PORT))
		return;
	key.id = DNS_DIRECTION | DIR_READ;
	bpf_map_delete_elem(&dns_streams, &key);
	key.id = DNS_DIRECTION | DIR_WRITE;
	bpf_map_delete_elem(&dns_streams, &key);
}

/* Of a socket that has no connection of ours: is it DNS? */
static __always_inline int dns_bytes(struct io *io, bool plain)
{
	__u16 protocol = sock_get(io->sk, plain, sk_protocol);
	__u16 port = sock_get(io->sk, plain, __sk_common.skc_dport);

	if (protocol == IPPROTO_TCP && port == bpf_htons(DNS_PORT))
		return dns_stream_bytes(io);
	if (protocol != IPPROTO_UDP || (port && port != bpf_htons(DNS_PORT)))
		return 0;
	return io->dir == DIR_WRITE ? dns_sent((__u64)io->sk, io->bytes, port)
				    : dns_received((__u64)io->sk, io->bytes, port);
}

#endif
