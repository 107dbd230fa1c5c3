/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Throw-away nginx and haproxy on free loopback ports, and what they themselves say about the requests that they
 * served: nginx by its log, haproxy by its statistics. What cannot be done fails the running test.
 */
#ifndef TALLYMAN_LIVE_WEB_H
#define TALLYMAN_LIVE_WEB_H

#include <jansson.h>
#include <sys/types.h>

#define NGINX "/usr/sbin/nginx"
#define HAPROXY "/usr/sbin/haproxy"
#define WRK "/usr/bin/wrk"

struct web {
	pid_t pid;
	int port;  /* free for `servers` to listen on; haproxy listens on it */
	char *dir; /* configuration, log and documents: index.html ("hello") */
};

/* Skips the running test if one of these programs (NULL at the end) is not there, as need_live() does. */
void need_programs(const char *program, ...) __attribute__((sentinel));

/* Waits until somebody listens on that loopback port; `pid`: who should, and `log`: what it has to say if not. */
void web_wait(int port, pid_t pid, const char *log);

/* Chooses dir and port, for the configuration to name them. */
void web_new(struct web *w);

/* nginx in that cgroup (NULL: ours), with the text in its http section, which has "listen" on w->port. */
void nginx_start(struct web *w, const char *cgroup, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Ends it in good order: all requests are answered, and all are in its log. */
void nginx_end(struct web *w);

/*
 * Lines of its log that match: "OK status serial protocol port method uri" ("" for OK: it could not be answered;
 * serial: the connection's).
 */
long nginx_logged(const struct web *w, const char *regex);

/* haproxy in that cgroup on w->port, with the text as its backends, the first of which is "app". */
void haproxy_start(struct web *w, const char *cgroup, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Waits until no client is connected. */
void haproxy_quiet(const struct web *w);

/* A figure of "show stat": proxy "edge" (its clients) or a backend's name; server "FRONTEND" or a server's name. */
long haproxy_number(const struct web *w, const char *proxy, const char *server, const char *field);

/* wrk for a second from that cgroup, with further options. How many replies it read, by its own line. */
long web_wrk(const char *cgroup, const char *options, int port);

/* Requests of HTTP, however they were counted: of one end, whose container's name ends so, and of one outcome. NULL: any. */
json_int_t web_counted(const json_t *facts, const char *role, const char *container,
		       const char *outcome);

#endif
