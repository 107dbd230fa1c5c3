/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proxy and its upstreams: one that answers, one that refuses, and one that does not accept. What the tracer counts
 * by port and by upstream is what nginx's log or haproxy's statistics say, and the cause of each 5xx is visible.
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
#include "tests/live/server.h"
#include "tests/live/tenant.h"
#include "tests/live/web.h"

#define GOOD 20
#define BAD 7 /* the application's own 5xx */
#define REFUSED 5
#define STUCK 8 /* asked at once of who does not accept */
#define QUEUE 2 /* his listen() */

struct lab {
	struct web app;
	struct web edge;
	pid_t stuck;
	int stuck_port;
	char *cgroup;
	struct agent agent;
	json_t *facts;
};

static void lab_start(struct lab *l)
{
	char *cgroup = tenant_cgroup("app"), *out = file_name("stuck");

	web_new(&l->app);
	nginx_start(&l->app, cgroup,
		    "server { listen 127.0.0.1:%d; root %s; location /s500 { return 500; } }\n",
		    l->app.port, l->app.dir);
	l->stuck_port = port_free();
	l->stuck = shell_start(NULL,
			       "exec python3 -u -c 'import socket, time\n"
			       "s = socket.socket()\n"
			       "s.bind((\"127.0.0.1\", %d))\n"
			       "s.listen(%d)\n"
			       "print(\"listening\")\n"
			       "time.sleep(600)' >%s",
			       l->stuck_port, QUEUE, out);
	shell_says(l->stuck, out, "listening");
	web_new(&l->edge);
	l->cgroup = tenant_cgroup("edge");
	free(cgroup);
	free(out);
}

static void ask(const struct lab *l)
{
	char *cgroup = tenant_cgroup("load");

	free(shell(cgroup,
		   "get() { curl -s -o /dev/null http://127.0.0.1:%d/$1; }\n"
		   "for i in $(seq %d); do get index.html; done\n"
		   "for i in $(seq %d); do get s500; done\n"
		   "for i in $(seq %d); do get refused; done\n"
		   "for i in $(seq %d); do get stuck & done; wait",
		   l->edge.port, GOOD, BAD, REFUSED, STUCK));
	free(cgroup);
}

static json_int_t served(const struct lab *l, const char *proxy, const char *outcome)
{
	return facts_sum(l->facts, outcome, "kind=ingress proxy=%s port=%d", proxy, l->edge.port);
}

static json_int_t asked(const struct lab *l, const char *proxy, int port, const char *outcome)
{
	return facts_sum(l->facts, outcome, "kind=upstream proxy=%s port=%d", proxy, port);
}

static json_int_t failed(const struct lab *l, const char *reason)
{
	return facts_sum(l->facts, reason, "kind=network role=client tenant=edge");
}

/* Each 5xx of the proxy has its cause, by upstream. */
static void causes_are_known(struct lab *l, const char *proxy)
{
	json_int_t unanswered = asked(l, proxy, l->stuck_port, "unanswered");
	json_int_t refused = failed(l, "failed_refused");
	json_int_t timed_out = failed(l, "failed_abandoned");

	print_message("5xx %lld: of the application %lld, refused %lld, not answered %lld, "
		      "not accepted %lld\n",
		      (long long)served(l, proxy, "5xx"),
		      (long long)asked(l, proxy, l->app.port, "5xx"), (long long)refused,
		      (long long)unanswered, (long long)timed_out);
	assert_int_equal(refused, REFUSED);
	assert_true(unanswered > 0);
	assert_true(timed_out > 0);
	assert_int_equal(unanswered + timed_out, STUCK);
	assert_int_equal(asked(l, proxy, l->app.port, "5xx") + refused + unanswered + timed_out,
			 served(l, proxy, "5xx"));
	/* As many as one may be established in a queue of a length. */
	assert_int_equal(facts_one(l->facts, "backlog", "kind=listener port=%d", l->stuck_port),
			 QUEUE + 1);
	assert_int_equal(facts_one(l->facts, "limit", "kind=listener port=%d", l->stuck_port),
			 QUEUE);
	assert_true(facts_one(l->facts, "drops", "kind=listener port=%d", l->stuck_port) > 0);
}

