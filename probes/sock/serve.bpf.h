/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The thread that serves a connection. In: the thread that runs when a server's end reads or answers. Out:
 * for whom it works (bpf/thread.h), and, when a request is answered, what happened to the thread off
 * the CPU meanwhile (REC_PARTS). A thread that was never off the CPU costs two loads.
 */
#ifndef TALLYMAN_SERVE_BPF_H
#define TALLYMAN_SERVE_BPF_H

#include "bpf/thread.h"
#include "probes/postgres/wait_event.bpf.h"

#define PLACE_TRIES 8 /* each request's, until the server's place of wait events is known ... */
#define WAKE_MIN_NS 100000 /* shorter waits for the CPU before a read stay in PART_QUEUE */
#define PLACE_EVERY 64	   /* ... and then every so many */

/* The connection that a thread is registered with is still open, and not this one. */
static __always_inline bool serve_another(const struct thread *t, const struct conn *c)
{
	__u32 slot = t->conn_slot;
	struct conn_slot *s;

	if (t->conn == c->id)
		return false;
	if (t->conn == THREAD_SHARED)
		return true;
	s = bpf_map_lookup_elem(&conn_slots, &slot);
	return s && s->used && s->id == t->conn;
}

/*
 * This thread serves the connection. One that serves several at once, as Redis does, works for its own
 * container: whose work it does changes without the scheduler's knowing.
 */
__noinline int serve_register(struct conn *c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t;

	if (!c)
		return 0;
	t = thread_of(task);
	if (t && serve_another(t, c)) {
		thread_register(task, THREAD_SHARED, 0);
		return 0;
	}
	/* An application works for itself, whatever proxy hands it its requests. */
	t = thread_register(task, c->id, c->protocol == PROTO_HTTP ? 0 : c->client_cgroup);
	if (t)
		t->conn_slot = c->slot;
	return 0;
}

/* See rec_request. */
static __always_inline __u32 serve_off_cpu(const struct conn *c, struct task_struct *task)
{
	struct thread *t;

	if (c->protocol != PROTO_REDIS || c->role != ROLE_SERVER)
		return 0;
	t = thread_of(task);
	return t ? t->off_cpu_ns : 0;
}

/* The connection is closed; it may be by another thread, then the next one on its thread takes over. */
static __always_inline void serve_forget(const struct conn *c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread *t = thread_of(task);

	if (t && t->conn == c->id)
		thread_unregister(task);
}

static __always_inline void serve_place(struct thread *t, struct task_struct *task)
{
	__u32 tries = t->place_tries++;

	if (tries < PLACE_TRIES || !(tries & (PLACE_EVERY - 1)))
		t->pg_wait_addr = pg_wait_place(task);
}

/*
 * The thread slept when the request arrived, and then waited for a CPU to read it: that is the request's
 * wait, too.
 */
static __always_inline void serve_wake(struct conn *c, struct thread *t)
{
	c->serve_wake_ns = t->wake_ns;
	c->serve_added--; /* there is something to tell */
	for (int i = 0; i < WAIT_CAUSE_MAX; i++)
		c->serve_parts[PART_RUN_NEIGHBOUR + i] -= t->wake_parts[i];
	t->wake_ns = 0; /* it is the first request's that is read after it */
}

/* A request was read while no other was unanswered. */
static __always_inline void serve_begin(struct conn *c, struct task_struct *task)
{
	struct thread *t;

	if (c->role != ROLE_SERVER)
		return;
	t = thread_of(task);
	if (!t) {
		c->serve_pid = 0;
		return;
	}
	if (c->protocol == PROTO_POSTGRESQL && !t->pg_wait_addr)
		serve_place(t, task);
	t->serving = 1;
	if (c->serve_wake_ns)
		c->serve_wake_ns = 0;
	if (c->serve_pid == t->pid && c->serve_added == t->added)
		return;
	c->serve_pid = t->pid;
	c->serve_added = t->added;
	__builtin_memcpy(c->serve_parts, t->parts, sizeof(c->serve_parts));
	if (t->wake_ns > WAKE_MIN_NS)
		serve_wake(c, t);
}

__noinline int serve_tell(struct conn *c, struct thread *t, __u64 now_ns)
{
	struct lane *l = lane_get();
	struct rec_parts *r;
	struct owner *o;
	__u32 culprit;

	if (!l || !c || !t)
		return 0;
	r = lane_at(l);
	r->hdr = emit_hdr(REC_PARTS, sizeof(*r), now_ns);
	r->conn = c->id;
	r->seq = c->done;
	r->pg_event = t->pg_event;
	culprit = t->culprit;
	o = culprit >= OWNER_FIRST ? bpf_map_lookup_elem(&owners, &culprit) : NULL;
	r->culprit.cgroup = o ? o->key.cgroup : 0;
	r->culprit.payer = o ? o->key.payer : 0;
	r->culprit_ns = t->culprit_ns;
	for (int i = 0; i < PART_WIRE_MAX; i++)
		r->parts[i] = t->parts[i] - c->serve_parts[i];
	r->parts[PART_QUEUE] = c->serve_wake_ns;
	return lane_commit(l, sizeof(*r));
}

/* Requests are answered that nothing is told of. */
static __always_inline void serve_idle(struct conn *c, struct task_struct *task)
{
	struct thread *t = c->role == ROLE_SERVER && c->serve_pid ? thread_of(task) : NULL;

	if (!t || t->pid != c->serve_pid)
		return;
	t->serving = 0;
	t->wake_ns = 0;
}

/* Requests are about to be told as answered. Was their thread followed, and is what it did told? */
static __always_inline bool serve_end(struct conn *c, struct task_struct *task, __u64 now_ns)
{
	struct thread *t;
	bool told = true;

	if (c->role != ROLE_SERVER || !c->serve_pid)
		return false;
	t = thread_of(task);
	if (!t || t->pid != c->serve_pid)
		return false;
	if (t->added != c->serve_added)
		told = serve_tell(c, t, now_ns);
	t->serving = 0;
	t->wake_ns = 0;
	return told;
}

#endif
