/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent itself costs. In: the kernel's account of this process. Out: CPU time and memory.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/export_info.h"

static uint64_t ns_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_usec * 1000;
}

int export_self_read(struct export_self *self)
{
	unsigned long long pages = 0;
	struct rusage ru;
	int err = 0;
	FILE *f;

	if (getrusage(RUSAGE_SELF, &ru))
		return -errno;
	f = fopen("/proc/self/statm", "re");
	if (!f)
		return -errno;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		err = -EBADMSG;
	fclose(f);
	self->cpu_ns = ns_of(ru.ru_utime) + ns_of(ru.ru_stime);
	self->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return err;
}
