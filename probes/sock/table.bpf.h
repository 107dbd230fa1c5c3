/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From a socket to its connection. Connections are in an array, an index away; the index is in the
 * socket's own storage, gone with the socket. It is read from there by plain loads where the last look-up
 * left it, which is what bpf_sk_storage_get() does, less the call. An index is free again when its
 * TCP socket closes with nothing unread, or else when its socket is no more (see conn_slot.h).
 */
#ifndef TALLYMAN_TABLE_BPF_H
#define TALLYMAN_TABLE_BPF_H

#include "bpf/kernel_word.h"
#include "probes/sock/conn_slot.h"

#define SLOT_NONE 0
#define SLOT_IGNORED 0xffffffff /* nothing to be known of this socket */
#define STORAGE_CACHE 16

/* Both have one entry a slot; user space sets how many. The first is nobody's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct conn);
} conns SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct conn_slot);
} conn_slots SEC(".maps") __weak;

/* Slots that were used and are free: first in, first out, so that none is another's at once. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__type(value, __u32);
} conns_free SEC(".maps") __weak;

struct home {
	__u32 slot;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct home);
} homes SEC(".maps") __weak;

/*
 * The same for kprobes, which cannot have socket storage: by the socket's address, until the socket is
 * freed. Preallocated, since before Linux 6.1 no kprobe may allocate; user space makes it one
 * entry where no kprobe is used.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct home);
} homes_by_address SEC(".maps") __weak;

const volatile __u32 cfg_conns __weak = 2;

__u32 conns_next __weak = 1;  /* slots from here on were never used */
__u32 conns_epoch __weak = 1; /* set by user space */

static const struct conn conn_zero = {}; /* too large for the stack */

/*
 * What bpf_sk_storage_get() remembers of its last calls, without the call; NULL: ask it. The cast costs nothing: it is
 * for the verifier, which else searches all the kernel's types for what each pointer is good for.
 */
static __always_inline struct bpf_local_storage_data *storage_cached(struct sock *sk)
{
	struct bpf_local_storage_map *map = (struct bpf_local_storage_map *)&homes;
	struct bpf_local_storage *s = sk->sk_bpf_storage;

	if (!s)
		return NULL;
	s = bpf_rdonly_cast(s, bpf_core_type_id_kernel(struct bpf_local_storage));
#define CACHED(N) \
	case N:   \
		return s->cache[N]
	switch (map->cache_idx) { /* the verifier takes no variable index here */
		CACHED(0);
		CACHED(1);
		CACHED(2);
		CACHED(3);
		CACHED(4);
		CACHED(5);
		CACHED(6);
		CACHED(7);
		CACHED(8);
		CACHED(9);
		CACHED(10);
		CACHED(11);
		CACHED(12);
		CACHED(13);
		CACHED(14);
		CACHED(15);
	}
#undef CACHED
	return NULL;
}

static __always_inline __u32 slot_cached(struct sock *sk)
{
	struct bpf_local_storage_data *data = cfg_direct ? storage_cached(sk) : NULL;

	if (!data || (void *)data->smap != (void *)&homes)
		return SLOT_NONE;
	return ((struct home *)data->data)->slot;
}

static __always_inline struct home *home_find(struct sock *sk, bool plain)
{
	__u64 address = (__u64)sk;

	return plain ? bpf_map_lookup_elem(&homes_by_address, &address)
		     : bpf_sk_storage_get(&homes, sk, NULL, 0);
}

