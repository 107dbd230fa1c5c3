/* SPDX-License-Identifier: Apache-2.0 */
/* Web servers for tests. In: nothing but packages' programs. Out: ports, and the servers' own counts. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "tests/live/web.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"

#define WEB_SECONDS 60

void need_programs(const char *program, ...)
{
	va_list args;

	need_live();
	va_start(args, program);
	for (; program; program = va_arg(args, const char *))
		if (access(program, X_OK)) {
			print_message("skip: no %s\n", program);
			va_end(args);
			skip();
		}
	va_end(args);
}

void web_wait(int port, pid_t pid, const char *log)
{
	double end = now_seconds() + WEB_SECONDS;

	while (shell_try(NULL, "timeout 1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d'", port)) {
		if (child_wait(pid, 0) >= 0 || now_seconds() > end)
			fail_msg("nobody listens on port %d:\n%s", port, log ? file_read(log) : "");
		nap_ms(50);
	}
}

void web_new(struct web *w)
{
	*w = (struct web){ .dir = file_name("web"), .port = port_free() };
	free(shell(NULL, "mkdir -m 755 %s && echo hello >%s/index.html", w->dir, w->dir));
}

static char *configuration(const struct web *w, const char *head, const char *fmt, va_list args,
			   const char *tail)
{
	char *path, *text, *own;
	FILE *f;

	if (asprintf(&path, "%s/conf", w->dir) < 0 || vasprintf(&own, fmt, args) < 0 ||
	    asprintf(&text, "%s%s%s", head, own, tail) < 0)
		abort();
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		fail_msg("cannot write %s", path);
	free(text);
	free(own);
	return path;
}

static void start(struct web *w, const char *const *argv, const char *cgroup)
{
	char *log;

	if (asprintf(&log, "%s/said", w->dir) < 0)
		abort();
	w->pid = child_start(&(struct child_spec){
		.argv = argv, .cgroup = cgroup, .out = log, .stop_signal = SIGTERM });
	web_wait(w->port, w->pid, log);
	free(log);
}

void nginx_start(struct web *w, const char *cgroup, const char *fmt, ...)
{
	const char *argv[] = { NGINX, "-c", NULL, NULL };
	char *head, *conf;
	va_list args;

	if (asprintf(&head,
		     "daemon off; worker_processes 2; pid %s/pid; error_log stderr;\n"
		     "events { worker_connections 512; }\n"
		     "http { log_format x '$request_completion $status $connection "
		     "$server_protocol $server_port $request_method $uri'; access_log %s/log x;\n"
		     "client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f;\n"
		     "uwsgi_temp_path %s/u; scgi_temp_path %s/s; keepalive_requests 10000000;\n",
		     w->dir, w->dir, w->dir, w->dir, w->dir, w->dir, w->dir) < 0)
		abort();
	va_start(args, fmt);
	conf = configuration(w, head, fmt, args, "}\n");
	va_end(args);
	argv[2] = conf;
	start(w, argv, cgroup);
	free(head);
	free(conf);
}

void nginx_end(struct web *w)
{
	int status = child_stop(w->pid, SIGQUIT, WEB_SECONDS);

	if (status)
		fail_msg("nginx ended with status %d", status);
}

static long number(char *text)
{
	long n = atol(text);

	free(text);
	return n;
}

long nginx_logged(const struct web *w, const char *regex)
{
	return number(shell(NULL, "grep -cE '%s' %s/log || true", regex, w->dir));
}

void haproxy_start(struct web *w, const char *cgroup, const char *fmt, ...)
{
	const char *argv[] = { HAPROXY, "-db", "-f", NULL, NULL };
	char *head, *conf;
	va_list args;

	if (asprintf(&head,
		     "global\n nbthread 2\n stats socket %s/stats\n"
		     "defaults\n mode http\n option http-ignore-probes\n retries 0\n"
		     " timeout connect 60s\n timeout client 60s\n timeout server 60s\n"
		     "frontend edge\n bind 127.0.0.1:%d\n default_backend app\n",
		     w->dir, w->port) < 0)
		abort();
	va_start(args, fmt);
	conf = configuration(w, head, fmt, args, "");
	va_end(args);
	argv[3] = conf;
	start(w, argv, cgroup);
	free(head);
	free(conf);
}

long haproxy_number(const struct web *w, const char *proxy, const char *server, const char *field)
{
	return number(shell(NULL,
			    "python3 -c 'import csv, socket\n"
			    "s = socket.socket(socket.AF_UNIX)\n"
			    "s.connect(\"%s/stats\")\n"
			    "s.sendall(b\"show stat\\n\")\n"
			    "rows = csv.DictReader(s.makefile())\n"
			    "print([r[\"%s\"] for r in rows if (r[\"# pxname\"], r[\"svname\"]) == "
			    "(\"%s\", \"%s\")][0] or 0)'",
			    w->dir, field, proxy, server));
}

void haproxy_quiet(const struct web *w)
{
	double end = now_seconds() + WEB_SECONDS;

	while (haproxy_number(w, "edge", "FRONTEND", "scur")) {
		if (now_seconds() > end)
			fail_msg("haproxy still has clients");
		nap_ms(100);
	}
}

long web_wrk(const char *cgroup, const char *options, int port)
{
	return number(shell(cgroup,
			    "wrk -t2 -d1 %s http://127.0.0.1:%d/index.html | "
			    "sed -n 's/^ *\\([0-9]*\\) requests in .*/\\1/p' | grep .",
			    options, port));
}

/* Is that field's value, or its end, the one that is wanted (NULL: any)? */
static bool ends_in(const json_t *line, const char *field, const char *wanted)
{
	const char *value = json_string_value(json_object_get(line, field));
	size_t len = value ? strlen(value) : 0, n = wanted ? strlen(wanted) : 0;

	return value && n <= len && (!wanted || !strcmp(value + len - n, wanted));
}

json_int_t web_counted(const json_t *facts, const char *role, const char *container,
		       const char *outcome)
{
	json_int_t n = 0;
	json_t *line;
	size_t i;

	json_array_foreach((json_t *)facts, i, line)
		if (ends_in(line, "kind", "requests") && ends_in(line, "protocol", "http") &&
		    ends_in(line, "role", role) && ends_in(line, "container", container) &&
		    ends_in(line, "outcome", outcome))
			n += json_integer_value(json_object_get(line, "count"));
	return n;
}
