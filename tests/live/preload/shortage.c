/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into the tracer by LD_PRELOAD. In: a mapped struct shortage. Out: the C library's own allocations, or none.
 * Knows not who asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/live/shortage.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static struct shortage *plan;

__attribute__((constructor)) static void arm(void)
{
	const char *path = getenv(SHORTAGE_ENV);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	if (fd >= 0) {
		p = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (p == MAP_FAILED)
		abort(); /* or the test would find that all goes well */
	plan = p;
}

static bool refused(void)
{
	uint64_t call, from;

	if (!plan)
		return false;
	call = __atomic_add_fetch(&plan->calls, 1, __ATOMIC_RELAXED);
	from = __atomic_load_n(&plan->from, __ATOMIC_RELAXED);
	if (!from || call < from || call >= __atomic_load_n(&plan->until, __ATOMIC_RELAXED))
		return false;
	__atomic_add_fetch(&plan->refused, 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return refused() ? NULL : __libc_realloc(p, size);
}
