/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory stalls and kills are counted and timed right: a container with a memory limit that reads more
 * than fits, and one that wants more than it may have. The truths are the kernel's trace of the same
 * reclaims, which knows their times, and the OOM kills that the cgroup itself counts.
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/agent.h"
#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"
#include "tests/live/truth.h"

#define MEMORY_ROOT "/sys/fs/cgroup/memory"
#define TRACING "/sys/kernel/tracing/instances"

/* A memory cgroup with that limit; processes are in a tenant's cgroup as well. */
static char *limited(const char *name, const char *limit)
{
	static int number;
	char *path, file[256];

	if (asprintf(&path, MEMORY_ROOT "/tallyman-live-%d-%s.%d", getpid(), name, ++number) < 0)
		abort();
	assert_int_equal(mkdir(path, 0755), 0);
	teardown_cgroup(path);
	snprintf(file, sizeof(file), "%s/memory.limit_in_bytes", path);
	file_write(file, limit);
	return path;
}

static void need_limits(void)
{
	need_live();
	if (!access(MEMORY_ROOT "/memory.limit_in_bytes", F_OK))
		return;
	print_message("skip: no version 1 memory cgroups\n");
	skip();
}

static long oom_kills(const char *memory)
{
	char path[256], *text, *at;
	long n;

	snprintf(path, sizeof(path), "%s/memory.oom_control", memory);
	text = file_read(path);
	at = strstr(text, "oom_kill ");
	assert_non_null(at);
	n = atol(at + strlen("oom_kill "));
	free(text);
	return n;
}

struct reclaims {
	long n;
	long pages;
	double ns;
};

/* The kernel's own trace, in an instance of its own. NULL: it cannot be had. */
static char *trace_start(void)
{
	char *dir;

	if (asprintf(&dir, TRACING "/tallyman-live-%d", getpid()) < 0)
		abort();
	if (shell_try(NULL,
		      "mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs "
		      "/sys/kernel/tracing; mkdir %s && cd %s && echo mono >trace_clock && "
		      "echo 16384 >buffer_size_kb && "
		      "echo 1 >events/vmscan/mm_vmscan_memcg_reclaim_begin/enable && "
		      "echo 1 >events/vmscan/mm_vmscan_memcg_reclaim_end/enable",
		      dir, dir)) {
		print_message("skip: no trace events\n");
		free(dir);
		return NULL;
	}
	return dir;
}

/* Of the only process that runs into a limit meanwhile: "... [000] .... 12.345678: mm_...: ..." */
static struct reclaims trace_stop(char *dir)
{
	char *text = shell(NULL, "cat %s/trace && rmdir %s", dir, dir);
	struct reclaims r = { 0 };
	double begin = 0, now;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *name = strstr(line, ": mm_vmscan_memcg_reclaim_"), *pages;

		if (!name)
			continue;
		*name = '\0';
		now = atof(strrchr(line, ' ') + 1);
		pages = strstr(name + 1, "nr_reclaimed=");
		if (!pages) {
			begin = now;
			continue;
		}
		r.n++;
		r.pages += atol(pages + strlen("nr_reclaimed="));
		r.ns += (now - begin) * 1e9;
	}
	free(text);
	free(dir);
	return r;
}

/* Page cache: each time the limit is hit some of it is given back, by the reader itself. */
static bool stalls_are_self(void *arg)
{
	char *memory, *cgroup, *trace;
	struct reclaims truth;
	struct agent agent;
	json_t *facts;
	long long ns;

	(void)arg;
	trace = trace_start();
	if (!trace)
		skip();
	memory = limited("cache", "48M");
	cgroup = tenant_cgroup("acme");
	agent_record(&agent, tenant_config, "");
	free(shell(cgroup,
		   "echo 0 >%s/cgroup.procs; exec dd if=/dev/zero of=%s/file bs=256k count=1200 "
		   "status=none",
		   memory, workdir()));
	facts = agent_finish(&agent);
	truth = trace_stop(trace);
	ns = facts_one(facts, "limit_ns", "kind=memory tenant=acme");
	print_message("%ld stalls, %.1f ms by the trace, %.1f ms traced\n", truth.n, truth.ns / 1e6,
		      ns / 1e6);
	assert_true(truth.n > 10);
	assert_int_equal(facts_one(facts, "limit_stalls", "kind=memory tenant=acme"), truth.n);
	assert_int_equal(facts_one(facts, "pages", "kind=memory tenant=acme"), truth.pages);
	assert_int_equal(facts_one(facts, "node_stalls", "kind=memory tenant=acme"), 0);
	json_decref(facts);
	free(memory);
	free(cgroup);
	/* The trace's clock prints whole microseconds, twice a stall. */
	return fabs(ns - truth.ns) < truth.ns * 0.03 + 3000.0 * truth.n;
}

static void limit_is_self(void **state)
{
	(void)state;
	need_limits();
	truth_holds(stalls_are_self, NULL);
}

static void kills_are_counted(void **state)
{
	char *memory, *cgroup;
	struct agent agent;
	json_t *facts;

	(void)state;
	need_limits();
	memory = limited("anonymous", "32M");
	cgroup = tenant_cgroup("globex");
	agent_record(&agent, tenant_config, "");
	for (int i = 0; i < 3; i++)
		free(shell(cgroup,
			   "echo 0 >%s/cgroup.procs; "
			   "python3 -c 'x = bytearray(b\"1\") * (256 << 20)' && exit 1; exit 0",
			   memory));
	facts = agent_finish(&agent);
	assert_int_equal(oom_kills(memory), 3);
	assert_int_equal(facts_one(facts, "oom_kills", "kind=memory tenant=globex"), 3);
	assert_int_equal(facts_sum(facts, "oom_kills", "kind=memory"), 3);
	assert_true(facts_one(facts, "limit_ns", "kind=memory tenant=globex") > 0);
	json_decref(facts);
	free(memory);
	free(cgroup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limit_is_self),
		cmocka_unit_test(kills_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
