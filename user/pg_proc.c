/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short reads below /proc/PID. In: a process id. Out: a few facts. Names of processes are the tenants'
 * choice: nothing is looked for but behind the last ")" of stat.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "user/pg_proc.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROC_FILE_MAX 4096
#define STAT_START_FIELD 22 /* of proc(5); the third is the first behind the name */

static int fd_read(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, buf + len, cap - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < cap - 1) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	buf[len] = '\0';
	return (int)len;
}

static int proc_open(uint32_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

static int proc_file(uint32_t pid, const char *name, char *buf, size_t cap)
{
	int fd = proc_open(pid, name), n;

	if (fd < 0)
		return fd;
	n = fd_read(fd, buf, cap);
	close(fd);
	return n;
}

static int stat_parse(struct pg_proc *p, char *text)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	char *rest, *save, *field;
	int n = 3;

	if (!open || !close || close < open)
		return -EBADMSG;
	*close = '\0';
	snprintf(p->comm, sizeof(p->comm), "%.15s", open + 1);
	rest = close + 1;
	for (field = strtok_r(rest, " ", &save); field && n < STAT_START_FIELD;
	     field = strtok_r(NULL, " ", &save), n++)
		if (n == 4)
			p->parent = (uint32_t)strtoul(field, NULL, 10);
	if (!field)
		return -EBADMSG;
	p->start_ticks = strtoull(field, NULL, 10);
	return 0;
}

static uint32_t inner_pid(const char *status, uint32_t pid)
{
	const char *line = strstr(status, "\nNSpid:");

	if (!line)
		return pid;
	line += strlen("\nNSpid:");
	while (*line == '\t' || *line == ' ') {
		char *end;
		unsigned long n = strtoul(line, &end, 10);

		if (end == line)
			break;
		pid = (uint32_t)n;
		line = end;
	}
	return pid;
}

int pg_proc_read(struct pg_proc *out, uint32_t pid)
{
	char text[PROC_FILE_MAX];
	int err = proc_file(pid, "stat", text, sizeof(text));

	*out = (struct pg_proc){ .pid = pid };
	if (err < 0)
		return err;
	err = stat_parse(out, text);
	if (err)
		return err;
	err = proc_file(pid, "status", text, sizeof(text));
	if (err < 0)
		return err;
	out->inner_pid = inner_pid(text, pid);
	return 0;
}

int pg_proc_cwd_file(uint32_t pid, const char *name, char *buf, size_t cap)
{
	char path[64];
	struct stat st;
	int dir, fd, n;

	snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	n = fd < 0 ? -errno : 0;
	close(dir);
	if (fd < 0)
		return n;
	n = fstat(fd, &st) ? -errno : !S_ISREG(st.st_mode) ? -EBADMSG : fd_read(fd, buf, cap);
	close(fd);
	return n;
}

int pg_proc_exe(uint32_t pid)
{
	return proc_open(pid, "exe");
}

int pg_proc_entry(uint32_t pid, uint64_t *entry)
{
	Elf64_auxv_t auxv[64];
	int fd = proc_open(pid, "auxv");
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, auxv, sizeof(auxv));
	close(fd);
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(auxv[0]); i++)
		if (auxv[i].a_type == AT_ENTRY) {
			*entry = auxv[i].a_un.a_val;
			return 0;
		}
	return -EBADMSG;
}

void pg_proc_each(pg_proc_fn fn, void *ctx)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    fn(ctx, (uint32_t)strtoul(e->d_name, NULL, 10)))
			break;
	if (dir)
		closedir(dir);
}
