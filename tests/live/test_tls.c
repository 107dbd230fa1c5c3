/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL, Redis and HTTP over TLS: with the library's functions hooked, the same counts as the servers' own,
 * at both ends; without, every request counted as encrypted and not one hook in any library. Servers and
 * clients are ordinary ones; the certificate is made here.
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
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/tls.h"
#include "tests/live/web.h"

#define COMMANDS TLS_COMMANDS
#define CLIENTS TLS_CLIENTS
#define ONE_CLIENT 100L
#define LATE_TURNS 12
#define START_SECONDS 30
#define LIBRARY "/usr/lib/x86_64-linux-gnu/libssl.so.3"

static struct server pg, redis;
static const char *certificate;

static int servers_start(void **state)
{
	(void)state;
	if (!live_possible())
		return 0;
	tenant_enter("bench");
	certificate = servers_with_tls();
	server_pair_start(&pg, &redis);
	postgres_bench(&pg, "live_bench");
	return 0;
}

static int servers_stop(void **state)
{
	(void)state;
	server_pair_stop(&pg, &redis);
	return 0;
}

static void load_redis(int port)
{
	tls_load_redis(port, certificate);
}

static void load_pgbench(const char *mode)
{
	tls_load_pgbench(&pg, NULL, mode);
}

static void redis_counts(void **state)
{
	(void)state;
	need_live();
	tls_redis_counts(&redis, certificate, NULL);
}

static void postgres_simple(void **state)
{
	(void)state;
	need_live();
	tls_postgres_counts(&pg, "simple");
}

static void postgres_extended(void **state)
{
	(void)state;
	need_live();
	tls_postgres_counts(&pg, "extended");
}

static void postgres_prepared(void **state)
{
	(void)state;
	need_live();
	tls_postgres_counts(&pg, "prepared");
}

#define PAGES 400L
#define UPLOADS 40L

/* curl, with a connection that is kept and with new ones: PAGES that are there and as many that are not. */
static void load_curl(const char *cgroup, int port)
{
	free(shell(cgroup,
		   "for i in $(seq %ld); do for path in index.html none?$i; do "
		   "echo url https://127.0.0.1:%d/$path; echo output /dev/null; done; done | "
		   "curl -s -k -K - && "
		   "for i in $(seq %ld); do head -c 50000 /dev/zero | curl -s -k -o /dev/null "
		   "--data-binary @- https://127.0.0.1:%d/upload; done",
		   PAGES, port, UPLOADS, port));
}

/* Requests and uploads of more than one record of TLS, against the server's own log. */
static void http_counts(void **state)
{
	char *load, *edge;
	struct agent agent;
	struct web nginx;
	json_t *facts;

	(void)state;
	need_live();
	need_programs(NGINX, NULL);
	load = tenant_cgroup("load");
	edge = tenant_cgroup("edge");
	web_new(&nginx);
	nginx_start(&nginx, edge,
		    "server { listen 127.0.0.1:%d ssl; root %s; ssl_certificate %s;\n"
		    "ssl_certificate_key %s/key.pem; location /upload { return 500; } }\n",
		    nginx.port, nginx.dir, certificate, workdir());
	agent_record(&agent, tenant_config, "--tls");
	load_curl(load, nginx.port);
	nginx_end(&nginx);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++) {
		const char *role = i ? "client" : "server", *who = i ? "load" : "edge";

		assert_int_equal(web_counted(facts, role, who, "ok"), PAGES);
		assert_int_equal(web_counted(facts, role, who, "4xx"), PAGES);
		assert_int_equal(web_counted(facts, role, who, "5xx"), UPLOADS);
	}
	assert_int_equal(nginx_logged(&nginx, "^OK 200"), PAGES);
	assert_int_equal(nginx_logged(&nginx, "^OK 404"), PAGES);
	assert_int_equal(nginx_logged(&nginx, "^OK 500"), UPLOADS);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	json_decref(facts);
	free(load);
	free(edge);
}

/*
 * Both ends are here: the backend works for the client's container, as without TLS, and is billed to it but for
 * what it did before it knew whom it serves.
 */
