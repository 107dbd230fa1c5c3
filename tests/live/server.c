/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real servers for tests. In: nothing but packages' programs. Out: a port, a socket, and the server's own
 * counts, which are the truth that the tracer is measured against. Knows nothing of the tracer.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "tests/live/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <netinet/in.h>
#include <postgresql/libpq-fe.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/teardown.h"

#define START_SECONDS 90

/* Debian's /usr/bin has wrappers in Perl: slow, and initdb is not among them. */
static const char *postgres_bin(void)
{
	static char path[4096];
	glob_t found;

	if (path[0])
		return path;
	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found))
		return NULL;
	snprintf(path, sizeof(path), "%.*s", (int)(strlen(found.gl_pathv[found.gl_pathc - 1]) - 7),
		 found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return path;
}

static const char *missing(void)
{
	static const char *const programs[] = {
		"/usr/bin/redis-server", "/usr/bin/redis-cli", "/usr/bin/redis-benchmark",
		"/usr/bin/python3",	 "/usr/bin/curl",      "/usr/sbin/bpftool"
	};

	if (geteuid())
		return "not root";
	if (!postgres_bin() || !getpwnam("postgres"))
		return "no PostgreSQL server below /usr/lib/postgresql";
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (access(programs[i], X_OK))
			return programs[i];
	return access("/sys/kernel/btf/vmlinux", R_OK) ? "kernel without BTF" : NULL;
}

bool live_possible(void)
{
	static bool asked, possible;
	static char path[8192];

	if (asked)
		return possible;
	asked = true;
	possible = !missing();
	if (possible) {
		snprintf(path, sizeof(path), "%s:/usr/bin:/bin:/usr/sbin:/sbin", postgres_bin());
		setenv("PATH", path, 1);
		setenv("PGUSER", "postgres", 1);
	}
	return possible;
}

void need_live(void)
{
	if (live_possible())
		return;
	print_message("skip: %s\n", missing());
	skip();
}

int port_free(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len))
		fail_msg("no free port");
	close(fd);
	return ntohs(addr.sin_port);
}

static void server_dir(struct server *s, const char *name, const char *user)
{
	const struct passwd *pw = getpwnam(user);

	snprintf(s->dir, sizeof(s->dir), "%s/%s", workdir(), name);
	/* A test may have mounted something there. */
	if ((mkdir(s->dir, 0755) && errno != EEXIST) || chown(s->dir, pw->pw_uid, pw->pw_gid))
		fail_msg("cannot make %s", s->dir);
	s->port = port_free();
}

static char certificate[128], certificate_key[128];

const char *servers_with_tls(void)
{
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", workdir());
	snprintf(certificate_key, sizeof(certificate_key), "%s/key.pem", workdir());
	free(shell(NULL,
		   "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
		   "-keyout %s -out %s 2>&1 && chown root:postgres %s && chmod 640 %s",
		   certificate_key, certificate, certificate_key, certificate_key));
	return certificate;
}

static bool durable;

void servers_durable(void)
{
	durable = true;
}

static void postgres_wait(const struct server *s, const char *log)
{
	double end = now_seconds() + START_SECONDS;
	char where[256];

	snprintf(where, sizeof(where), "host=%s port=%d user=postgres dbname=postgres", s->dir,
		 s->port);
	while (PQping(where) != PQPING_OK) {
		if (child_wait(s->pid, 0) >= 0 || now_seconds() > end)
			fail_msg("PostgreSQL did not start:\n%s", file_read(log));
		nap_ms(50);
	}
}

void postgres_start(struct server *s)
{
	char data[128], log[160], port[32], sockets[160], cert[160], key[160];
	const char *argv[] = { "postgres",
			       "-D",
			       data,
			       "-c",
			       port,
			       "-c",
			       sockets,
			       "-c",
			       "listen_addresses=127.0.0.1",
			       "-c",
			       durable ? "fsync=on" : "fsync=off",
			       "-c",
			       "synchronous_commit=off",
			       "-c",
			       "full_page_writes=off",
			       "-c",
			       "shared_preload_libraries=pg_stat_statements",
			       "-c",
			       "pg_stat_statements.track=all",
			       "-c",
			       "jit=off",
			       "-c",
			       "autovacuum=off",
			       "-c",
			       "max_connections=300",
			       "-c",
			       "shared_buffers=64MB",
			       certificate[0] ? "-c" : NULL,
			       "ssl=on",
			       "-c",
			       cert,
			       "-c",
			       key,
			       NULL };

	server_dir(s, "postgres", "postgres");
	s->tls_port = certificate[0] ? s->port : 0;
	snprintf(cert, sizeof(cert), "ssl_cert_file=%s", certificate);
	snprintf(key, sizeof(key), "ssl_key_file=%s", certificate_key);
	snprintf(data, sizeof(data), "%s/data", s->dir);
	snprintf(log, sizeof(log), "%s/log", workdir());
	snprintf(port, sizeof(port), "port=%d", s->port);
	snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", s->dir);
	free(shell(NULL,
		   "cd / && setpriv --reuid=postgres --regid=postgres --clear-groups "
		   "initdb -D %s -A trust -U postgres -E UTF8 --no-locale --no-sync",
		   data));
	s->pid = child_start(&(struct child_spec){
		.argv = argv, .user = "postgres", .out = log, .stop_signal = SIGQUIT });
	postgres_wait(s, log);
	free(postgres_query(s, "postgres", "CREATE EXTENSION pg_stat_statements"));
}

