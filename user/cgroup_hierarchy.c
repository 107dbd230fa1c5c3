/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a mount table and a /proc. Out: the hierarchy to use, and why. Two steps: the mounts give the
 * candidates, the processes' cgroups give the evidence between them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "user/cgroup_hierarchy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/cgroup_path.h"

#define UNIFIED "unified"
/* /proc/PID/cgroup: at most some 16 lines, each at most a path long. */
#define PROC_CGROUP_MAX 65536

/* Best first: what is chosen between hierarchies that the evidence does not tell apart. */
static const char *const preference[] = {
	"memory", "cpu", "pids", UNIFIED, "cpuacct", "blkio", "devices", "freezer", "cpuset",
};

#define CONTROLLERS (sizeof(preference) / sizeof(*preference))

/* Where one of preference[] is mounted, and who uses it. Co-mounted controllers have equal facts. */
struct candidate {
	char mount[sizeof(((struct cgroup_hierarchy *)0)->mount)]; /* "": not mounted */
	unsigned int in_container; /* processes in a runtime's container */
	unsigned int in_group;	   /* processes anywhere but in the root */
};

struct search {
	struct candidate candidates[CONTROLLERS];
	bool v1; /* a controller (any) is mounted the v1 way */
	bool v2;
	char *error;
	size_t error_size;
};

static const char *const layout_names[CGROUP_LAYOUT_MAX] = {
	[CGROUP_V1] = "v1",
	[CGROUP_V2] = "v2",
	[CGROUP_HYBRID] = "hybrid",
};

const char *cgroup_layout_name(enum cgroup_layout layout)
{
	return (unsigned int)layout < CGROUP_LAYOUT_MAX ? layout_names[layout] : "unknown";
}

/* Cuts the text before the next `sep` off *rest; false at the end. */
static bool next_field(struct str *rest, char sep, struct str *field)
{
	const char *at;

	if (!rest->s)
		return false;
	at = rest->len ? memchr(rest->s, sep, rest->len) : NULL;
	*field = *rest;
	if (at) {
		field->len = at - rest->s;
		*rest = (struct str){ at + 1, rest->len - field->len - 1 };
	} else {
		*rest = (struct str){ 0 };
	}
	return true;
}

static bool list_has(struct str list, const char *name)
{
	struct str item;

	while (next_field(&list, ',', &item))
		if (str_eq(item, str_of(name)))
			return true;
	return false;
}

static bool is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' &&
	       s[2] <= '7';
}

/* The mount table writes blanks, tabs, newlines and backslashes as \ooo. */
static int mount_unescape(struct str in, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		unsigned int c = (unsigned char)in.s[i];

		if (c == '\\' && in.len - i > 3 && is_octal(in.s + i + 1)) {
			c = (in.s[i + 1] - '0') << 6 | (in.s[i + 2] - '0') << 3 |
			    (in.s[i + 3] - '0');
			i += 3;
		}
		if (n + 1 >= size || !c)
			return -EINVAL;
		out[n++] = c;
	}
	out[n] = 0;
	return n ? 0 : -EINVAL;
}

/* The first mount of a hierarchy counts; later ones are bind mounts, often of a part of it. */
static void candidate_mount(struct candidate *c, struct str where)
{
	if (!c->mount[0] && mount_unescape(where, c->mount, sizeof(c->mount)))
		c->mount[0] = 0;
}

static void search_mount_v1(struct search *s, struct str where, struct str options)
{
	static const char *const unreachable[] = { "net_cls", "net_prio", "perf_event",
						   "hugetlb", "rdma",	  "misc" };

	for (size_t i = 0; i < CONTROLLERS; i++) {
		if (!strcmp(preference[i], UNIFIED) || !list_has(options, preference[i]))
			continue;
		s->v1 = true;
		candidate_mount(&s->candidates[i], where);
	}
	for (size_t i = 0; i < sizeof(unreachable) / sizeof(*unreachable); i++)
		s->v1 |= list_has(options, unreachable[i]);
}

static void search_mount_v2(struct search *s, struct str where)
{
	s->v2 = true;
	for (size_t i = 0; i < CONTROLLERS; i++)
		if (!strcmp(preference[i], UNIFIED))
			candidate_mount(&s->candidates[i], where);
}

static void search_mount(struct search *s, struct str line)
{
	struct str device, where, type, options;

	if (!next_field(&line, ' ', &device) || !next_field(&line, ' ', &where) ||
	    !next_field(&line, ' ', &type) || !next_field(&line, ' ', &options))
		return;
	if (str_eq(type, STR("cgroup")))
		search_mount_v1(s, where, options);
	else if (str_eq(type, STR("cgroup2")))
		search_mount_v2(s, where);
}

static int search_mounts(struct search *s, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int err = 0;

	if (!f) {
		err = -errno;
		goto out;
	}
	errno = 0;
	while ((len = getline(&line, &size, f)) > 0)
		search_mount(s, (struct str){ line, len - (line[len - 1] == '\n') });
	if (!feof(f))
		err = errno ? -errno : -EIO;
out:
	if (err)
		snprintf(s->error, s->error_size, "cannot read %s: %s", path, strerror(-err));
	if (f)
		fclose(f);
	free(line);
	return err;
}

