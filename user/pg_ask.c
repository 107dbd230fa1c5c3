/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for heavyweight locks, from the record that begins one to the one that ends it. In between the
 * server is asked: first at the threshold, again whenever another waiter of the same server got its
 * lock (the holder may be a new one), and now and then. A piece ends where the answer changes.
 */
#include "user/pg_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uthash.h>

#include "user/lib/clock.h"
#include "user/pg_ask_conn.h"
#include "user/pg_ask_peer.h"
#include "user/pg_proc.h"

#define AGAIN_NS NS_PER_SEC	  /* while nothing says that the answer changed */
#define EMPTY_NS (20 * NS_PER_MS) /* the server says that nobody blocks it: is it over? */
#define IDLE_NS NS_PER_SEC	  /* how often connections are looked after without a reason */
#define SOON_NS (10 * NS_PER_MS)  /* questions have a limit, so it may be too soon */
#define EVENTS_MAX 16

struct wait {
	uint32_t pid; /* key */
	struct rec_lock rec;
	uint32_t postmaster;	   /* 0: not known */
	uint64_t from_ns;	   /* what is before was handed on */
	uint64_t due_ns;	   /* ask then */
	uint64_t end_ns;	   /* over, but a question about it is out; 0: not over */
	struct pg_ask_conn *asked; /* that question is to this server; NULL: none is out */
	uint64_t asked_ns;
	uint64_t changed_ns; /* another waiter got its lock then; 0: none since the last answer */
	bool again;	     /* ask again: the question out may be older than that */
	unsigned int nblockers;
	struct pg_ask_blocker blockers[PG_ASK_BLOCKERS];
	UT_hash_handle hh;
};

struct pg_ask {
	struct pg_ask_config cfg;
	struct pg_ask_conn **conns;
	struct pg_ask_conn *answering;
	struct wait *waits;
	struct pg_who *who;
	int epoll_fd;
	uint64_t now_ns;
};

static void piece_emit(struct pg_ask *a, struct wait *w, uint64_t to_ns, bool last)
{
	struct pg_ask_piece piece = {
		.wait = &w->rec,
		.postmaster = w->postmaster,
		.from_ns = w->from_ns,
		.to_ns = to_ns > w->from_ns ? to_ns : w->from_ns,
		.last = last,
		.nblockers = w->nblockers,
		.blockers = w->blockers,
	};

	w->from_ns = piece.to_ns;
	a->cfg.fn(a->cfg.ctx, &piece);
}

static void wait_end(struct pg_ask *a, struct wait *w, uint64_t end_ns)
{
	piece_emit(a, w, end_ns, true);
	HASH_DEL(a->waits, w);
	free(w);
}

static struct wait *wait_get(struct pg_ask *a, uint32_t pid)
{
	struct wait *w;

	HASH_FIND(hh, a->waits, &pid, sizeof(pid), w);
	return w;
}

static bool same_blockers(const struct wait *w, const uint32_t *pids, unsigned int n)
{
	unsigned int same = 0;

	for (unsigned int i = 0; i < w->nblockers; i++)
		for (unsigned int j = 0; j < n; j++)
			same += w->blockers[i].server_pid == pids[j];
	return n == w->nblockers && same == n;
}

static void wait_answer(struct pg_ask *a, struct wait *w, const uint32_t *pids, unsigned int n)
{
	uint64_t changed_ns = w->changed_ns ? w->changed_ns : w->asked_ns;

	w->due_ns = a->now_ns + (n ? AGAIN_NS : EMPTY_NS);
	if (!w->again)
		w->changed_ns = 0;
	if (!n || same_blockers(w, pids, n))
		return;
	if (w->nblockers)
		piece_emit(a, w, changed_ns, false);
	w->nblockers = n;
	for (unsigned int i = 0; i < n; i++)
		w->blockers[i] =
			(struct pg_ask_blocker){ .pid = pg_ask_child(w->postmaster, pids[i]),
						 .server_pid = pids[i] };
}

static void on_answer(void *ctx, uint32_t server_pid, const uint32_t *blockers, unsigned int n)
{
	struct pg_ask *a = ctx;
	struct wait *w, *next;

	HASH_ITER(hh, a->waits, w, next)
		if (w->asked == a->answering && w->rec.server_pid == server_pid)
			wait_answer(a, w, blockers, n);
}

