/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: where a cgroup hierarchy is mounted. Out: every cgroup's id and path, so that those made
 * before the tracer started are known. Walks with a stack of its own, relative to open folders: no
 * recursion, no path that could be exchanged on the way. The kernel tells folders from files in the
 * listing itself, which spares a stat of the some 50 files of each cgroup.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/container.h"

struct level {
	DIR *dir;
	size_t path_len; /* of the path to here */
};

struct scan {
	container_scan_fn fn;
	void *ctx;
	dev_t dev; /* another file system may be mounted on a cgroup's folder */
	int found;
	int depth; /* levels in use */
	struct level levels[CONTAINER_SCAN_DEPTH + 1];
	char path[PATH_MAX]; /* without a '/' at its end: "" is the root */
};

/* Reports the folder behind fd and puts it on the stack; owns fd. */
static int scan_enter(struct scan *s, int fd, size_t path_len)
{
	struct level *l = &s->levels[s->depth];
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || (s->depth && st.st_dev != s->dev)) {
		close(fd);
		return -EXDEV;
	}
	l->dir = fdopendir(fd);
	if (!l->dir) {
		int err = -errno;

		close(fd);
		return err;
	}
	l->path_len = path_len;
	s->dev = st.st_dev;
	s->depth++;
	s->found++;
	s->fn(s->ctx, st.st_ino, path_len ? (struct str){ s->path, path_len } : STR("/"));
	return 0;
}

static void scan_child(struct scan *s, const struct dirent *d)
{
	const struct level *l = &s->levels[s->depth - 1];
	size_t room = sizeof(s->path) - l->path_len;
	int n;

	if ((d->d_type != DT_DIR && d->d_type != DT_UNKNOWN) || !strcmp(d->d_name, ".") ||
	    !strcmp(d->d_name, "..") || s->depth > CONTAINER_SCAN_DEPTH)
		return;
	n = snprintf(s->path + l->path_len, room, "/%s", d->d_name);
	if (n < 0 || (size_t)n >= room)
		return;
	scan_enter(s,
		   openat(dirfd(l->dir), d->d_name,
			  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		   l->path_len + n);
}

int container_scan(const char *hierarchy_mount, container_scan_fn fn, void *ctx)
{
	struct scan s = { .fn = fn, .ctx = ctx };
	int err = scan_enter(&s, open(hierarchy_mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);

	if (err)
		return err;
	while (s.depth) {
		struct level *l = &s.levels[s.depth - 1];
		struct dirent *d = readdir(l->dir);

		if (d) {
			scan_child(&s, d);
			continue;
		}
		closedir(l->dir);
		s.depth--;
	}
	return s.found;
}