/* One line of /proc/PID/cgroup: ID:CONTROLLERS:PATH, where 0:: is the unified hierarchy. */
static void search_line(struct search *s, struct str line)
{
	struct cgroup_path parsed;
	struct str id, controllers;
	bool container;

	if (!next_field(&line, ':', &id) || !next_field(&line, ':', &controllers) || !line.len ||
	    str_eq(line, STR("/")))
		return;
	if (!controllers.len && str_eq(id, STR("0")))
		controllers = STR(UNIFIED);
	else if (controllers.len >= 5 && !memcmp(controllers.s, "name=", 5))
		return;
	cgroup_path_parse(line, &parsed);
	container = cgroup_path_is_container(&parsed);
	for (size_t i = 0; i < CONTROLLERS; i++) {
		if (!list_has(controllers, preference[i]))
			continue;
		s->candidates[i].in_group++;
		s->candidates[i].in_container += container;
	}
}

/* A process that ends while it is read has no say. */
static void search_process(struct search *s, int proc_fd, const char *pid, char *buf)
{
	struct str text = { buf, 0 }, line;
	char path[32];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%.20s/cgroup", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (text.len < PROC_CGROUP_MAX &&
	       (n = read(fd, buf + text.len, PROC_CGROUP_MAX - text.len)) > 0)
		text.len += n;
	close(fd);
	while (n == 0 && next_field(&text, '\n', &line))
		search_line(s, line);
}

static int search_processes(struct search *s, const char *path)
{
	DIR *dir = opendir(path);
	char *buf = malloc(PROC_CGROUP_MAX);
	struct dirent *d;
	int err = 0;

	if (!dir || !buf) {
		err = dir ? -ENOMEM : -errno;
		snprintf(s->error, s->error_size, "cannot read %s: %s", path, strerror(-err));
		goto out;
	}
	while ((d = readdir(dir)))
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9')
			search_process(s, dirfd(dir), d->d_name, buf);
out:
	free(buf);
	if (dir)
		closedir(dir);
	return err;
}

/* Containers decide; the other groups only where containers do not. */
static bool candidate_beats(const struct candidate *a, const struct candidate *b)
{
	if (a->in_container != b->in_container)
		return a->in_container > b->in_container;
	return a->in_group > b->in_group;
}

/* Of equals the first in preference; CONTROLLERS if nothing is mounted. */
static size_t search_best(const struct search *s)
{
	size_t best = CONTROLLERS;

	for (size_t i = 0; i < CONTROLLERS; i++) {
		const struct candidate *c = &s->candidates[i];

		if (!c->mount[0])
			continue;
		if (best == CONTROLLERS || candidate_beats(c, &s->candidates[best]))
			best = i;
	}
	return best;
}

static void take_candidate(struct cgroup_hierarchy *out, const struct search *s, size_t i)
{
	bool unified = !strcmp(preference[i], UNIFIED);

	snprintf(out->controller, sizeof(out->controller), "%s", unified ? "" : preference[i]);
	snprintf(out->mount, sizeof(out->mount), "%s", s->candidates[i].mount);
}

/* ", a, b": every name that may be asked for here. */
static void available_names(const struct search *s, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < CONTROLLERS && n < size; i++)
		if (s->candidates[i].mount[0])
			n += snprintf(buf + n, size - n, ", %s", preference[i]);
}

static int choose_named(struct cgroup_hierarchy *out, const struct search *s, const char *choice)
{
	char names[128];

	for (size_t i = 0; i < CONTROLLERS; i++) {
		if (strcmp(preference[i], choice) || !s->candidates[i].mount[0])
			continue;
		take_candidate(out, s, i);
		snprintf(out->reason, sizeof(out->reason), "it was asked for by name");
		return 0;
	}
	available_names(s, names, sizeof(names));
	snprintf(s->error, s->error_size,
		 "cgroup hierarchy \"%.32s\" is not available on this node (available: auto%s)",
		 choice, names);
	return -ENOENT;
}

static int choose_by_evidence(struct cgroup_hierarchy *out, struct search *s, const char *proc)
{
	const struct candidate *c;
	size_t best;
	int err = search_processes(s, proc);

	if (err)
		return err;
	best = search_best(s);
	c = &s->candidates[best];
	take_candidate(out, s, best);
	if (c->in_container)
		snprintf(out->reason, sizeof(out->reason),
			 "processes in containers there: %u, in no other hierarchy more",
			 c->in_container);
	else if (c->in_group)
		snprintf(
			out->reason, sizeof(out->reason),
			"no container was found; processes in its groups: %u, in no other hierarchy more",
			c->in_group);
	else
		snprintf(
			out->reason, sizeof(out->reason),
			"no process is in a group of any hierarchy; it is the first in preference");
	return 0;
}

int cgroup_hierarchy_find(struct cgroup_hierarchy *out, const char *mounts, const char *proc,
			  const char *choice, char *error, size_t error_size)
{
	struct search s = { .error = error, .error_size = error_size };
	size_t best;
	int err = search_mounts(&s, mounts);

	*out = (struct cgroup_hierarchy){ 0 };
	if (err)
		return err;
	out->layout = !s.v2 ? CGROUP_V1 : s.v1 ? CGROUP_HYBRID : CGROUP_V2;
	best = search_best(&s);
	if (best == CONTROLLERS) {
		snprintf(error, error_size,
			 "no usable cgroup hierarchy in %s: mount cgroup2 on /sys/fs/cgroup",
			 mounts);
		return -ENOENT;
	}
	if (choice && *choice && strcmp(choice, "auto"))
		return choose_named(out, &s, choice);
	if (out->layout != CGROUP_V2)
		return choose_by_evidence(out, &s, proc);
	take_candidate(out, &s, best);
	snprintf(out->reason, sizeof(out->reason), "it is the only hierarchy");
	return 0;
}
