/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that want a CPU. In: a name. Out: run_delay by /proc/PID/schedstat, and the session's own records. */
#define _GNU_SOURCE
#include "tests/live/loops.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/server.h"
#include "tests/live/teardown.h"
#include "tests/live/tenant.h"

#define CPU 2 /* counted from 1 */
#define CPU_CONTROLLER "/sys/fs/cgroup/cpu"

static void take(void *ctx, const void *rec, size_t len)
{
	const struct rec_wait *r = rec;
	struct tally *l = ctx;

	(void)len;
	if (!l || r->hdr.kind != REC_WAIT)
		return;
	assert_true(l->npairs < LOOP_PAIRS_MAX);
	l->pairs[l->npairs++] = *r;
}

void tally_start(struct tally *l)
{
	const struct session_config cfg = {
		.ring_bytes = 1 << 20, .postgresql_port = 5432, .redis_port = 6379, .controller = ""
	};
	char err[256];

	l->npairs = 0;
	if (session_start(&l->session, &cfg, err, sizeof(err)))
		fail_msg("%s", err);
}

void tally_mark(struct tally *l)
{
	session_poll(l->session, take, NULL);
	assert_int_equal(session_drain(l->session, take, NULL), 0);
	l->npairs = 0;
}

void tally_read(struct tally *l)
{
	session_poll(l->session, take, NULL);
	assert_int_equal(session_drain(l->session, take, l), 0);
}

double charged(const struct tally *l, uint64_t waiter, enum wait_cause cause, uint64_t occupant)
{
	double sum = 0;

	for (int i = 0; i < l->npairs; i++) {
		const struct rec_wait *r = &l->pairs[i];

		if (r->waiter.cgroup == waiter && r->resource == RESOURCE_CPU &&
		    (cause == WAIT_CAUSE_MAX || r->cause == cause) &&
		    (!occupant || r->occupant.cgroup == occupant))
			sum += r->wait_ns;
	}
	return sum;
}

void need_cpu_group(void)
{
	need_live();
	if (access(CPU_CONTROLLER "/cpu.shares", F_OK)) {
		print_message("needs the version 1 cpu controller\n");
		skip();
	}
}

const char *cpu_group(int quota_us)
{
	static char paths[2][128];
	char *path = paths[quota_us != 0];

	if (path[0])
		return path;
	snprintf(path, sizeof(paths[0]), CPU_CONTROLLER "/tallyman-live-%d-%d", quota_us, getpid());
	if (mkdir(path, 0755))
		fail_msg("%s: %s", path, strerror(errno));
	teardown_cgroup(path);
	free(shell(NULL, "echo 262144 >%s/cpu.shares", path));
	if (quota_us)
		free(shell(NULL, "echo %d >%s/cpu.cfs_quota_us", quota_us, path));
	return path;
}

void loop_start(struct loop *p, const char *name, int nice)
{
	const char *argv[] = { "bash", "-c", "while :; do :; done", NULL };
	struct stat st;

	p->cgroup = tenant_cgroup(name);
	assert_int_equal(stat(p->cgroup, &st), 0);
	p->id = st.st_ino;
	p->pid = child_start(&(struct child_spec){
		.argv = argv, .cgroup = p->cgroup, .cpu = CPU, .stop_signal = SIGKILL });
	assert_int_equal(setpriority(PRIO_PROCESS, p->pid, nice), 0);
	free(shell(NULL, "echo %d >%s/cgroup.procs", p->pid, cpu_group(0)));
}

static void loop_stop(struct loop *p)
{
	child_stop(p->pid, SIGKILL, 5);
	free(p->cgroup);
}

void schedstat(pid_t pid, double *on_cpu_ns, double *run_delay_ns)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	text = file_read(path);
	if (sscanf(text, "%lf %lf", on_cpu_ns, run_delay_ns) != 2)
		fail_msg("cannot read %s", path);
	free(text);
}

static void loop_mark(struct loop *p)
{
	p->on_cpu_ns = p->now_on_cpu_ns;
	p->run_delay_ns = p->now_run_delay_ns;
}

static double throttled_ns(const char *group)
{
	char *text = shell(NULL, "sed -n 's/throttled_time //p' %s/cpu.stat", group);
	double ns = atof(text);

	free(text);
	return ns;
}

/* What it did since loop_mark(). */
static void loop_read(struct loop *p)
{
	p->on_cpu_ns = p->now_on_cpu_ns - p->on_cpu_ns;
	p->run_delay_ns = p->now_run_delay_ns - p->run_delay_ns;
}

static double delays(struct loop *loops, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++) {
		schedstat(loops[i].pid, &loops[i].now_on_cpu_ns, &loops[i].now_run_delay_ns);
		sum += loops[i].now_run_delay_ns;
	}
	return sum;
}

/* Reads the ledger at a time when no loop gets its turn, so that it and schedstat tell the same. */
static void read_between_turns(struct tally *l, struct loop *loops, int n,
			       void (*read)(struct tally *))
{
	for (int i = 0; i < 200; i++) {
		double before = delays(loops, n);

		read(l);
		if (delays(loops, n) == before)
			return;
	}
	fail_msg("the loops never stopped taking turns");
}

double measure(struct tally *l, struct loop *loops, int n, long ms, const char *group)
{
	double throttled = 0;

	nap_ms(300);
	read_between_turns(l, loops, n, tally_mark);
	for (int i = 0; i < n; i++)
		loop_mark(&loops[i]);
	if (group)
		throttled = throttled_ns(group);
	nap_ms(ms);
	read_between_turns(l, loops, n, tally_read);
	if (group)
		throttled = throttled_ns(group) - throttled;
	for (int i = 0; i < n; i++)
		loop_read(&loops[i]);
	for (int i = 0; i < n; i++)
		print_message(
			"loop %d: on CPU %.1f ms, run_delay %.1f ms, charged %.1f ms: neighbour "
			"%.1f self %.1f idle %.1f kernel %.1f quota %.1f unknown %.1f\n",
			i, loops[i].on_cpu_ns / 1e6, loops[i].run_delay_ns / 1e6,
			charged(l, loops[i].id, WAIT_CAUSE_MAX, 0) / 1e6,
			charged(l, loops[i].id, WAIT_NEIGHBOUR, 0) / 1e6,
			charged(l, loops[i].id, WAIT_SELF, 0) / 1e6,
			charged(l, loops[i].id, WAIT_IDLE, 0) / 1e6,
			charged(l, loops[i].id, WAIT_KERNEL, 0) / 1e6,
			charged(l, loops[i].id, WAIT_QUOTA, 0) / 1e6,
			charged(l, loops[i].id, WAIT_UNKNOWN, 0) / 1e6);
	return throttled;
}

void tally_end(struct tally *l, struct loop *loops, int n)
{
	session_free(l->session);
	for (int i = 0; i < n; i++)
		loop_stop(&loops[i]);
}
