/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The ledger of a block device: whose requests it works on, and so who is in the way of whom.
 *
 * The rule. While n requests are in flight each has 1/n of the device. An owner's *occupancy* is its share
 * summed up over time; all owners' occupancies add up to the time that the device was not empty. Of a
 * request that was queued at t0, issued at t1 and complete at t2,
 *	service = max(its own 1/n over [t1, t2], what the device takes for such a request alone),
 *	wait = t2 - t0 - service,
 * and the wait is charged to the others in proportion to their occupancies over [t0, t2], and to nobody
 * (idle) in proportion to the time that the device was empty while the request was queued. The second
 * term of the service is what keeps a device that works in parallel from looking like a line: it is
 * learnt from requests that had the device for themselves, by operation and size.
 */
#ifndef TALLYMAN_BLOCK_DEVICE_H
#define TALLYMAN_BLOCK_DEVICE_H

#define DEVICES_MAX 16
#define DEVICE_TRIES 4
#define OWNERS 16
#define PLACE_KERNEL 0	 /* the kernel's own, such as a journal */
#define PLACE_UNKNOWN 15 /* nobody can tell, or more owners at once than there is room for */
#define OWNER_KEEP_NS 100000000ULL
#define SHARE_SHIFT 10 /* occupancy is in 2^-10 ns */
#define SIZES 6
#define REQUESTS 1024 /* that are followed at once, of one device */

struct device_owner {
	struct rec_owner who;
	__u64 occupancy;
	__u64 base; /* occupancy that the slot's earlier owners left */
	__u64 mark; /* device.share when occupancy was last brought up to date */
	__u64 idle_ns;
	__u64 inflight;
};

struct device {
	struct bpf_spin_lock lock;
	__u32 inflight;
	__u64 id;    /* major << 20 | minor; 0: free */
	__u64 share; /* 1/n summed up over time */
	__u64 now_ns;
	struct rec_owner flusher; /* who last asked for a flush */
	__u64 alone_ns[IO_OP_MAX * SIZES];
	struct device_owner owners[OWNERS];
};

enum request_state { REQUEST_NONE, REQUEST_QUEUED, REQUEST_ISSUED };

struct request_note {
	__u64 request; /* its address */
	__u64 start_ns;
	__u64 issue_ns;
	__u64 share;	 /* of the device at the issue */
	__u64 life;	 /* request.start_time_ns: requests are used again; 0: not set yet */
	__u64 device_ns; /* of a flush sequence's data, which is not the end of the request */
	struct rec_owner who;
	__u32 state;  /* enum request_state */
	__u8 place;   /* among the device's owners, from the issue on */
	__u8 unknown; /* its owner cannot be told: else cgroup 0 is the kernel */
	__u8 flush;   /* it asks for a flush before it, or for nothing else */
	__u8 pad;
	__u64 occupancy[OWNERS]; /* of the device when it was queued */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEVICES_MAX);
	__type(key, __u32);
	__type(value, struct device);
} block_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEVICES_MAX *REQUESTS);
	__type(key, __u32);
	__type(value, struct request_note);
} block_requests SEC(".maps");

/* NULL: more devices than there is room for. A slot is never given back: devices are few. */
static __always_inline struct device *device_get(__u64 id, __u32 *slot)
{
	for (__u32 i = 0; i < DEVICE_TRIES; i++) {
		__u32 at = (id + (id >> 20) * 3 + i) & (DEVICES_MAX - 1);
		struct device *d = bpf_map_lookup_elem(&block_devices, &at);
		__u64 was;

		if (!d)
			return NULL;
		was = d->id;
		if (!was)
			was = __sync_val_compare_and_swap(&d->id, 0, id) ?: id;
		if (was == id) {
			*slot = at;
			return d;
		}
	}
	return NULL;
}

/* Under the lock from here on. A clock that was read before the lock was had may be late. */
static __always_inline void device_advance(struct device *d, __u64 now_ns)
{
	if (now_ns <= d->now_ns)
		return;
	if (d->inflight)
		d->share += ((now_ns - d->now_ns) << SHARE_SHIFT) / d->inflight;
	d->now_ns = now_ns;
}

static __always_inline __u64 owner_occupancy(const struct device *d, const struct device_owner *o)
{
	return o->occupancy + o->inflight * (d->share - o->mark);
}

static __always_inline void owner_advance(const struct device *d, struct device_owner *o)
{
	o->occupancy = owner_occupancy(d, o);
	o->mark = d->share;
}

/* `r` is new. Its owner, if it is no bio's, is who asked for a flush. */
static __always_inline void device_note(struct device *d, struct request_note *r, bool no_bio)
{
	if (no_bio)
		r->who = d->flusher;
	if (r->flush)
		d->flusher = r->who;
	for (int i = 0; i < OWNERS; i++)
		r->occupancy[i] = owner_occupancy(d, &d->owners[i]);
}

static __always_inline bool owner_same(const struct rec_owner *a, const struct rec_owner *b)
{
	return a->cgroup == b->cgroup && a->payer == b->payer;
}

