/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into a client or a server by LD_PRELOAD. In: its reads and writes. Out: a file of struct call,
 * mapped, so that nothing is lost however the process ends. Where a read would wait, it waits in poll()
 * instead, outside of the two clock readings: they are then as tight around the data as can be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/live/calls.h"

static struct call *calls;
static uint32_t ncalls;
static bool opened;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* A child writes its own file: its calls would look like its parent's. */
static void forked(void)
{
	if (calls)
		munmap(calls, CALLS_MAX * sizeof(*calls));
	calls = NULL;
	ncalls = 0;
	opened = false;
}

__attribute__((constructor)) static void arm(void)
{
	pthread_atfork(NULL, NULL, forked);
}

static void file_open(void)
{
	const char *prefix = getenv(CALLS_ENV);
	size_t size = CALLS_MAX * sizeof(*calls);
	char path[256];
	int fd;

	opened = true;
	if (!prefix)
		return;
	snprintf(path, sizeof(path), "%s.%d", prefix, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, size))
		return;
	calls = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (calls == MAP_FAILED)
		calls = NULL;
	syscall(SYS_close, fd);
}

static void note(uint64_t begin_ns, int fd, ssize_t bytes)
{
	uint64_t end_ns = now_ns();
	int err = errno;
	uint32_t i;

	if (!opened)
		file_open();
	if (calls) {
		i = __atomic_fetch_add(&ncalls, 1, __ATOMIC_RELAXED);
		if (i < CALLS_MAX)
			calls[i] = (struct call){ begin_ns, end_ns, fd, bytes };
	}
	errno = err;
}

static bool would_wait(int fd, int flags)
{
	return errno == EAGAIN && !(flags & MSG_DONTWAIT) && !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t begin_ns = now_ns();
		ssize_t got =
			syscall(SYS_recvfrom, fd, buf, size, flags | MSG_DONTWAIT, NULL, NULL);

		if (got > 0)
			note(begin_ns, fd, -got);
		if (got >= 0 || !would_wait(fd, flags))
			return got;
		if (poll(&readable, 1, -1) < 0)
			return -1;
	}
}

ssize_t read(int fd, void *buf, size_t size)
{
	uint64_t begin_ns = now_ns();
	ssize_t got = syscall(SYS_read, fd, buf, size);

	if (got > 0)
		note(begin_ns, fd, -got);
	return got;
}

ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	uint64_t begin_ns = now_ns();
	ssize_t sent = syscall(SYS_sendto, fd, buf, size, flags, NULL, 0);

	if (sent > 0)
		note(begin_ns, fd, sent);
	return sent;
}

ssize_t write(int fd, const void *buf, size_t size)
{
	uint64_t begin_ns = now_ns();
	ssize_t sent = syscall(SYS_write, fd, buf, size);

	if (sent > 0)
		note(begin_ns, fd, sent);
	return sent;
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	uint64_t begin_ns = now_ns();
	ssize_t sent = syscall(SYS_writev, fd, parts, n);

	if (sent > 0)
		note(begin_ns, fd, sent);
	return sent;
}

/* The next connection or file of that number is another. */
int close(int fd)
{
	uint64_t begin_ns = now_ns();
	int err = syscall(SYS_close, fd);

	if (!err)
		note(begin_ns, fd, 0);
	return err;
}
