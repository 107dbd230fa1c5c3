/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq without waiting: a table of steps, each of which does what can be done and says when it is over.
 * What the server answers is not trusted: pids are numbers in the text of an array, and no more than
 * PG_ASK_BLOCKERS of them. A connection that fails is opened again, later each time.
 */
#include "user/pg_ask_conn.h"

#include <errno.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/pg_ask_peer.h"
#include "user/pg_conninfo.h"

#define RETRY_MIN_NS (5 * NS_PER_SEC)
#define RETRY_MAX_NS (60 * NS_PER_SEC)
#define CONNECT_NS (10 * NS_PER_SEC)
#define ANSWER_NS (3 * NS_PER_SEC)
#define QUESTION_GAP_NS (50 * NS_PER_MS)

/* lock_timeout too: the question itself must never stand in a line. */
#define SETUP                                                                                 \
	"SET statement_timeout = 500; SET lock_timeout = 100; SET idle_session_timeout = 0; " \
	"SELECT pg_backend_pid(), current_setting('is_superuser')"
/* As above, for 13, which has no idle_session_timeout. */
#define SETUP_13                                                \
	"SET statement_timeout = 500; SET lock_timeout = 100; " \
	"SELECT pg_backend_pid(), current_setting('is_superuser')"

enum state { CLOSED, CONNECTING, SETTING_UP, READY, ASKING };

struct pg_ask_conn {
	struct pg_ask_conn_config cfg;
	struct pg_conninfo info;
	PGconn *pg;
	enum state state;
	int fd; /* in the epoll; -1: none */
	bool said;
	uint32_t postmaster;
	uint64_t due_ns; /* CLOSED: try again; READY: may be asked; else: give up */
	uint64_t begun_ns;
	uint64_t retry_ns;
};

int pg_ask_conn_new(struct pg_ask_conn **out, const struct pg_ask_conn_config *cfg)
{
	struct pg_ask_conn *c = calloc(1, sizeof(*c));
	char why[160];
	int err;

	if (!c)
		return -ENOMEM;
	err = pg_conninfo_parse(&c->info, cfg->connect, why, sizeof(why));
	if (err) {
		log_error("postgresql connection: %s", why);
		free(c);
		return err;
	}
	c->cfg = *cfg;
	c->cfg.connect = NULL;
	c->fd = -1;
	c->retry_ns = RETRY_MIN_NS;
	*out = c;
	return 0;
}

