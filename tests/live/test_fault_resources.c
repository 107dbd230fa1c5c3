/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory, file descriptors and file systems that are not there. At start: one clear line and exit status 1, or it
 * works without. At work: it goes on, what it could not read comes later, and nothing old is shown meanwhile.
 * FAULT_STARTS_NOMEM says how many of the start's allocations are refused in turn.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/fault.h"
#include "tests/live/kernel_objects.h"
#include "tests/live/server.h"
#include "tests/live/shortage.h"
#include "tests/live/tenant.h"

#define REFUSALS 12
#define SHORTAGE_MS 3000
#define FOR_EVER UINT64_MAX

static char *plan_path;
static struct shortage *plan;

/* The tracer runs by this command until it is set back with NULL: agent_binary() gives it out. */
static void tracer_is(const char *command)
{
	static char *usual;

	if (!usual)
		usual = strdup(agent_binary());
	setenv("TALLYMAN", command ? command : usual, 1);
}

/* From here on the tracer's memory is what `plan` says. */
static void plan_begin(void)
{
	char *command;
	int fd;

	tracer_is(NULL);
	plan_path = file_name("shortage");
	fd = open(plan_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, sizeof(*plan)), 0);
	plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(plan, MAP_FAILED);
	close(fd);
	if (asprintf(&command, "env LD_PRELOAD=$PWD/build/tests/live/preload/shortage.so %s=%s %s",
		     SHORTAGE_ENV, plan_path, agent_binary()) < 0)
		abort();
	tracer_is(command);
	free(command);
}

static void plan_end(void)
{
	munmap(plan, sizeof(*plan));
	free(plan_path);
	tracer_is(NULL);
}

/* The line says what it does without. */
static bool without(const char *line)
{
	static const char *const words[] = { " is missing: ", " refuses the ",
					     " cannot be listed" };
	size_t len = strcspn(line, "\n");

	for (int i = 0; i < 3; i++)
		if (memmem(line, len, words[i], strlen(words[i])))
			return true;
	return false;
}

/* Fails unless it ended in good order, or with status 1 and one line of why, besides what it does without. */
static bool ended_well(const char *what, long n, int status, const char *text)
{
	int whys = 0;

	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		if (strncmp(line, "tallyman: ", 10))
			continue;
		whys += !without(line);
	}
	if (status && (status != 1 || whys != 1))
		fail_msg("%s %ld: status %d, %d lines:\n%s", what, n, status, whys, text);
	return !status;
}

static bool start_with(const char *what, const char *config, uint64_t from, uint64_t until)
{
	char *text;
	bool well;
	int status;

	*plan = (struct shortage){ .from = from, .until = until };
	status = shell_try(&text, "timeout 60 %s watch --for 50ms --json --config %s >/dev/null",
			   agent_binary(), config);
	well = ended_well(what, from, status, text);
	assert_true(plan->refused > 0 || !from);
	free(text);
	return well;
}

/* One allocation of the start is refused, or all from then on; all over the start. */
static void no_memory_at_start(void **state)
{
	int n = fault_times("FAULT_STARTS_NOMEM", REFUSALS), well = 0;
	char *objects, *left, *config;
	uint64_t calls;

	(void)state;
	need_live();
	objects = bpf_objects();
	config = agent_config(tenant_config);
	plan_begin();
	assert_true(start_with("all memory", config, 0, 0));
	calls = plan->calls;
	for (int i = 0; i < n; i++) {
		uint64_t at = 1 + calls * i * i / ((uint64_t)n * n);

		well += start_with("refused once, call", config, at, at + 1);
		assert_false(start_with("refused from call", config, at, FOR_EVER));
	}
	print_message("%lu allocations; of %d that were refused once it did without %d\n", calls, n,
		      well);
	plan_end();
	left = bpf_objects_left(objects);
	assert_string_equal(left, "");
	free(objects);
	free(left);
	free(config);
}

static void no_memory_for_the_configuration(void **state)
{
	char *text, *config;
	int status;

	(void)state;
	need_live();
	config = agent_config(tenant_config);
	plan_begin();
	for (uint64_t at = 1; at < 400; at += 7) {
		*plan = (struct shortage){ .from = at, .until = at + 1 };
		status = shell_try(&text, "%s check-config %s", agent_binary(), config);
		ended_well("refused once, call", at, status, text);
		free(text);
	}
	plan_end();
	free(config);
}