static void whose(void **state)
{
	char *acme = tenant_cgroup("acme"), container[96];
	double of_client, of_server;
	struct agent agent;
	json_t *facts;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "--tls");
	tls_load_pgbench(&pg, acme, "simple");
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++)
		assert_int_equal(facts_sum(facts, "count",
					   "kind=requests tenant=acme operation=SELECT role=%s",
					   i ? "client" : "server"),
				 COMMANDS + 2);
	tls_nothing_lost(facts);
	snprintf(container, sizeof(container), "/tallyman-live-%d/tenants.slice-bench", getpid());
	of_client =
		facts_sum(facts, "cpu_ns", "kind=container container=%s tenant=acme", container);
	of_server = facts_sum(facts, "cpu_ns", "kind=container container=%s", container);
	print_message("the server used %.1f ms, %.1f ms of it for its client\n", of_server / 1e6,
		      of_client / 1e6);
	assert_true(of_client > of_server / 2);
	json_decref(facts);
	free(acme);
}

/* The programs for TLS that the kernel holds. */
static long tls_programs(void)
{
	char *text = shell(NULL, "bpftool prog show | grep -c 'name tls_' || true");
	long n = atol(text);

	free(text);
	return n;
}

/* Hooks in functions of files that a process has open. */
static long uprobes_of(pid_t pid)
{
	char *text = shell(NULL, "grep -ls 'link_type:.*perf' /proc/%d/fdinfo/* | wc -l", pid);
	long n = atol(text);

	free(text);
	return n;
}

static long coarse(const json_t *facts, const char *protocol, const char *role)
{
	return facts_sum(facts, "coarse", "kind=requests tenant=bench protocol=%s role=%s",
			 protocol, role);
}

/* Each connection's handshake may look like a request, or two. */
static void by_turns(long counted, long sent, long connections)
{
	assert_in_range(counted, sent, sent + 3 * connections);
}

static void without(void **state)
{
	struct agent agent;
	json_t *facts;
	long programs;

	(void)state;
	need_live();
	programs = tls_programs();
	agent_record(&agent, tenant_config, "");
	assert_int_equal(tls_programs(), programs);
	assert_int_equal(uprobes_of(agent.pid), 0);
	load_redis(redis.tls_port);
	load_pgbench("prepared");
	facts = agent_finish(&agent);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=GET"), 0);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=SELECT"), 0);
	by_turns(coarse(facts, "tls", "server"), 2 * COMMANDS, 4 * CLIENTS + 2);
	by_turns(coarse(facts, "tls", "client"), 2 * COMMANDS, 4 * CLIENTS + 2);
	by_turns(coarse(facts, "postgresql", "server"), COMMANDS, 4 * 4 + 2);
	by_turns(coarse(facts, "postgresql", "client"), COMMANDS, 4 * 4 + 2);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	json_decref(facts);
}

/* A client that has connected before the tracer starts, or after it; sends when told. */
static pid_t client_start(const char *how, char **go)
{
	char *out = file_name("client");
	pid_t pid;

	*go = file_name("go");
	pid = shell_start(NULL, "exec python3 tests/live/tls_client.py %d %s %ld %s >%s",
			  redis.tls_port, how, ONE_CLIENT, *go, out);
	shell_says(pid, out, "connected");
	free(out);
	return pid;
}

static void client_go(pid_t pid, char *go)
{
	file_write(go, "go");
	shell_end(pid);
	free(go);
}

/*
 * A connection that was open before: its first request proves where messages begin, and is counted as
 * unsynchronised; all others are known at the server's end. The client's learns from it some turns later.
 */
static void late(void **state)
{
	long seen[2];
	struct agent agent;
	json_t *facts;
	char *go;
	pid_t pid;

	(void)state;
	need_live();
	pid = client_start("socket", &go);
	agent_record(&agent, tenant_config, "--tls");
	client_go(pid, go);
	facts = agent_finish(&agent);
	for (int i = 0; i < 2; i++)
		seen[i] = facts_sum(facts, "count",
				    "kind=requests tenant=bench operation=GET role=%s",
				    i ? "client" : "server");
	assert_int_equal(seen[0], ONE_CLIENT - 1);
	assert_in_range(seen[1], ONE_CLIENT - LATE_TURNS, ONE_CLIENT - 1);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"),
			 2 * ONE_CLIENT - seen[0] - seen[1]);
	json_decref(facts);
}

/* The client's library never sees a socket: its end is counted by turns, the server's in full. */
static void memory(void **state)
{
	struct agent agent;
	json_t *facts;
	char *go;
	pid_t pid;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "--tls");
	pid = client_start("memory", &go);
	client_go(pid, go);
	facts = agent_finish(&agent);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=GET role=server"),
			 ONE_CLIENT);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=GET role=client"), 0);
	by_turns(coarse(facts, "tls", "client"), ONE_CLIENT, 1);
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	json_decref(facts);
}

