/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/maps line by line. The name only says which files are worth a look; the file is opened through
 * /proc/PID/map_files, or, where the kernel does not let us, through the process' root directory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "user/tls_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_MAX 65536
#define LINE_MAX_BYTES 8192
#define LIBRARY "libssl"

struct mapping {
	unsigned long long start, end;
	char *path; /* inside of the line */
};

/* "START-END r-xp OFFSET MAJOR:MINOR INODE   PATH"; false: not a library's code. */
static bool line_parse(char *line, struct mapping *m)
{
	char mode[5];
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%llx-%llx %4s %*s %*s %*s %n", &m->start, &m->end, mode, &at) != 3 ||
	    !at || mode[2] != 'x' || line[at] != '/')
		return false;
	m->path = line + at;
	return !strncmp(strrchr(m->path, '/') + 1, LIBRARY, strlen(LIBRARY));
}

static int library_open(uint32_t pid, const struct mapping *m)
{
	char path[LINE_MAX_BYTES + 64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", pid, m->start, m->end);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%u/root%s", pid, m->path);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

int tls_maps_each(uint32_t pid, tls_maps_fn fn, void *ctx)
{
	char path[32], line[LINE_MAX_BYTES];
	struct mapping m;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	for (int i = 0; i < LINES_MAX && fgets(line, sizeof(line), f); i++) {
		fd = line_parse(line, &m) ? library_open(pid, &m) : -1;
		if (fd < 0)
			continue;
		fn(ctx, fd, m.path);
		close(fd);
	}
	fclose(f);
	return 0;
}