static void on_who(void *ctx, uint32_t server_pid, const struct pg_who_answer *answer)
{
	struct pg_ask *a = ctx;

	pg_who_told(a->who, a->answering, server_pid, answer);
}

int pg_ask_new(struct pg_ask **out, const struct pg_ask_config *cfg)
{
	struct pg_ask *a = calloc(1, sizeof(*a));
	int err = 0;

	if (!a)
		return -ENOMEM;
	a->cfg = *cfg;
	a->cfg.nconnect = 0;
	a->conns = calloc(cfg->nconnect + 1, sizeof(*a->conns));
	a->who = pg_who_new(cfg->who, cfg->ctx);
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll_fd < 0)
		err = -errno;
	else if (!a->conns || !a->who)
		err = -ENOMEM;
	for (unsigned int i = 0; i < cfg->nconnect && !err; i++) {
		struct pg_ask_conn_config conn = { .connect = cfg->connect[i],
						   .epoll_fd = a->epoll_fd,
						   .clusters = cfg->clusters,
						   .answer = on_answer,
						   .who = on_who,
						   .ctx = a };

		err = pg_ask_conn_new(&a->conns[i], &conn);
		a->cfg.nconnect += !err;
	}
	if (err)
		pg_ask_free(a);
	else
		*out = a;
	return err;
}

void pg_ask_free(struct pg_ask *a)
{
	struct wait *w, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->waits, w, next) {
		HASH_DEL(a->waits, w);
		free(w);
	}
	for (unsigned int i = 0; i < a->cfg.nconnect; i++)
		pg_ask_conn_free(a->conns[i]);
	free(a->conns);
	pg_who_free(a->who);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
	free(a);
}

/* Somebody of that server got a lock: whom it blocked may be blocked by another now. */
static void others_due(struct pg_ask *a, const struct wait *got, uint64_t got_ns)
{
	struct wait *w, *next;

	HASH_ITER(hh, a->waits, w, next) {
		if (w == got || w->postmaster != got->postmaster || !w->nblockers)
			continue;
		w->due_ns = 0;
		w->changed_ns = got_ns;
		w->again = w->asked != NULL;
	}
}

/* A wait whose answer is under way is kept until it is there: it was asked while it lasted. */
static void wait_over(struct pg_ask *a, struct wait *w, uint64_t end_ns)
{
	others_due(a, w, end_ns);
	if (w->asked && !w->nblockers)
		w->end_ns = end_ns;
	else
		wait_end(a, w, end_ns);
}

static int wait_begin(struct pg_ask *a, const struct rec_lock *r)
{
	struct pg_cluster cluster;
	struct wait *w = wait_get(a, r->pid);

	if (w)
		wait_end(a, w, w->end_ns ? w->end_ns : r->since_ns);
	if (HASH_COUNT(a->waits) >= PG_ASK_WAITS_MAX)
		return 0; /* its end will tell all of it, without a blocker */
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->pid = r->pid;
	w->rec = *r;
	w->from_ns = r->since_ns;
	w->due_ns = r->since_ns + a->cfg.after_ns;
	if (a->cfg.nconnect && pg_cluster_find(a->cfg.clusters, r->pid, &w->postmaster, &cluster))
		w->postmaster = 0;
	HASH_ADD(hh, a->waits, pid, sizeof(w->pid), w);
	return 0;
}

int pg_ask_lock(struct pg_ask *a, const struct rec_lock *r)
{
	struct wait *w = wait_get(a, r->pid), lost = { .rec = *r, .from_ns = r->since_ns };

	if (r->change == LOCK_WAIT)
		return wait_begin(a, r);
	if (w && !w->end_ns)
		wait_over(a, w, r->hdr.time_ns);
	else if (!w)
		piece_emit(a, &lost, r->hdr.time_ns, true);
	return 0;
}

