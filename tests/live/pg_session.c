/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions by libpq, and a server started by unshare(1). Knows nothing of the tracer. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/live/pg_session.h"

#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/teardown.h"

#define INSIDE_SECONDS 30

static pid_t unshared; /* unshare(1) itself: the postmaster's parent */

PGconn *pg_session(const struct server *s, const char *user)
{
	char where[256];
	PGconn *conn;

	snprintf(where, sizeof(where), "host=%s port=%d user=%s dbname=postgres", s->dir, s->port,
		 user);
	conn = PQconnectdb(where);
	if (PQstatus(conn) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(conn));
	return conn;
}

static PGresult *run(PGconn *conn, const char *fmt, va_list args)
{
	PGresult *res;
	char *sql;

	if (vasprintf(&sql, fmt, args) < 0)
		abort();
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	free(sql);
	return res;
}

char *pg_value(PGconn *conn, const char *fmt, ...)
{
	PGresult *res;
	va_list args;
	char *value;

	va_start(args, fmt);
	res = run(conn, fmt, args);
	va_end(args);
	value = strdup(PQntuples(res) ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	return value;
}

void pg_run(PGconn *conn, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	PQclear(run(conn, fmt, args));
	va_end(args);
}

static pid_t only_child(pid_t pid)
{
	char *text = shell(NULL, "pgrep -P %d || true", pid);
	pid_t child = atoi(text);

	free(text);
	return child;
}

void postgres_start_inside(struct server *s)
{
	char data[128], log[160], port[32], sockets[160];
	const char *argv[] = { "unshare",
			       "--pid",
			       "--fork",
			       "setpriv",
			       "--reuid=postgres",
			       "--regid=postgres",
			       "--clear-groups",
			       "postgres",
			       "-D",
			       data,
			       "-c",
			       port,
			       "-c",
			       sockets,
			       "-c",
			       "listen_addresses=",
			       "-c",
			       "fsync=off",
			       "-c",
			       "max_connections=20",
			       "-c",
			       "shared_buffers=16MB",
			       NULL };
	const struct passwd *pw = getpwnam("postgres");
	double end = now_seconds() + INSIDE_SECONDS;
	char where[256];

	snprintf(s->dir, sizeof(s->dir), "%s/inside", workdir());
	if (mkdir(s->dir, 0755) || chown(s->dir, pw->pw_uid, pw->pw_gid))
		fail_msg("cannot make %s", s->dir);
	s->port = port_free();
	snprintf(data, sizeof(data), "%s/data", s->dir);
	snprintf(log, sizeof(log), "%s/inside.log", workdir());
	snprintf(port, sizeof(port), "port=%d", s->port);
	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", s->dir);
	free(shell(NULL,
		   "cd / && setpriv --reuid=postgres --regid=postgres --clear-groups initdb -D %s "
		   "-A trust -U postgres -E UTF8 --no-locale --no-sync --no-instructions",
		   data));
	unshared = child_start(&(struct child_spec){ .argv = argv, .out = log });
	snprintf(where, sizeof(where), "host=%s port=%d user=postgres dbname=postgres", s->dir,
		 s->port);
	while (PQping(where) != PQPING_OK) {
		if (now_seconds() > end)
			fail_msg("PostgreSQL did not start:\n%s", file_read(log));
		nap_ms(50);
	}
	s->pid = only_child(unshared);
	assert_true(s->pid > 0);
	teardown_pid(s->pid, SIGQUIT);
}

void server_stop_inside(struct server *s)
{
	teardown_forget(s->pid);
	kill(s->pid, SIGINT);
	child_wait(unshared, 10);
}

uint32_t pg_outer_pid(const struct server *s, int inner)
{
	char *text = shell(NULL,
			   "for p in $(pgrep -P %d); do "
			   "awk -v want=%d '/^NSpid:/ && $NF == want { print $2 }' "
			   "/proc/$p/status; done",
			   s->pid, inner);
	uint32_t pid = (uint32_t)atoi(text);

	free(text);
	return pid;
}
