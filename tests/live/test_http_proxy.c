/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP through proxies: wrk and curl, haproxy or nginx, and nginx behind it. At both hops and at both ends of each
 * as many requests are seen as the other side says, with the same statuses: wrk's own line, haproxy's statistics,
 * nginx's log.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/made.h"
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/web.h"

#define CONNECTIONS 16
#define CONNECTIONS_TEXT "16"
#define ROUNDS 30

static const char *const roles[] = { "server", "client" };

/* Room for all that comes at once: what is only counted has no client. */
static const char options[] = "--ring-size 64M";

/* What each hop's both ends must have. Whose container the server's end is, is known whoever asks. */
struct hop {
	const char *ends[2]; /* of the server's and the client's container's name */
	long ok;
	long bad;    /* 4xx */
	long failed; /* 5xx */
};

static bool hop_is(const json_t *facts, const struct hop *h)
{
	bool same = true;

	for (int i = 0; i < 2; i++) {
		const char *where = h->ends[i];
		struct hop seen = {};

		seen.ok = web_counted(facts, roles[i], where, "ok");
		seen.bad = web_counted(facts, roles[i], where, "4xx");
		seen.failed = web_counted(facts, roles[i], where, "5xx");
		print_message("%s %s: %ld ok, %ld 4xx, %ld 5xx; made %ld, %ld, %ld\n", where,
			      roles[i], seen.ok, seen.bad, seen.failed, h->ok, h->bad, h->failed);
		same &= seen.ok == h->ok && seen.bad == h->bad && seen.failed == h->failed;
		same &= web_counted(facts, roles[i], where, NULL) == h->ok + h->bad + h->failed;
	}
	return same;
}

static void judge(json_t *facts, const struct hop *edge, const struct hop *inner)
{
	bool same = hop_is(facts, edge);

	same &= hop_is(facts, inner);
	assert_true(same);
	made_nothing_lost(facts);
	assert_int_equal(facts_sum(facts, "coarse", "kind=events probe=sock"), 0);
	json_decref(facts);
}

/* nginx as the application, on its port and on a socket in its folder: documents, and statuses of all classes. */
static void application_start(struct web *app)
{
	char *cgroup = tenant_cgroup("app");

	web_new(app);
	nginx_start(app, cgroup,
		    "server { listen 127.0.0.1:%d; listen unix:%s/socket; root %s;\n"
		    "location = /s204 { return 204; } location = /s301 { return 301 /; }\n"
		    "location = /s500 { return 500; } location = /s403 { deny all; } }\n",
		    app->port, app->dir, app->dir);
	free(cgroup);
}

/* What one round of curl asks: 4 times ok, 3 times 4xx, once 5xx; 6 of them on a connection that is kept. */
#define CURLS_OK (4 * ROUNDS)
#define CURLS_BAD (3 * ROUNDS)
#define CURLS_FAILED ROUNDS

static void curl(const char *cgroup, int port)
{
	free(shell(cgroup,
		   "for i in $(seq %d); do "
		   "for path in index.html none s204 s301 s403 s500; do "
		   "echo url http://127.0.0.1:%d/$path; echo output /dev/null; done | curl -s -K -; "
		   "curl -s -o /dev/null -I http://127.0.0.1:%d/index.html; "
		   "curl -s -o /dev/null -d body http://127.0.0.1:%d/index.html; done",
		   ROUNDS, port, port, port));
}

/* Load on that port as tenant "load". How many replies wrk read. */
static long load(int port)
{
	char *cgroup = tenant_cgroup("load");
	long read = web_wrk(cgroup, "-c" CONNECTIONS_TEXT, port);

	curl(cgroup, port);
	free(cgroup);
	return read;
}

/* What wrk did not wait for: one request a connection at most. */
static void in_flight(const struct hop *edge, long made)
{
	long left = edge->ok - CURLS_OK - made;

	print_message("wrk read %ld replies, and left %ld\n", made, left);
	assert_in_range(left, 0, CONNECTIONS);
}

static void logged(const struct web *nginx, struct hop *h)
{
	h->ok = nginx_logged(nginx, "^OK [23]");
	h->bad = nginx_logged(nginx, "^OK 4");
	h->failed = nginx_logged(nginx, "^OK 5");
}

static long proxied(const struct web *haproxy, const char *proxy, const char *server, int class)
{
	char field[16];

	snprintf(field, sizeof(field), "hrsp_%dxx", class);
	return haproxy_number(haproxy, proxy, server, field);
}

