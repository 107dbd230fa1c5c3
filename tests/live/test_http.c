/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 is counted exactly at both ends: against a client that says what it made, of every framing,
 * and against nginx's own log while wrk keeps it busy, with and without pipelines. And whose work
 * it was, by host and route.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/made.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"

#define ROUNDS 20

static const char config[] = "tenants:\n"
			     "  - match: {host: \"{name}.example.com\"}\n"
			     "    name: \"{name}\"\n"
			     "workflows:\n"
			     "  - match: {http.route: [\"/orders/*\", \"/index*\"]}\n"
			     "    name: orders\n";
static const char *const roles[] = { "server", "client" };

static void wait_for(int port)
{
	for (int i = 0; i < 100; i++) {
		if (!shell_try(NULL, "timeout 1 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d'", port))
			return;
		nap_ms(100);
	}
	fail_msg("nobody listens on port %d", port);
}

static pid_t start(const char *const *argv, int port)
{
	struct child_spec spec = { .argv = argv };
	pid_t pid = child_start(&spec);

	wait_for(port);
	return pid;
}

static void every_framing(void **state)
{
	char port_text[16], *made;
	const char *argv[] = { "tests/live/http_server.py", port_text, "4", NULL };
	int port = port_free();
	struct agent agent;
	json_t *facts;
	pid_t pid;

	(void)state;
	need_live();
	snprintf(port_text, sizeof(port_text), "%d", port);
	pid = start(argv, port);
	agent_record(&agent, config, "");
	made = shell(NULL, "tests/live/http_client.py %d %d", port, ROUNDS);
	facts = agent_finish(&agent);
	child_stop(pid, SIGTERM, 5);
	assert_true(made_compare(facts, "http", made) > 100 * ROUNDS);
	made_nothing_lost(facts);
	for (int i = 0; i < 2; i++)
		assert_int_equal(facts_sum(facts, "count",
					   "kind=requests protocol=http role=%s tenant=acme "
					   "workflow=orders",
					   roles[i]),
				 2 * ROUNDS);
	free(made);
	json_decref(facts);
}

static char *nginx_config(int port)
{
	char *dir = file_name("nginx"), text[2048], path[512];

	free(shell(NULL,
		   "mkdir -m 755 %s && echo hello >%s/index.html && head -c 1048576 "
		   "/dev/zero >%s/big.bin",
		   dir, dir, dir));
	snprintf(
		text, sizeof(text),
		"daemon off; worker_processes 2; pid %s/pid; error_log %s/error;\n"
		"events { worker_connections 512; }\n"
		"http { log_format x '$request_completion $request_method $uri'; access_log %s/log x; sendfile on;\n"
		"client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f;\n"
		"uwsgi_temp_path %s/u; scgi_temp_path %s/s; keepalive_requests 1000000;\n"
		"server { listen 127.0.0.1:%d; root %s; } }\n",
		dir, dir, dir, dir, dir, dir, dir, dir, port, dir);
	snprintf(path, sizeof(path), "%s/conf", dir);
	file_write(path, text);
	snprintf(path, sizeof(path), "%s/pipe.lua", dir);
	file_write(path, "init = function() local r = {} for i = 1, 16 do r[i] = "
			 "wrk.format('GET', '/index.html') end all = table.concat(r) end\n"
			 "request = function() return all end\n");
	return dir;
}

static void nginx_agrees(void **state)
{
	int port = port_free();
	char conf[512], *dir, *log;
	const char *argv[] = { "/usr/sbin/nginx", "-c", conf, NULL };
	struct agent agent;
	json_int_t seen[2];
	json_t *facts;
	pid_t pid;

	(void)state;
	need_live();
	if (access("/usr/sbin/nginx", X_OK) || access("/usr/bin/wrk", X_OK))
		skip();
	dir = nginx_config(port);
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	pid = start(argv, port);
	agent_record(&agent, config, "");
	free(shell(NULL, "wrk -t2 -c16 -d2 http://127.0.0.1:%d/index.html", port));
	free(shell(NULL, "wrk -t2 -c8 -d2 -s %s/pipe.lua http://127.0.0.1:%d/", dir, port));
	free(shell(NULL,
		   "curl -s -o /dev/null http://127.0.0.1:%d/big.bin -o /dev/null "
		   "http://127.0.0.1:%d/index.html -o /dev/null http://127.0.0.1:%d/none",
		   port, port, port));
	facts = agent_finish(&agent);
	child_stop(pid, SIGTERM, 5);
	made_nothing_lost(facts);
	log = shell(NULL, "grep -c '^OK GET /index.html' %s/log", dir);
	for (int i = 0; i < 2; i++) {
		seen[i] = made_counted(facts, "http", roles[i], "GET /index.html", "ok");
		assert_int_equal(made_counted(facts, "http", roles[i], "GET /big.bin", "ok"), 1);
		assert_int_equal(made_counted(facts, "http", roles[i], "GET /none", "4xx"), 1);
	}
	print_message("nginx logged %ld, seen %lld and %lld\n", atol(log), (long long)seen[0],
		      (long long)seen[1]);
	/*
	 * A reply that met the client's hanging up, one burst a connection at most, may be told without its
	 * request: it is nobody's operation then.
	 */
	assert_in_range(seen[0], atol(log) - 16 - 8 * 16, atol(log));
	/* wrk hangs up with replies unread, one burst a connection at most; what nginx could not answer is not OK. */
	assert_in_range(seen[1], seen[0] - 16 - 8 * 16, seen[0]);
	free(log);
	free(dir);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_framing),
		cmocka_unit_test(nginx_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