static __always_inline __u32 owner_place(struct device *d, const struct request_note *r,
					 __u64 now_ns)
{
	__u32 free = PLACE_UNKNOWN;

	if (!r->who.cgroup)
		return r->unknown ? PLACE_UNKNOWN : PLACE_KERNEL;
	for (__u32 i = 1; i < PLACE_UNKNOWN; i++) {
		struct device_owner *o = &d->owners[i];

		if (owner_same(&o->who, &r->who))
			return i;
		if (!o->inflight && o->idle_ns + OWNER_KEEP_NS < now_ns)
			free = i;
	}
	if (free != PLACE_UNKNOWN) {
		struct device_owner *o = &d->owners[free & (OWNERS - 1)];

		o->who = r->who;
		o->base = o->occupancy;
		o->mark = d->share;
	}
	return free;
}

static __always_inline void device_add(struct device *d, struct request_note *r, __u64 now_ns)
{
	struct device_owner *o;

	r->place = owner_place(d, r, now_ns);
	o = &d->owners[r->place & (OWNERS - 1)];
	owner_advance(d, o);
	o->inflight++;
	d->inflight++;
	r->share = d->share;
	r->issue_ns = now_ns;
	r->state = REQUEST_ISSUED;
}

static __always_inline void device_remove(struct device *d, struct request_note *r, __u64 now_ns)
{
	struct device_owner *o = &d->owners[r->place & (OWNERS - 1)];

	owner_advance(d, o);
	if (o->inflight)
		o->inflight--;
	if (d->inflight)
		d->inflight--;
	o->idle_ns = now_ns;
	r->state = REQUEST_NONE;
}

/* A complete request's wait and what it is charged to, in ns. */
struct device_wait {
	__u64 wait_ns;
	__u64 total;		  /* of the weights */
	__u64 weight[OWNERS + 1]; /* the last one: nobody */
	struct rec_owner who[OWNERS];
};

/* What the device takes for such a request alone, and learns from this one if it was. */
static __always_inline __u64 device_alone(struct device *d, __u32 kind, __u64 device_ns,
					  __u64 own_ns)
{
	__u64 *alone = &d->alone_ns[kind < IO_OP_MAX * SIZES ? kind : 0];

	/* Shares are rounded down. */
	if (own_ns + 16 >= device_ns)
		*alone = *alone ? *alone - (*alone >> 3) + (device_ns >> 3) : device_ns;
	return *alone;
}

/*
 * The greater one, without a branch: kernels before 6.4 refuse loops that are entered by a jump into their
 * middle, which compilers make of branches and of code that is there twice.
 */
static __always_inline __u64 later(__u64 a, __u64 b)
{
	__s64 more = b - a;

	return a + (more & ~(more >> 63));
}

/*
 * What each owner and nobody had of the device since `r` was queued. `own_ns` is the request's own part.
 */
static __always_inline void device_weigh(struct device *d, const struct request_note *r,
					 __u64 all_ns, __u64 own_ns, struct device_wait *w)
{
	__u64 unknown = 0, sum = 0, *mine;

	for (int i = 0; i < OWNERS; i++) {
		const struct device_owner *o = &d->owners[i];
		__u64 from = later(r->occupancy[i], o->base);
		__u64 ns = (owner_occupancy(d, o) - from) >> SHARE_SHIFT;

		w->weight[i] = ns;
		w->who[i] = o->who;
		/* What the slot's earlier owner had of this time. */
		unknown += (from - r->occupancy[i]) >> SHARE_SHIFT;
		sum += ns;
	}
	mine = &w->weight[r->place & (OWNERS - 1)];
	if (r->place < OWNERS) {
		sum -= *mine < own_ns ? *mine : own_ns;
		*mine -= *mine < own_ns ? *mine : own_ns;
	}
	w->weight[PLACE_UNKNOWN] += unknown;
	sum += unknown;
	w->weight[OWNERS] = all_ns > sum + own_ns ? all_ns - sum - own_ns : 0;
	w->total = sum + w->weight[OWNERS];
}

/* The request is complete now, and still counted as in flight. Returns its own part of the device. */
static __always_inline __u64 device_wait_issued(struct device *d, const struct request_note *r,
						__u32 kind, __u64 now_ns, struct device_wait *w)
{
	__u64 all_ns = now_ns - r->start_ns, device_ns = now_ns - r->issue_ns;
	__u64 own_ns = (d->share - r->share) >> SHARE_SHIFT, alone_ns;

	if (own_ns > device_ns)
		own_ns = device_ns;
	alone_ns = device_alone(d, kind, device_ns, own_ns);
	if (alone_ns > device_ns)
		alone_ns = device_ns;
	w->wait_ns = all_ns - (own_ns > alone_ns ? own_ns : alone_ns);
	return own_ns;
}

/* The same for one that never was on the device: a flush did its work, whose share is another's. */
static __always_inline __u64 device_wait_flush(struct device *d, struct request_note *r,
					       __u64 now_ns, struct device_wait *w)
{
	__u64 all_ns = now_ns - r->start_ns;
	__u64 alone_ns = d->alone_ns[IO_FLUSH * SIZES];

	r->place = OWNERS;
	w->wait_ns = all_ns > alone_ns ? all_ns - alone_ns : 0;
	return 0;
}

static __always_inline void device_charge(struct device *d, struct request_note *r, __u32 kind,
					  __u64 now_ns, struct device_wait *w)
{
	bool issued = r->state == REQUEST_ISSUED;
	__u64 own_ns = issued ? device_wait_issued(d, r, kind, now_ns, w)
			      : device_wait_flush(d, r, now_ns, w);

	barrier(); /* the loop is entered here */
	device_weigh(d, r, now_ns - r->start_ns, own_ns, w);
	if (issued)
		device_remove(d, r, now_ns);
}

#endif