static void haproxy_figures(const struct web *haproxy, struct hop *outer, struct hop *inner)
{
	outer->ok =
		proxied(haproxy, "edge", "FRONTEND", 2) + proxied(haproxy, "edge", "FRONTEND", 3);
	outer->bad = proxied(haproxy, "edge", "FRONTEND", 4);
	outer->failed = proxied(haproxy, "edge", "FRONTEND", 5);
	inner->ok = proxied(haproxy, "app", "nginx", 2) + proxied(haproxy, "app", "nginx", 3);
	inner->bad = proxied(haproxy, "app", "nginx", 4);
	inner->failed = proxied(haproxy, "app", "nginx", 5);
}

/* A request that no application could be reached for is haproxy's alone. */
static void haproxy_before(bool over_unix)
{
	struct hop outer = { .ends = { "slice-edge", "slice-load" } },
		   inner = { .ends = { "slice-app", "slice-edge" } };
	struct hop as_haproxy_says = inner;
	char *cgroup, *at = NULL;
	struct web app, edge;
	struct agent agent;
	json_t *facts;
	long made;

	need_programs(NGINX, HAPROXY, WRK, NULL);
	application_start(&app);
	if (asprintf(&at, over_unix ? "unix@%s/socket" : "%.0s127.0.0.1:%d", app.dir, app.port) < 0)
		abort();
	web_new(&edge);
	cgroup = tenant_cgroup("edge");
	haproxy_start(&edge, cgroup,
		      " use_backend down if { path /s500 }\n"
		      "backend app\n server nginx %s\n"
		      "backend down\n server nobody 127.0.0.1:1\n",
		      at);
	agent_record(&agent, tenant_config, options);
	made = load(edge.port);
	haproxy_quiet(&edge);
	haproxy_figures(&edge, &outer, &as_haproxy_says);
	nginx_end(&app);
	facts = agent_finish(&agent);
	child_stop(edge.pid, SIGTERM, 60);
	logged(&app, &inner);
	assert_memory_equal(&as_haproxy_says, &inner, sizeof(inner));
	assert_int_equal(outer.bad, CURLS_BAD);
	assert_int_equal(outer.failed, CURLS_FAILED);
	assert_int_equal(inner.failed, 0);
	in_flight(&outer, made);
	judge(facts, &outer, &inner);
	free(cgroup);
	free(at);
}

static void haproxy_over_tcp(void **state)
{
	(void)state;
	haproxy_before(false);
}

static void haproxy_over_unix(void **state)
{
	(void)state;
	haproxy_before(true);
}

/* Its connections to the application are kept, or one for each request in HTTP/1.0, as is nginx' default. */
static void nginx_before(bool kept)
{
	struct hop outer = { .ends = { "slice-edge", "slice-load" } },
		   inner = { .ends = { "slice-app", "slice-edge" } };
	struct web app, edge;
	struct agent agent;
	char *cgroup;
	json_t *facts;
	long made;

	need_programs(NGINX, WRK, NULL);
	application_start(&app);
	web_new(&edge);
	cgroup = tenant_cgroup("edge");
	nginx_start(
		&edge, cgroup,
		"upstream app { server 127.0.0.1:%d; keepalive 32; keepalive_requests 100000; }\n"
		"server { listen 127.0.0.1:%d; location / { proxy_pass http://app; %s\n"
		"proxy_ignore_client_abort on; } }\n",
		app.port, edge.port,
		kept ? "proxy_http_version 1.1; proxy_set_header Connection \"\";" : "");
	agent_record(&agent, tenant_config, options);
	made = load(edge.port);
	nginx_end(&edge);
	nginx_end(&app);
	facts = agent_finish(&agent);
	logged(&edge, &outer);
	logged(&app, &inner);
	assert_int_equal(outer.bad, CURLS_BAD);
	assert_int_equal(outer.failed, CURLS_FAILED);
	assert_int_equal(inner.failed, CURLS_FAILED);
	in_flight(&outer, made);
	judge(facts, &outer, &inner);
	free(cgroup);
}

static void nginx_keeps(void **state)
{
	(void)state;
	nginx_before(true);
}

static void nginx_anew(void **state)
{
	(void)state;
	nginx_before(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(haproxy_over_tcp),
		cmocka_unit_test(haproxy_over_unix),
		cmocka_unit_test(nginx_keeps),
		cmocka_unit_test(nginx_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