static void lab_end(struct lab *l)
{
	child_stop(l->stuck, SIGKILL, 60);
	json_decref(l->facts);
	free(l->cgroup);
}

static void nginx_as_ingress(void **state)
{
	struct lab l;

	(void)state;
	need_programs(NGINX, NULL);
	lab_start(&l);
	nginx_start(&l.edge, l.cgroup,
		    "server { listen 127.0.0.1:%d;\n"
		    "proxy_connect_timeout 1s; proxy_read_timeout 1s;\n"
		    "location / { proxy_pass http://127.0.0.1:%d; }\n"
		    "location /refused { proxy_pass http://127.0.0.1:1; }\n"
		    "location /stuck { proxy_pass http://127.0.0.1:%d; } }\n",
		    l.edge.port, l.app.port, l.stuck_port);
	agent_record(&l.agent, tenant_config, "");
	ask(&l);
	nginx_end(&l.edge);
	nginx_end(&l.app);
	l.facts = agent_finish(&l.agent);
	assert_int_equal(served(&l, "nginx", "ok"), nginx_logged(&l.edge, "^OK [23]"));
	assert_int_equal(served(&l, "nginx", "5xx"), nginx_logged(&l.edge, "^OK 5"));
	assert_int_equal(asked(&l, "nginx", l.app.port, "ok"), nginx_logged(&l.app, "^OK 2"));
	assert_int_equal(asked(&l, "nginx", l.app.port, "5xx"), nginx_logged(&l.app, "^OK 5"));
	assert_int_equal(failed(&l, "failed_refused"), nginx_logged(&l.edge, "^OK 502"));
	assert_int_equal(asked(&l, "nginx", l.stuck_port, "unanswered") +
				 failed(&l, "failed_abandoned"),
			 nginx_logged(&l.edge, "^OK 504"));
	causes_are_known(&l, "nginx");
	lab_end(&l);
}

static void haproxy_as_ingress(void **state)
{
	struct lab l;

	(void)state;
	need_programs(NGINX, HAPROXY, NULL);
	lab_start(&l);
	haproxy_start(&l.edge, l.cgroup,
		      " use_backend refused if { path /refused }\n"
		      " use_backend stuck if { path /stuck }\n"
		      "backend app\n server nginx 127.0.0.1:%d\n"
		      "backend refused\n server nobody 127.0.0.1:1\n"
		      "backend stuck\n timeout connect 1s\n timeout server 1s\n"
		      " server late 127.0.0.1:%d\n",
		      l.app.port, l.stuck_port);
	agent_record(&l.agent, tenant_config, "");
	ask(&l);
	haproxy_quiet(&l.edge);
	nginx_end(&l.app);
	l.facts = agent_finish(&l.agent);
	assert_int_equal(served(&l, "haproxy", "ok"),
			 haproxy_number(&l.edge, "edge", "FRONTEND", "hrsp_2xx"));
	assert_int_equal(served(&l, "haproxy", "5xx"),
			 haproxy_number(&l.edge, "edge", "FRONTEND", "hrsp_5xx"));
	assert_int_equal(asked(&l, "haproxy", l.app.port, "ok"),
			 haproxy_number(&l.edge, "app", "nginx", "hrsp_2xx"));
	assert_int_equal(asked(&l, "haproxy", l.app.port, "5xx"),
			 haproxy_number(&l.edge, "app", "nginx", "hrsp_5xx"));
	causes_are_known(&l, "haproxy");
	child_stop(l.edge.pid, SIGTERM, 60);
	lab_end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nginx_as_ingress),
		cmocka_unit_test(haproxy_as_ingress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