/* Every allocation is refused for a while, as requests of new connections and containers come in. */
static void no_memory_at_work(void **state)
{
	char *metrics, *told, *cgroup;
	struct agent agent;
	pid_t load;

	(void)state;
	need_live();
	plan_begin();
	agent_serve(&agent, tenant_config, "");
	load = fault_load_start();
	plan->until = FOR_EVER;
	plan->from = 1;
	cgroup = tenant_cgroup("late");
	free(shell(cgroup, "redis-cli -s %s --raw ping; sleep 0.1", fault_redis.socket));
	nap_ms(SHORTAGE_MS);
	plan->from = 0;
	print_message("%lu allocations refused\n", plan->refused);
	assert_true(plan->refused > 0);
	assert_int_equal(child_wait(agent.pid, 0), -1);
	fault_load_end(load);
	nap_ms(1500);
	metrics = agent_get(&agent, "/metrics");
	fault_balanced(metrics);
	assert_true(fault_sample(metrics, "tallyman_reads_put_off_total", NULL, NULL) +
			    fault_sample(metrics, "tallyman_uncounted_total", NULL, NULL) >
		    0);
	free(metrics);
	agent_stop(&agent);
	told = file_read(agent.err);
	assert_null(strstr(told, "!="));
	free(told);
	free(cgroup);
	plan_end();
}

static void no_descriptors_at_start(void **state)
{
	bool well = false;
	char *text, *config;

	(void)state;
	need_live();
	tracer_is(NULL); /* whatever the last test came to */
	config = agent_config(tenant_config);
	for (long n = 5; n < 1024; n += n / 2) {
		int status = shell_try(
			&text,
			"exec prlimit --nofile=%ld:20000 timeout 60 %s watch --for 50ms --json "
			"--config %s >/dev/null",
			n, agent_binary(), config);

		well = ended_well("descriptors", n, status, text);
		free(text);
	}
	assert_true(well);
	free(config);
}

static void descriptors_limit(pid_t pid, rlim_t n)
{
	struct rlimit limit = { n, 20000 };

	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* Nobody gets an answer then, and the first one after it is whole. */
static void no_descriptors_at_work(void **state)
{
	struct agent agent;
	char *metrics;
	long served;

	(void)state;
	need_live();
	tracer_is(NULL); /* whatever the last test came to */
	served = -fault_served();
	agent_serve(&agent, tenant_config, "");
	fault_gets(1000);
	descriptors_limit(agent.pid, 3);
	fault_gets(20000);
	nap_ms(SHORTAGE_MS);
	assert_int_equal(child_wait(agent.pid, 0), -1);
	assert_int_not_equal(
		shell_try(NULL, "curl -sf -m 2 http://127.0.0.1:%d/metrics", agent.port), 0);
	descriptors_limit(agent.pid, 1024);
	nap_ms(500);
	metrics = agent_get(&agent, "/metrics");
	served += fault_served();
	assert_int_equal(fault_balanced(metrics), 0);
	fault_counted_all(metrics, served);
	assert_true(fault_sample(metrics, "tallyman_reads_put_off_total", NULL, NULL) > 0);
	free(metrics);
	agent_stop(&agent);
}

/* A bpffs that nothing can be written to, and neither tracefs nor debugfs. */
static void no_file_systems(void **state)
{
	char *script = file_name("bare.sh"), *text;

	(void)state;
	need_live();
	tracer_is(NULL); /* whatever the last test came to */
	if (asprintf(&text,
		     "#!/bin/sh -e\n"
		     "mount -t bpf -o ro bpf /sys/fs/bpf\n"
		     "mount -t tmpfs -o ro none /sys/kernel/tracing\n"
		     "mount -t tmpfs -o ro none /sys/kernel/debug\n"
		     "if touch /sys/fs/bpf/x 2>/dev/null; then exit 99; fi\n"
		     "exec %s \"$@\"\n",
		     agent_binary()) < 0)
		abort();
	file_write(script, text);
	free(text);
	if (asprintf(&text, "unshare -m sh %s", script) < 0)
		abort();
	tracer_is(text);
	fault_all_well(tenant_config);
	tracer_is(NULL);
	free(text);
	free(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_for_the_configuration),
		cmocka_unit_test(no_memory_at_start),
		cmocka_unit_test(no_memory_at_work),
		cmocka_unit_test(no_descriptors_at_start),
		cmocka_unit_test(no_descriptors_at_work),
		cmocka_unit_test(no_file_systems),
	};

	return cmocka_run_group_tests(tests, fault_begin, fault_end);
}