static void unwatch(struct pg_ask_conn *c)
{
	if (c->fd >= 0)
		epoll_ctl(c->cfg.epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
	c->fd = -1;
}

/* libpq may have another socket after each step, with the same number or not. */
static int watch(struct pg_ask_conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };
	int fd = PQsocket(c->pg);

	unwatch(c);
	if (fd < 0 || epoll_ctl(c->cfg.epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return -EIO;
	c->fd = fd;
	return 0;
}

void pg_ask_conn_free(struct pg_ask_conn *c)
{
	if (!c)
		return;
	unwatch(c);
	PQfinish(c->pg);
	pg_conninfo_free(&c->info);
	free(c);
}

/* Says why once until it works again. */
static void conn_fail(struct pg_ask_conn *c, const char *why, uint64_t now_ns)
{
	const char *host = PQhost(c->pg), *port = PQport(c->pg);

	if (!c->said)
		log_warn("postgresql %s:%s: %s; lock holders are unknown until it answers",
			 host ? host : "", port ? port : "", why);
	c->said = true;
	unwatch(c);
	PQfinish(c->pg);
	c->pg = NULL;
	c->postmaster = 0;
	c->state = CLOSED;
	c->due_ns = now_ns + c->retry_ns;
	c->retry_ns = c->retry_ns * 2 < RETRY_MAX_NS ? c->retry_ns * 2 : RETRY_MAX_NS;
}

static void go(struct pg_ask_conn *c, enum state state, uint64_t due_ns)
{
	c->state = state;
	c->due_ns = due_ns;
}

/* One line of what libpq says. */
static const char *said_by(PGconn *pg, char *buf, size_t cap)
{
	snprintf(buf, cap, "%s", PQerrorMessage(pg));
	buf[strcspn(buf, "\n")] = '\0';
	return buf;
}

static bool step_closed(struct pg_ask_conn *c, uint64_t now_ns)
{
	if (now_ns < c->due_ns)
		return false;
	c->pg = PQconnectStartParams(c->info.keywords, c->info.values, 0);
	c->begun_ns = now_ns;
	go(c, CONNECTING, now_ns + CONNECT_NS);
	if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD || watch(c, EPOLLOUT)) {
		char why[256];

		conn_fail(c, c->pg ? said_by(c->pg, why, sizeof(why)) : "no memory", now_ns);
	}
	return false;
}

static int send_text(struct pg_ask_conn *c, const char *sql)
{
	if (!PQsendQuery(c->pg, sql))
		return -EIO;
	return PQflush(c->pg) < 0 ? -EIO : watch(c, EPOLLIN);
}

static bool step_connecting(struct pg_ask_conn *c, uint64_t now_ns)
{
	char why[256];

	switch (PQconnectPoll(c->pg)) {
	case PGRES_POLLING_READING:
		if (watch(c, EPOLLIN))
			conn_fail(c, "no socket", now_ns);
		return false;
	case PGRES_POLLING_WRITING:
		if (watch(c, EPOLLOUT))
			conn_fail(c, "no socket", now_ns);
		return false;
	case PGRES_POLLING_OK:
		break;
	default:
		conn_fail(c, said_by(c->pg, why, sizeof(why)), now_ns);
		return false;
	}
	if (PQsetnonblocking(c->pg, 1) ||
	    send_text(c, PQserverVersion(c->pg) < 140000 ? SETUP_13 : SETUP)) {
		conn_fail(c, said_by(c->pg, why, sizeof(why)), now_ns);
		return false;
	}
	go(c, SETTING_UP, now_ns + CONNECT_NS);
	return true;
}

/* A pid of an array's text; false at its end. */
static bool next_pid(const char **text, uint32_t *pid)
{
	char *end;

	*text += strspn(*text, "{,");
	if (**text < '0' || **text > '9')
		return false;
	*pid = (uint32_t)strtoul(*text, &end, 10);
	*text = end;
	return true;
}

static void answer_row(struct pg_ask_conn *c, const char *waiter, const char *array)
{
	uint32_t pids[PG_ASK_BLOCKERS], pid;
	unsigned int n = 0, i;

	/* 0 is a prepared transaction: nobody's backend. */
	while (n < PG_ASK_BLOCKERS && next_pid(&array, &pid)) {
		for (i = 0; i < n && pids[i] != pid; i++)
			;
		if (i == n && pid)
			pids[n++] = pid;
	}
	c->cfg.answer(c->cfg.ctx, (uint32_t)strtoul(waiter, NULL, 10), pids, n);
}

static void who_row(struct pg_ask_conn *c, const PGresult *r, int row)
{
	c->cfg.who(c->cfg.ctx, (uint32_t)strtoul(PQgetvalue(r, row, 0), NULL, 10),
		   &(struct pg_who_answer){ PQgetvalue(r, row, 1), PQgetvalue(r, row, 2),
					    PQgetvalue(r, row, 3) });
}

static void take_setup(struct pg_ask_conn *c, const PGresult *r)
{
	uint32_t pid = (uint32_t)strtoul(PQgetvalue(r, 0, 0), NULL, 10);

	if (!strcmp(PQgetvalue(r, 0, 1), "on"))
		log_warn("postgresql %s:%s: connects as a superuser; a role that may log in is "
			 "enough",
			 PQhost(c->pg), PQport(c->pg));
	c->postmaster = pg_ask_peer(c->cfg.clusters, PQsocket(c->pg), pid, c->begun_ns);
	if (!c->postmaster)
		log_warn("postgresql %s:%s: no server of this node, or behind a pooler: its lock "
			 "holders are unknown",
			 PQhost(c->pg), PQport(c->pg));
}

static void take(struct pg_ask_conn *c, const PGresult *r)
{
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		return;
	if (c->state == ASKING && PQnfields(r) == 4)
		for (int i = 0; i < PQntuples(r); i++)
			who_row(c, r, i);
	if (PQnfields(r) != 2)
		return;
	if (c->state == SETTING_UP && PQntuples(r) == 1)
		take_setup(c, r);
	else if (c->state == ASKING)
		for (int i = 0; i < PQntuples(r); i++)
			answer_row(c, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1));
}