/*
 * A server in a mount namespace of its own, whose library is another file under the same name, started after
 * the tracer: as a container is.
 */
static void container(void **state)
{
	int port = port_free();
	struct agent agent;
	json_t *facts;
	pid_t pid;

	(void)state;
	need_live();
	agent_record(&agent, tenant_config, "--tls");
	free(shell(NULL, "cp %s %s/libssl-copy", LIBRARY, workdir()));
	pid = shell_start(
		NULL,
		"exec unshare -m sh -c 'mount --bind %s/libssl-copy %s && exec redis-server "
		"--port 0 --tls-port %d --tls-cert-file %s --tls-key-file %s/key.pem "
		"--tls-ca-cert-file %s --tls-auth-clients no --save \"\" --bind 127.0.0.1 --dir %s'",
		workdir(), LIBRARY, port, certificate, workdir(), certificate, redis.dir);
	nap_ms(1000);
	load_redis(port);
	child_stop(pid, SIGTERM, START_SECONDS);
	facts = agent_finish(&agent);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=GET role=server"),
			 COMMANDS);
	assert_int_equal(facts_sum(facts, "count", "kind=requests operation=SET role=server"),
			 COMMANDS);
	tls_nothing_lost(facts);
	json_decref(facts);
}

/* Processes by the metric for the file; `state`: attached, or failed. 0: it is not there. */
static long processes_told(const char *metrics, const char *file, const char *state)
{
	char *text = shell(NULL,
			   "sed -n 's/^tallyman_tls_library_processes{file=\"[0-9a-f]*:'$(stat -Lc "
			   "%%i %s)'\",state=\"%s\",reason=\".*\"} //p' %s",
			   file, state, metrics);
	long n = atol(text);

	free(text);
	return n;
}

/* Which libraries are hooked, in how many processes, and which one cannot be. */
static void libraries(void **state)
{
	char *fake = file_name("libssl-fake"), *metrics = file_name("metrics"), *text;
	char *said = file_name("said");
	struct agent agent;
	long own;
	pid_t pid;

	(void)state;
	need_live();
	free(shell(NULL, "seq 10000 > %s", fake));
	pid = shell_start(NULL,
			  "exec python3 -c 'import mmap, time; f = open(\"%s\", \"rb\"); m = "
			  "mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, "
			  "flags=mmap.MAP_PRIVATE); print(\"mapped\", flush=True); "
			  "time.sleep(1000)' > %s",
			  fake, said);
	shell_says(pid, said, "mapped");
	agent_serve(&agent, tenant_config, "--tls");
	text = agent_get(&agent, "/metrics");
	file_write(metrics, text);
	free(text);
	text = shell(NULL, "grep -ls 'r-xp.*libssl.so.3' /proc/%d/maps /proc/%d/maps | wc -l",
		     pg.pid, redis.pid);
	own = atol(text);
	assert_int_equal(own, 2);
	assert_true(processes_told(metrics, LIBRARY, "attached") >= own);
	assert_int_equal(processes_told(metrics, fake, "failed"), 1);
	assert_int_equal(processes_told(metrics, fake, "attached"), 0);
	agent_stop(&agent);
	child_stop(pid, SIGKILL, START_SECONDS);
	free(text);
	free(fake);
	free(metrics);
	free(said);
}

/* What the tracer hooked is free when it ends, even if it is killed. */
static void nothing_stays(void **state)
{
	long programs;
	struct agent agent;

	(void)state;
	need_live();
	programs = tls_programs();
	agent_record(&agent, tenant_config, "--tls");
	assert_int_equal(tls_programs(), programs + 3);
	assert_true(uprobes_of(agent.pid) >= 11);
	child_stop(agent.pid, SIGKILL, START_SECONDS);
	for (double end = now_seconds() + START_SECONDS; tls_programs() > programs; nap_ms(100))
		assert_true(now_seconds() < end);
	load_redis(redis.tls_port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis_counts),
		cmocka_unit_test(postgres_simple),
		cmocka_unit_test(postgres_extended),
		cmocka_unit_test(postgres_prepared),
		cmocka_unit_test(http_counts),
		cmocka_unit_test(whose),
		cmocka_unit_test(without),
		cmocka_unit_test(late),
		cmocka_unit_test(memory),
		cmocka_unit_test(container),
		cmocka_unit_test(libraries),
		cmocka_unit_test(nothing_stays),
	};

	return cmocka_run_group_tests(tests, servers_start, servers_stop);
}
