/* SPDX-License-Identifier: Apache-2.0 */
/* In: the names of namespaces and cgroups. Out: what a loop's, or a receiver's, own clock says. */
#define _GNU_SOURCE
#include "tests/live/packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/teardown.h"

#define PORT 9999
#define GAP_NS 500 /* the clock is read in a tenth of that */
#define BATCH 64
#define DATAGRAM 1000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* These are for children: they end it. */
static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(1);
}

static void enter_group(const char *path)
{
	char procs[256];
	int fd;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	fd = open(procs, O_WRONLY);
	must(fd >= 0 && write(fd, "0", 1) == 1, procs);
	close(fd);
}

static void enter_netns(const char *name, char end)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s-%c", name, end);
	fd = open(path, O_RDONLY);
	must(fd >= 0 && !setns(fd, CLONE_NEWNET), path);
	close(fd);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

static pid_t child_of(const char *cgroup)
{
	pid_t pid = fork();

	if (pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (pid) {
		teardown_pid(pid, SIGKILL);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter_group(cgroup);
	return 0;
}

static void child_result(pid_t pid, int fd, void *result, size_t len)
{
	ssize_t n = read(fd, result, len);
	int status;

	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	teardown_forget(pid);
	assert_int_equal(status, 0);
	assert_int_equal(n, len);
}

/* What a task has run for, and waited for a CPU, since it began. */
static void schedstat_read(const char *pid, uint64_t *run_ns, uint64_t *queued_ns)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/schedstat", pid);
	f = fopen(path, "r");
	must(f && fscanf(f, "%lu %lu", run_ns, queued_ns) == 2, path);
	fclose(f);
}

/* The first CPU's. */
static uint64_t ksoftirqd_ns(void)
{
	uint64_t run_ns, queued_ns;
	char pid[16];
	FILE *f = popen("pgrep -x ksoftirqd/0", "r");

	must(f && fscanf(f, "%15s", pid) == 1, "ksoftirqd/0");
	pclose(f);
	schedstat_read(pid, &run_ns, &queued_ns);
	return run_ns;
}

/* The first CPU's. */
static uint64_t steal_ns(void)
{
	FILE *f = fopen("/proc/stat", "r");
	uint64_t ticks;

	must(f && fscanf(f, "cpu %*[^\n] cpu0 %*u %*u %*u %*u %*u %*u %*u %lu", &ticks) == 1,
	     "/proc/stat");
	fclose(f);
	return ticks * (1000000000ull / sysconf(_SC_CLK_TCK));
}

static struct stolen stolen_loop(long ms)
{
	uint64_t start = now_ns(), end = start + ms * 1000000ull, last = start, now;
	struct stolen s = { 0 };

	while ((now = now_ns()) < end) {
		if (now - last > GAP_NS)
			s.gap_ns += now - last;
		last = now;
	}
	s.wall_ns = now - start;
	return s;
}

struct stolen stolen_measure(const char *cgroup, const char *cpu_group, long ms)
{
	uint64_t run_ns, queued_ns, ignored_ns, stolen_ns;
	struct stolen s;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = child_of(cgroup);
	if (!pid) {
		pin(0);
		enter_group(cpu_group);
		run_ns = ksoftirqd_ns();
		stolen_ns = steal_ns();
		schedstat_read("self", &ignored_ns, &queued_ns);
		s = stolen_loop(ms);
		schedstat_read("self", &ignored_ns, &s.queued_ns);
		s.queued_ns -= queued_ns;
		s.ksoftirqd_ns = ksoftirqd_ns() - run_ns;
		s.steal_ns = steal_ns() - stolen_ns;
		_exit(write(fds[1], &s, sizeof(s)) != sizeof(s));
	}
	close(fds[1]);
	child_result(pid, fds[0], &s, sizeof(s));
	return s;
}

/* Bound in NAME-b; the process is in NAME-a afterwards. */
static int receiver(const char *name)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd;

	enter_netns(name, 'b');
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	must(fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof(a)), "bind");
	enter_netns(name, 'a');
	return fd;
}

static int sender(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_aton("10.215.1.2", &a.sin_addr);
	must(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)), "connect");
	return fd;
}

pid_t flood_start(const char *cgroup, const char *name)
{
	char bytes[64] = { 0 };
	struct iovec io = { bytes, sizeof(bytes) };
	struct mmsghdr batch[BATCH] = { 0 };
	pid_t pid = child_of(cgroup);
	int fd;

	if (pid)
		return pid;
	pin(1);
	receiver(name);
	fd = sender();
	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){ .msg_iov = &io, .msg_iovlen = 1 };
	for (;;)
		sendmmsg(fd, batch, BATCH, 0);
}

static void burst_receive(int fd, struct burst *b)
{
	const struct timeval patience = { .tv_sec = 2 };
	char bytes[DATAGRAM];

	must(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "SO_RCVTIMEO");
	while (b->received < b->sent && recv(fd, bytes, sizeof(bytes), 0) == DATAGRAM) {
		uint64_t sent_ns;

		memcpy(&sent_ns, bytes, sizeof(sent_ns));
		b->late_ns += now_ns() - sent_ns;
		b->received++;
	}
}

struct burst burst_run(const char *cgroup, const char *name, int n)
{
	const int room = 8 << 20;
	struct burst b = { 0 };
	int fds[2], in, out;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = child_of(cgroup);
	if (!pid) {
		char bytes[DATAGRAM] = { 0 };

		in = receiver(name);
		out = sender();
		must(!setsockopt(out, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) &&
			     !setsockopt(in, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)),
		     "buffers");
		for (int i = 0; i < n; i++) {
			uint64_t sent_ns = now_ns();

			memcpy(bytes, &sent_ns, sizeof(sent_ns));
			b.sent += send(out, bytes, sizeof(bytes), 0) == DATAGRAM;
		}
		burst_receive(in, &b);
		_exit(write(fds[1], &b, sizeof(b)) != sizeof(b));
	}
	close(fds[1]);
	child_result(pid, fds[0], &b, sizeof(b));
	return b;
}