static bool step_reading(struct pg_ask_conn *c, uint64_t now_ns)
{
	char why[256];
	PGresult *r;

	if (PQflush(c->pg) < 0 || !PQconsumeInput(c->pg)) {
		conn_fail(c, said_by(c->pg, why, sizeof(why)), now_ns);
		return false;
	}
	while (!PQisBusy(c->pg)) {
		r = PQgetResult(c->pg);
		if (!r) {
			c->said = false;
			c->retry_ns = RETRY_MIN_NS;
			go(c, READY, now_ns + (c->state == ASKING ? QUESTION_GAP_NS : 0));
			return true;
		}
		take(c, r);
		PQclear(r);
	}
	return false;
}

/* Nothing is expected: what comes is a notice, or the end. */
static bool step_ready(struct pg_ask_conn *c, uint64_t now_ns)
{
	if (!PQconsumeInput(c->pg) || PQstatus(c->pg) == CONNECTION_BAD)
		conn_fail(c, "the server closed the connection", now_ns);
	return false;
}

/* True: the next step can begin at once. */
static bool (*const steps[])(struct pg_ask_conn *c, uint64_t now_ns) = {
	[CLOSED] = step_closed, [CONNECTING] = step_connecting, [SETTING_UP] = step_reading,
	[READY] = step_ready,	[ASKING] = step_reading,
};

void pg_ask_conn_drive(struct pg_ask_conn *c, bool woken, uint64_t now_ns)
{
	/* libpq takes a call as the word that its connect() is over. */
	bool on = woken || c->state != CONNECTING;

	for (int i = 0; on && i < 4; i++)
		on = steps[c->state](c, now_ns);
	if (c->state != CLOSED && c->state != READY && now_ns >= c->due_ns)
		conn_fail(c, "no answer in time", now_ns);
}

uint32_t pg_ask_conn_postmaster(const struct pg_ask_conn *c)
{
	return c->state == READY || c->state == ASKING ? c->postmaster : 0;
}

bool pg_ask_conn_busy(const struct pg_ask_conn *c)
{
	return c->state == ASKING;
}

bool pg_ask_conn_ready(const struct pg_ask_conn *c, uint64_t now_ns)
{
	return c->state == READY && now_ns >= c->due_ns;
}

/* `before` and `after` the list of pids. */
static int ask(struct pg_ask_conn *c, const char *before, const char *after,
	       const uint32_t *server_pids, unsigned int n, uint64_t now_ns)
{
	char sql[256 + 12 * PG_ASK_BATCH], why[256];
	int len = snprintf(sql, sizeof(sql), "%s'{", before);

	for (unsigned int i = 0; i < n && i < PG_ASK_BATCH; i++)
		len += snprintf(sql + len, sizeof(sql) - (size_t)len, "%s%u", i ? "," : "",
				server_pids[i] & INT32_MAX);
	snprintf(sql + len, sizeof(sql) - (size_t)len, "}'::int[])%s", after);
	if (send_text(c, sql)) {
		conn_fail(c, said_by(c->pg, why, sizeof(why)), now_ns);
		return -EIO;
	}
	go(c, ASKING, now_ns + ANSWER_NS);
	return 0;
}

int pg_ask_conn_ask(struct pg_ask_conn *c, const uint32_t *server_pids, unsigned int n,
		    uint64_t now_ns)
{
	return ask(c, "SELECT p, pg_blocking_pids(p) FROM unnest(", " p", server_pids, n, now_ns);
}

int pg_ask_conn_ask_who(struct pg_ask_conn *c, const uint32_t *server_pids, unsigned int n,
			uint64_t now_ns)
{
	return ask(c,
		   "SELECT pid, datname, usename, application_name "
		   "FROM pg_catalog.pg_stat_activity WHERE pid = ANY(",
		   "", server_pids, n, now_ns);
}
