/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and ending: what is wrong is told in one line with what to do and the right exit status, and
 * the kernel holds nothing of us afterwards, however we ended. Only programs, maps and links that were
 * not there before are counted: others may use BPF on this machine too.
 */
#define _GNU_SOURCE
#include <jansson.h>
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
#include "tests/live/kernel_objects.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"

#define STARTS 20
#define PATIENCE "timeout 60 " /* for what should take less than a second */
#define STOP_SECONDS 30

/* Ends with that status and one line that has both words in it. */
static void told(int status, const char *word, const char *other, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void told(int status, const char *word, const char *other, const char *fmt, ...)
{
	char *args, *text;
	va_list list;
	int got;

	va_start(list, fmt);
	if (vasprintf(&args, fmt, list) < 0)
		abort();
	va_end(list);
	got = shell_try(&text, "%s", args);
	if (got != status || lines_of(text) != 1 || !strstr(text, word) || !strstr(text, other))
		fail_msg(
			"%s: status %d where %d was expected, or not one line with \"%s\" and \"%s\":\n%s",
			args, got, status, word, other, text);
	free(args);
	free(text);
}

static void malformed_config(void **state)
{
	char *config, *before, *left, where[200];

	(void)state;
	need_live();
	config = agent_config("tenants:\n  - match: {database: acme}\n    name: acme\n"
			      "  - match: {sql.tabel: sale_order}\n    name: acme\n");
	snprintf(where, sizeof(where), "%s:4: ", config);
	before = bpf_objects();
	told(2, where, "sql.tabel", PATIENCE "%s run --config %s", agent_binary(), config);
	told(2, where, "sql.tabel", PATIENCE "%s watch --for 1s --config %s", agent_binary(),
	     config);
	told(2, where, "sql.tabel", PATIENCE "%s check-config %s", agent_binary(), config);
	left = bpf_objects_left(before);
	assert_string_equal(left, "");
	free(config);
	free(before);
	free(left);
}

static void wrong_usage(void **state)
{
	(void)state;
	need_live();
	told(2, "wach", "--help", "%s wach", agent_binary());
	told(2, "10 parsecs", "--for", "%s watch --for '10 parsecs'", agent_binary());
	told(2, "/nowhere/tallyman.yaml", "No such file", "%s run --config /nowhere/tallyman.yaml",
	     agent_binary());
}

/* Each start must get so far that it serves. */
static void starts(int sig)
{
	char *before, *left;
	struct agent agent;

	need_live();
	before = bpf_objects();
	for (int i = 0; i < STARTS; i++) {
		agent_serve(&agent, tenant_config, "");
		assert_int_equal(child_stop(agent.pid, sig, STOP_SECONDS),
				 sig == SIGKILL ? 128 + SIGKILL : 0);
	}
	left = bpf_objects_left(before);
	if (*left)
		fail_msg("still in the kernel:\n%s", left);
	free(before);
	free(left);
}

static void nothing_left_by_sigterm(void **state)
{
	(void)state;
	starts(SIGTERM);
}

static void nothing_left_by_sigkill(void **state)
{
	(void)state;
	starts(SIGKILL);
}

/* The objects are there while it runs: the two tests above look at the right thing. */
static void objects_while_running(void **state)
{
	char *before, *now;
	struct agent agent;

	(void)state;
	need_live();
	before = bpf_objects();
	agent_serve(&agent, tenant_config, "");
	now = bpf_objects();
	assert_true(lines_of(now) >= lines_of(before) + 15);
	agent_stop(&agent);
	free(before);
	free(now);
}

/* In its messages, sooner or later. */
static bool comes_to_say(const struct agent *a, const char *what)
{
	double end = now_seconds() + STOP_SECONDS;
	bool said = false;

	while (!said && now_seconds() < end) {
		char *text = file_read(a->err);

		said = strstr(text, ".yaml") && strstr(text, what);
		free(text);
		nap_ms(50);
	}
	return said;
}

static void sighup_keeps_serving(void **state)
{
	struct agent agent;
	char *text, *config;

	(void)state;
	need_live();
	config = agent_config(tenant_config);
	agent_serve_file(&agent, config, "");
	file_write(config, "tenants: 7\n");
	assert_int_equal(kill(agent.pid, SIGHUP), 0);
	assert_true(comes_to_say(&agent, ":1: "));
	text = agent_get(&agent, "/metrics");
	assert_non_null(strstr(text, "tallyman_build_info{"));
	free(text);
	agent_stop(&agent);
	free(config);
}

static void without_root(void **state)
{
	(void)state;
	need_live();
	free(shell(NULL, "cp %s %s/tallyman && chmod 755 %s/tallyman", agent_binary(), workdir(),
		   workdir()));
	told(1, "CAP_BPF", "root",
	     "setpriv --reuid=nobody --regid=nogroup --clear-groups %s/tallyman watch "
	     "--for 1s",
	     workdir());
}

static void port_in_use(void **state)
{
	struct agent agent;
	char port[32];

	(void)state;
	need_live();
	agent_serve(&agent, tenant_config, "");
	snprintf(port, sizeof(port), ":%d", agent.port);
	told(1, port, "in use", PATIENCE "%s run --listen 127.0.0.1:%d", agent_binary(),
	     agent.port);
	agent_stop(&agent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_config),
		cmocka_unit_test(wrong_usage),
		cmocka_unit_test(objects_while_running),
		cmocka_unit_test(nothing_left_by_sigterm),
		cmocka_unit_test(nothing_left_by_sigkill),
		cmocka_unit_test(sighup_keeps_serving),
		cmocka_unit_test(without_root),
		cmocka_unit_test(port_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