static __always_inline struct home *home_add(struct sock *sk, bool plain)
{
	struct home zero = {}, *h;
	__u64 address = (__u64)sk;

	if (!plain) {
		h = bpf_sk_storage_get(&homes, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
		/* Refused if another CPU was first. */
		return h ?: bpf_sk_storage_get(&homes, sk, NULL, 0);
	}
	bpf_map_update_elem(&homes_by_address, &address, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&homes_by_address, &address);
}

/* SLOT_NONE: not known, or none. */
static __always_inline __u32 slot_of(struct sock *sk, bool plain)
{
	__u32 slot = plain ? SLOT_NONE : slot_cached(sk);
	struct home *h;

	if (slot)
		return slot;
	h = home_find(sk, plain);
	return h ? h->slot : SLOT_NONE;
}

/* NULL: no slot, or nothing is to be known of it. */
static __always_inline struct conn *conn_at(__u32 slot)
{
	return slot ? bpf_map_lookup_elem(&conns, &slot) : NULL;
}

static __always_inline struct conn *conn_find(struct sock *sk, bool plain)
{
	return conn_at(slot_of(sk, plain));
}

static __always_inline void slot_return(__u32 slot)
{
	struct conn_slot *s = bpf_map_lookup_elem(&conn_slots, &slot);

	if (s && __sync_val_compare_and_swap(&s->used, 1, 0))
		bpf_map_push_elem(&conns_free, &slot, 0);
}

static __always_inline __u32 slot_take(void)
{
	struct conn_slot *s;
	struct conn *c;
	__u32 slot = 0;

	if (conns_next < cfg_conns)
		slot = __sync_fetch_and_add(&conns_next, 1);
	if ((!slot || slot >= cfg_conns) && bpf_map_pop_elem(&conns_free, &slot))
		return SLOT_NONE;
	s = bpf_map_lookup_elem(&conn_slots, &slot);
	if (!s)
		return SLOT_NONE;
	s->id = 0;
	s->epoch = conns_epoch;
	s->used = 1;
	bpf_map_update_elem(&conns, &slot, &conn_zero, 0);
	c = bpf_map_lookup_elem(&conns, &slot);
	if (c)
		c->slot = slot;
	return slot;
}

/* The reader knows it by this id, and is to be told when the socket is gone; 0: it does not. */
static __always_inline void slot_announced(const struct conn *c, __u64 id)
{
	__u32 slot = c->slot;
	struct conn_slot *s = bpf_map_lookup_elem(&conn_slots, &slot);

	if (s)
		s->id = id;
}

/* A connection for a socket that has none. SLOT_NONE: there is no room. */
__noinline __u32 slot_add(struct home *h)
{
	__u32 slot, before;

	if (!h)
		return SLOT_NONE;
	slot = slot_take();
	if (!slot)
		return SLOT_NONE;
	before = __sync_val_compare_and_swap(&h->slot, SLOT_NONE, slot);
	if (!before)
		return slot;
	slot_return(slot); /* another CPU was first */
	return before;
}

/* A field of a socket. `plain` is a constant where this is used: other hooks load it directly. */
#define sock_get(sk, plain, field)                                             \
	({                                                                     \
		struct sock *sock_ = (sk); /* not io->sk: it is no kernel's */ \
		(plain) ? BPF_CORE_READ(sock_, field) : sock_->field;          \
	})

static __noinline int no_room(void)
{
	struct lane *l = lane_get();

	if (l)
		count_lost(l, PROBE_SOCK, LOST_TABLE_FULL, 1);
	return 0;
}

/*
 * TCP and Unix streams; listening sockets never get storage. The other end may have said all that it will, and closed,
 * before our first hook runs.
 */
static __always_inline bool is_stream(struct sock *sk, bool plain)
{
	__u16 family = sock_get(sk, plain, __sk_common.skc_family);
	__u8 state = sock_get(sk, plain, __sk_common.skc_state);

	if (sock_get(sk, plain, sk_type) != SOCK_STREAM ||
	    (state != TCP_ESTABLISHED_STATE && state != TCP_CLOSE_WAIT))
		return false;
	if (family == AF_INET || family == AF_INET6) /* to port 53: see dns_stream.bpf.h */
		return sock_get(sk, plain, sk_protocol) == IPPROTO_TCP &&
		       sock_get(sk, plain, __sk_common.skc_dport) != bpf_htons(53);
	return family == AF_UNIX;
}

static __always_inline __u32 slot_new(struct sock *sk, bool plain)
{
	struct home *h;
	__u32 slot;

	if (!is_stream(sk, plain))
		return SLOT_NONE;
	h = home_add(sk, plain);
	slot = h ? h->slot ?: slot_add(h) : SLOT_NONE;
	if (!slot)
		no_room();
	return slot;
}

/* NULL: not for us. */
static __always_inline struct conn *conn_of(struct sock *sk, bool plain)
{
	return conn_at(slot_of(sk, plain) ?: slot_new(sk, plain));
}

/* The socket's connection is nobody's from here on. */
static __always_inline void conn_forget(struct sock *sk, bool plain)
{
	struct home *h = home_find(sk, plain);
	__u32 slot = h ? h->slot : SLOT_NONE;

	if (!slot || slot == SLOT_IGNORED)
		return;
	h->slot = SLOT_IGNORED;
	slot_return(slot);
}

/* One live socket. */
SEC("iter/bpf_sk_storage_map")
int conns_mark(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct home *h = ctx->value;
	struct conn_slot *s;
	__u32 slot;

	if (!h)
		return 0;
	slot = h->slot;
	s = bpf_map_lookup_elem(&conn_slots, &slot);
	if (s)
		s->epoch = conns_epoch;
	return 0;
}

#endif
