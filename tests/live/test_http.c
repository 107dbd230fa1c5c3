/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 is counted exactly at both ends: against a client that says what it made, of every framing,
 * and against nginx's own log and wrk's own line while it keeps nginx busy, with and without pipelines. And
 * whose work it was, by host and route.
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
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/made.h"
#include "tests/live/server.h"
#include "tests/live/web.h"

#define ROUNDS 20

static const char config[] = "tenants:\n"
			     "  - match: {host: \"{name}.example.com\"}\n"
			     "    name: \"{name}\"\n"
			     "workflows:\n"
			     "  - match: {http.route: [\"/orders/*\", \"/index*\"]}\n"
			     "    name: orders\n";
static const char *const roles[] = { "server", "client" };

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
	pid = child_start(&(struct child_spec){ .argv = argv });
	web_wait(port, pid, NULL);
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

/* Traced while wrk keeps nginx busy. Room for all that comes at once. */
static json_t *loaded(const char *how, long *read, long *logged)
{
	struct agent agent;
	struct web nginx;
	json_t *facts;

	web_new(&nginx);
	nginx_start(&nginx, NULL, "server { listen 127.0.0.1:%d; root %s; }\n", nginx.port,
		    nginx.dir);
	agent_record(&agent, config, "--ring-size 64M");
	*read = web_wrk(NULL, how, nginx.port);
	nginx_end(&nginx);
	facts = agent_finish(&agent);
	made_nothing_lost(facts);
	*logged = nginx_logged(&nginx, "^OK 200 ");
	print_message("wrk read %ld replies, nginx made %ld\n", *read, *logged);
	return facts;
}

/* When time is up wrk hangs up, and leaves one reply a connection at most, which was made for it. */
static void one_by_one(void **state)
{
	long read, logged;
	json_t *facts;

	(void)state;
	need_programs(NGINX, WRK, NULL);
	facts = loaded("-c16", &read, &logged);
	assert_in_range(logged - read, 0, 16);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(web_counted(facts, roles[i], NULL, NULL), logged);
		assert_int_equal(made_counted(facts, "http", roles[i], "GET /index.html", "ok"),
				 logged);
	}
	json_decref(facts);
}

/*
 * 16 at once: of the replies to the last ones nginx could write more than wrk read. Such a client's end counts what it
 * reads.
 */
static void pipelined(void **state)
{
	char *script, *how;
	long read, logged;
	json_t *facts;

	(void)state;
	need_programs(NGINX, WRK, NULL);
	script = file_name("pipe.lua");
	file_write(script, "init = function() local r = {} for i = 1, 16 do r[i] = "
			   "wrk.format('GET', '/index.html') end all = table.concat(r) end\n"
			   "request = function() return all end\n");
	if (asprintf(&how, "-c8 -s %s", script) < 0)
		abort();
	facts = loaded(how, &read, &logged);
	assert_int_equal(web_counted(facts, "server", NULL, NULL), logged);
	assert_int_equal(web_counted(facts, "client", NULL, NULL), read);
	free(how);
	free(script);
	json_decref(facts);
}

#define GIGABYTE (1L << 30)

/* A body of a gigabyte, read, sent by sendfile() or taken: the next request on its connection is right. */
static void a_gigabyte(void **state)
{
	struct agent agent;
	struct web nginx;
	json_t *facts;
	char *at, *connections;

	(void)state;
	need_programs(NGINX, NULL);
	web_new(&nginx);
	free(shell(NULL, "truncate -s %ld %s/big", GIGABYTE, nginx.dir));
	nginx_start(
		&nginx, NULL,
		"server { listen 127.0.0.1:%d; root %s; client_max_body_size 0; "
		"location /sent/ { alias %s/; sendfile on; } location /taken { return 200; } }\n",
		nginx.port, nginx.dir, nginx.dir);
	if (asprintf(&at, "http://127.0.0.1:%d", nginx.port) < 0)
		abort();
	agent_record(&agent, config, "");
	free(shell(NULL, "curl -sS -o /dev/null %s/big -o /dev/null %s/index.html", at, at));
	free(shell(NULL, "curl -sS -o /dev/null %s/sent/big -o /dev/null %s/index.html", at, at));
	free(shell(NULL,
		   "curl -sS -T %s/big -o /dev/null %s/taken --next -sS -o /dev/null %s/index.html",
		   nginx.dir, at, at));
	nginx_end(&nginx);
	facts = agent_finish(&agent);
	made_nothing_lost(facts);
	connections = shell(NULL, "cut -d ' ' -f 3 %s/log | sort -u | wc -l", nginx.dir);
	assert_int_equal(atoi(connections), 3);
	assert_int_equal(made_compare(facts, "http",
				      "1 ok GET /big\n1 ok GET /sent/big\n"
				      "1 ok PUT /taken\n3 ok GET /index.html\n"),
			 6);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(web_counted(facts, roles[i], NULL, NULL), 6);
		assert_true(facts_sum(facts, "reply_bytes", "kind=requests protocol=http role=%s",
				      roles[i]) > 2 * GIGABYTE);
		assert_true(facts_sum(facts, "request_bytes", "kind=requests protocol=http role=%s",
				      roles[i]) > GIGABYTE);
	}
	free(at);
	free(connections);
	json_decref(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_framing),
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(pipelined),
		cmocka_unit_test(a_gigabyte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
