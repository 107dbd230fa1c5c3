/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What happens when requests are answered: each is counted exactly once, as detailed (its records are
 * in the ring) or coarse (counted here, by container). seen = detailed + coarse + lost holds because
 * this is the only place that counts.
 */
#ifndef TALLYMAN_COMPLETE_BPF_H
#define TALLYMAN_COMPLETE_BPF_H

#include "probes/sock/coarse_stats.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct coarse_key);
	__type(value, struct coarse_value);
} coarse SEC(".maps") __weak;

static const struct coarse_value coarse_zero;

static __always_inline void coarse_key_add(struct lane *l, struct coarse_key *key, __u32 requests,
					   __u64 service_ns)
{
	struct probe_counts *n = &l->counts[PROBE_SOCK];
	struct coarse_value *v;

	v = bpf_map_lookup_elem(&coarse, key);
	if (!v) {
		bpf_map_update_elem(&coarse, key, &coarse_zero, BPF_NOEXIST);
		v = bpf_map_lookup_elem(&coarse, key);
	}
	if (!v) {
		count_lost(l, PROBE_SOCK, LOST_COARSE_FULL, requests);
		return;
	}
	n->seen += requests;
	n->coarse += requests;
	v->requests += requests;
	v->service_ns += service_ns;
}

/* With `client`, the same requests count at the client's end, too. */
__noinline int coarse_add(struct conn *c, __u32 requests, __u64 now_ns, __u32 client, __u32 cause)
{
	struct lane *l = lane_get();
	struct coarse_key key = {};
	__u64 service_ns;

	if (!l || !c)
		return 0;
	if (c->flags & CONN_UNPROVEN) {
		count_lost(l, PROBE_SOCK, LOST_UNSYNCHRONISED, requests);
		return 0;
	}
	key.cgroup = c->cgroup;
	key.role = c->role;
	key.protocol = c->protocol;
	key.cause = cause;
	service_ns = c->turn_ns && now_ns > c->turn_ns ? now_ns - c->turn_ns : 0;
	coarse_key_add(l, &key, requests, service_ns);
	if (!client)
		return 0;
	key.cgroup = c->client_cgroup;
	key.role = ROLE_CLIENT;
	coarse_key_add(l, &key, requests, service_ns);
	return 0;
}

static __always_inline void count_detailed(struct lane *l, __u32 requests)
{
	l->counts[PROBE_SOCK].seen += requests;
	l->counts[PROBE_SOCK].detailed += requests;
}

static __always_inline __u16 resp_nil_items(const struct conn *c)
{
	return c->nil_items < NIL_ITEMS_MAX ? c->nil_items : NIL_ITEMS_MAX;
}

static __always_inline void reply_reset(struct conn *c)
{
	c->count = 0;
	c->completes = 0;
	c->nerrors = 0;
	c->nils = 0;
	c->tx_end = 0;
	c->reply_bytes = 0;
	c->first_reply_ns = 0;
}

/* c->count requests from c->done on are answered, and their records are in the lane. */
static __always_inline void reply_tell(struct lane *l, struct conn *c, struct task_struct *task,
				       __u64 now_ns, __u64 pos, __u8 flags, __u8 tx_status)
{
	bool client = local_server(l, c);
	__u32 nerrors = c->nerrors;
	struct rec_reply *r;
	__u64 len;

	if (serve_end(c, task, now_ns))
		flags |= REPLY_FOLLOWED;
	r = lane_at(l);
	r->conn = c->id;
	r->pos = pos;
	r->first_ns = c->first_reply_ns;
	r->seq = c->done;
	r->count = c->count;
	r->completes = c->completes;
	r->reply_bytes = c->reply_bytes;
	r->role = c->role;
	r->protocol = c->protocol;
	if (nerrors > REPLY_ERRORS) {
		flags |= REPLY_MORE_ERRORS;
		nerrors = REPLY_ERRORS;
	}
	r->flags = client ? flags | REPLY_LOCAL : flags;
	r->tx_status = tx_status;
	r->nils = c->nils;
	r->nerrors = nerrors;
	r->tx_end = c->protocol == PROTO_REDIS ? resp_nil_items(c) : c->tx_end;
	r->off_cpu_ns = serve_off_cpu(c, task);
	if (nerrors)
		__builtin_memcpy(r->errors, c->errors, sizeof(c->errors));
	len = REC_REPLY_FIXED + nerrors * sizeof(struct rec_error);
	r->hdr = emit_hdr(REC_REPLY, len, now_ns);
	if (lane_commit(l, len))
		count_detailed(l, client ? 2 * c->count : c->count);
	else
		coarse_add(c, c->count, now_ns, client, COARSE_RING_FULL);
}

/* c->count requests from c->done on are answered. */
static __always_inline void reply_commit(struct lane *l, struct conn *c, struct task_struct *task,
					 __u64 now_ns, __u64 pos, __u8 flags, __u8 tx_status)
{
	if (c->done < c->blind_until) {
		serve_idle(c, task);
		coarse_add(c, c->count, now_ns, local_server(l, c), c->blind_why);
	} else {
		reply_tell(l, c, task, now_ns, pos, flags, tx_status);
	}
	c->done += c->count;
	reply_reset(c);
}

/* The same, from the walk in the lane's work area: up to off. A function of its own is verified once. */
__noinline int reply_emit(struct conn *c)
{
	struct lane *l = lane_get();
	struct walk_vars *s;
	__u8 flags = 0;

	if (!l || !c)
		return 0;
	s = (struct walk_vars *)l->work;
	c->reply_bytes += s->off - s->counted;
	s->counted = s->off;
	s->slice_len = 0; /* the record takes the slice's place */
	if (c->rep.fatal && c->protocol == PROTO_POSTGRESQL)
		flags = c->phase == CONN_PHASE_READY ? REPLY_FATAL : REPLY_FATAL | REPLY_STARTUP;
	reply_commit(l, c, bpf_get_current_task_btf(), s->now_ns, c->rep.pos + s->off, flags,
		     s->tx_status);
	return 0;
}

/* Written once: others read the line that it is in. */
static __always_inline void conn_confirm(struct conn *c)
{
	if (!(c->flags & CONN_CONFIRMED))
		c->flags |= CONN_CONFIRMED;
}

#endif