void redis_start(struct server *s)
{
	char log[160], port[16], tls_port[16];
	const char *argv[] = { "redis-server",
			       "--port",
			       port,
			       "--unixsocket",
			       s->socket,
			       "--bind",
			       "127.0.0.1",
			       "--save",
			       "",
			       "--appendonly",
			       "no",
			       "--dir",
			       s->dir,
			       certificate[0] ? "--tls-port" : NULL,
			       tls_port,
			       "--tls-cert-file",
			       certificate,
			       "--tls-key-file",
			       certificate_key,
			       "--tls-ca-cert-file",
			       certificate,
			       "--tls-auth-clients",
			       "no",
			       NULL };
	double end = now_seconds() + START_SECONDS;

	server_dir(s, "redis", "root");
	snprintf(log, sizeof(log), "%s/redis.log", workdir());
	snprintf(s->socket, sizeof(s->socket), "%s/redis.sock", s->dir);
	snprintf(port, sizeof(port), "%d", s->port);
	s->tls_port = certificate[0] ? port_free() : 0;
	snprintf(tls_port, sizeof(tls_port), "%d", s->tls_port);
	s->pid = child_start(&(struct child_spec){ .argv = argv, .out = log });
	while (shell_try(NULL, "redis-cli -s %s ping", s->socket)) {
		if (child_wait(s->pid, 0) >= 0 || now_seconds() > end)
			fail_msg("Redis did not start:\n%s", file_read(log));
		nap_ms(50);
	}
}

void server_stop(struct server *s)
{
	if (s->pid)
		child_stop(s->pid, SIGINT, 60);
	s->pid = 0;
}

bool server_pair_start(struct server *pg, struct server *redis)
{
	if (!live_possible())
		return false;
	postgres_start(pg);
	redis_start(redis);
	return true;
}

void server_pair_stop(struct server *pg, struct server *redis)
{
	server_stop(pg);
	server_stop(redis);
}

static char *query(const struct server *s, const char *database, const char *fmt, va_list args)
{
	char where[256], *sql, *value = NULL;
	PGconn *conn;
	PGresult *res;

	if (vasprintf(&sql, fmt, args) < 0)
		abort();
	snprintf(where, sizeof(where), "host=%s port=%d user=postgres dbname=%s", s->dir, s->port,
		 database);
	conn = PQconnectdb(where);
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_TUPLES_OK && PQresultStatus(res) != PGRES_COMMAND_OK) {
		print_message("%s: %s", sql, PQerrorMessage(conn));
		PQfinish(conn);
		fail_msg("query failed");
	}
	if (PQntuples(res))
		value = strdup(PQgetvalue(res, 0, 0));
	PQclear(res);
	PQfinish(conn);
	free(sql);
	return value;
}

void postgres_bench(const struct server *s, const char *database)
{
	free(postgres_query(s, "postgres", "CREATE DATABASE %s", database));
	free(shell(NULL, "pgbench -h %s -p %d -i -q %s 2>&1", s->dir, s->port, database));
}

char *postgres_query(const struct server *s, const char *database, const char *fmt, ...)
{
	va_list args;
	char *value;

	va_start(args, fmt);
	value = query(s, database, fmt, args);
	va_end(args);
	return value;
}

long postgres_number(const struct server *s, const char *database, const char *fmt, ...)
{
	va_list args;
	char *value;
	long n;

	va_start(args, fmt);
	value = query(s, database, fmt, args);
	va_end(args);
	n = value ? atol(value) : 0;
	free(value);
	return n;
}

long postgres_calls(const struct server *s, const char *database, const char *like)
{
	return postgres_number(
		s, "postgres",
		"SELECT coalesce(sum(calls), 0) FROM pg_stat_statements p JOIN pg_database d "
		"ON d.oid = p.dbid WHERE datname = '%s' AND query LIKE '%s' "
		"AND coalesce((to_jsonb(p)->>'toplevel')::bool, true)", /* since 14 */
		database, like);
}

static long redis_stat(const struct server *s, const char *command, const char *field)
{
	char *text = shell(NULL,
			   "redis-cli -s %s info commandstats | tr -d '\\r' | "
			   "sed -n 's/^cmdstat_%s:.*\\b%s=\\([0-9]*\\).*/\\1/p'",
			   s->socket, command, field);
	long n = atol(text);

	free(text);
	return n;
}

long redis_calls(const struct server *s, const char *command)
{
	return redis_stat(s, command, "calls");
}

long redis_failed(const struct server *s, const char *command)
{
	return redis_stat(s, command, "failed_calls");
}
