/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the tracer from a test. In: configuration and options. Out: its JSON lines or what it serves.
 * Knows the command line and nothing of the tracer's inside.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include "tests/live/agent.h"

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
#include "tests/live/teardown.h"

/* Far more than needed: they end what hangs, on a slow machine too. */
#define READY_SECONDS 60
#define STOP_SECONDS 60

/* Records on their way when the load ends: connections need this long to hand over their last ones. */
#define SETTLE_MS 300

const char *agent_binary(void)
{
	const char *path = getenv("TALLYMAN");

	return path ? path : "build/tallyman";
}

char *agent_config(const char *text)
{
	char *path = file_name("config.yaml");

	file_write(path, text);
	return path;
}

static void agent_start(struct agent *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void agent_start(struct agent *a, const char *fmt, ...)
{
	const char *argv[] = { "bash", "-c", NULL, NULL };
	char *args, *command;
	va_list list;

	va_start(list, fmt);
	if (vasprintf(&args, fmt, list) < 0 ||
	    asprintf(&command, "exec %s %s%s", agent_binary(), args,
		     strstr(args, "--cpu-budget") ? "" : " --cpu-budget off") < 0)
		abort();
	va_end(list);
	argv[2] = command;
	a->out = file_name("stdout");
	a->err = file_name("stderr");
	a->pid = child_start(&(struct child_spec){ .argv = argv, .out = a->out, .err = a->err });
	free(args);
	free(command);
}

/* true: it said that it is tracing. */
static bool agent_said(const struct agent *a, const char *what)
{
	char *text = file_read(a->err);
	bool said = strstr(text, what);

	free(text);
	return said;
}

static bool agent_ready(const struct agent *a)
{
	if (!a->port)
		return agent_said(a, "tracing");
	return !shell_try(NULL, "curl -sf http://127.0.0.1:%d/readyz", a->port);
}

static void agent_wait(const struct agent *a)
{
	double end = now_seconds() + READY_SECONDS;

	while (!agent_ready(a)) {
		if (child_wait(a->pid, 0) >= 0 || now_seconds() > end)
			fail_msg("tallyman did not become ready:\n%s", file_read(a->err));
		nap_ms(20);
	}
}

void agent_tape(struct agent *a, const char *config, const char *options)
{
	char *path = agent_config(config);

	*a = (struct agent){ .tape = file_name("tape") };
	agent_start(a, "record -o %s --config %s %s", a->tape, path, options);
	agent_wait(a);
	free(path);
}

void agent_record(struct agent *a, const char *config, const char *options)
{
	char *with_json;

	if (asprintf(&with_json, "--json %s", options) < 0)
		abort();
	agent_tape(a, config, with_json);
	free(with_json);
}

void agent_serve_file(struct agent *a, const char *path, const char *options)
{
	*a = (struct agent){ .port = port_free() };
	agent_start(a, "run --listen 127.0.0.1:%d --config %s %s", a->port, path, options);
	agent_wait(a);
}

void agent_serve(struct agent *a, const char *config, const char *options)
{
	char *path = agent_config(config);

	agent_serve_file(a, path, options);
	free(path);
}

void agent_stop(struct agent *a)
{
	int status;

	nap_ms(SETTLE_MS);
	status = child_stop(a->pid, SIGTERM, STOP_SECONDS);
	if (status)
		fail_msg("tallyman ended with status %d:\n%s", status, file_read(a->err));
	a->pid = 0;
}

json_t *agent_finish(struct agent *a)
{
	char *text;
	json_t *facts;

	agent_stop(a);
	text = file_read(a->out);
	facts = facts_parse(text);
	free(text);
	free(a->out);
	free(a->err);
	return facts;
}

char *agent_get(const struct agent *a, const char *path)
{
	return shell(NULL, "curl -sf -m 10 'http://127.0.0.1:%d%s'", a->port, path);
}

double process_cpu_seconds(pid_t pid)
{
	unsigned long user = 0, system = 0;
	char path[64], *text, *after;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = file_read(path);
	after = strrchr(text, ')');
	if (!after || sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			     &user, &system) != 2)
		fail_msg("cannot read %s", path);
	free(text);
	return (double)(user + system) / sysconf(_SC_CLK_TCK);
}