void pg_ask_session(struct pg_ask *a, uint64_t conn, uint32_t pid)
{
	struct pg_cluster cluster;
	uint32_t postmaster;
	struct pg_proc p;

	if (a->cfg.nconnect && a->cfg.who &&
	    !pg_cluster_find(a->cfg.clusters, pid, &postmaster, &cluster) && !pg_proc_read(&p, pid))
		pg_who_add(a->who, conn, postmaster, p.inner_pid);
}

void pg_ask_exit(struct pg_ask *a, uint32_t pid, uint64_t time_ns)
{
	struct wait *w = wait_get(a, pid);

	if (w)
		wait_end(a, w, w->end_ns ? w->end_ns : time_ns);
}

int pg_ask_fd(const struct pg_ask *a)
{
	return a->epoll_fd;
}

static bool can_ask(const struct pg_ask *a, uint32_t postmaster)
{
	for (unsigned int i = 0; i < a->cfg.nconnect; i++)
		if (postmaster && pg_ask_conn_postmaster(a->conns[i]) == postmaster)
			return true;
	return false;
}

uint64_t pg_ask_due_ns(const struct pg_ask *a)
{
	uint64_t due = a->cfg.nconnect ? a->now_ns + IDLE_NS : UINT64_MAX;
	const struct wait *w;

	for (w = a->waits; w; w = w->hh.next)
		if (w->due_ns < due && !w->asked && !w->end_ns && can_ask(a, w->postmaster))
			due = w->due_ns;
	for (unsigned int i = 0; i < a->cfg.nconnect; i++)
		if (pg_who_waits(a->who, pg_ask_conn_postmaster(a->conns[i])))
			due = a->now_ns;
	return due > a->now_ns + SOON_NS ? due : a->now_ns + SOON_NS;
}

static void ask(struct pg_ask *a, struct pg_ask_conn *conn)
{
	uint32_t postmaster = pg_ask_conn_postmaster(conn), pids[PG_ASK_BATCH];
	struct wait *w, *next;
	unsigned int n = 0;

	if (!postmaster || !pg_ask_conn_ready(conn, a->now_ns))
		return;
	HASH_ITER(hh, a->waits, w, next) {
		if (n == PG_ASK_BATCH)
			break;
		if (w->postmaster != postmaster || w->asked || w->end_ns || w->due_ns > a->now_ns)
			continue;
		pids[n++] = w->rec.server_pid;
		w->asked = conn;
		w->asked_ns = a->now_ns;
		w->due_ns = a->now_ns + AGAIN_NS; /* unless it is answered */
	}
	if (n) {
		pg_ask_conn_ask(conn, pids, n, a->now_ns);
		return;
	}
	n = pg_who_take(a->who, postmaster, conn, pids, PG_ASK_BATCH);
	if (n)
		pg_ask_conn_ask_who(conn, pids, n, a->now_ns);
}

/* The question is answered, or will not be. */
static void asked_settle(struct pg_ask *a, const struct pg_ask_conn *conn)
{
	struct wait *w, *next;

	pg_who_settle(a->who, conn);
	HASH_ITER(hh, a->waits, w, next) {
		if (w->asked != conn)
			continue;
		w->asked = NULL;
		if (w->again)
			w->due_ns = 0;
		w->again = false;
		if (w->end_ns)
			wait_end(a, w, w->end_ns);
	}
}

static void conn_poll(struct pg_ask *a, struct pg_ask_conn *conn, bool woken)
{
	a->answering = conn;
	pg_ask_conn_drive(conn, woken, a->now_ns);
	if (!pg_ask_conn_busy(conn))
		asked_settle(a, conn);
	ask(a, conn);
}

void pg_ask_poll(struct pg_ask *a, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(a->epoll_fd, events, EVENTS_MAX, 0);

	a->now_ns = now_ns;
	for (unsigned int i = 0; i < a->cfg.nconnect; i++) {
		bool woken = false;

		for (int j = 0; j < n; j++)
			woken |= events[j].data.ptr == a->conns[i];
		conn_poll(a, a->conns[i], woken);
	}
}

void pg_ask_finish(struct pg_ask *a, uint64_t time_ns)
{
	struct wait *w, *next;

	HASH_ITER(hh, a->waits, w, next)
		wait_end(a, w, w->end_ns ? w->end_ns : time_ns);
}
