/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan for cgroups that exist: over plain folders, and over the kernel's own cgroups, where the
 * ids are compared with what `ls -id` and the kernel's file handles say.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/cgroup_hierarchy.h"
#include "user/container.h"

struct found {
	const char *want;
	uint64_t id;
	int times;
	int all;
	int depth; /* of the deepest */
};

static void note(void *ctx, uint64_t id, struct str path)
{
	struct found *f = ctx;
	int depth = 0;

	f->all++;
	assert_true(path.len >= 1);
	assert_int_equal(path.s[0], '/');
	for (size_t i = 0; i < path.len; i++)
		depth += path.s[i] == '/' && path.len > 1;
	if (depth > f->depth)
		f->depth = depth;
	if (!str_eq(path, str_of(f->want)))
		return;
	f->times++;
	f->id = id;
}

static void make_dir(const char *base, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", base, path);
	assert_int_equal(mkdir(full, 0700), 0);
}

static void folders_only(void **state)
{
	char dir[] = "/tmp/test_container_scan.XXXXXX", path[512];
	struct found f = { .want = "/a/b" };
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	make_dir(dir, "/a");
	make_dir(dir, "/a/b");
	make_dir(dir, "/c");
	snprintf(path, sizeof(path), "%s/a/link", dir);
	assert_int_equal(symlink(dir, path), 0);
	snprintf(path, sizeof(path), "%s/file", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));

	assert_int_equal(container_scan(dir, note, &f), 4);
	assert_int_equal(f.all, 4);
	assert_int_equal(f.times, 1);
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(f.id == st.st_ino);

	f = (struct found){ .want = "/" };
	assert_int_equal(container_scan(dir, note, &f), 4);
	assert_int_equal(f.times, 1);
	assert_int_equal(stat(dir, &st), 0);
	assert_true(f.id == st.st_ino);

	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

static void depth_is_bounded(void **state)
{
	char dir[] = "/tmp/test_container_scan.XXXXXX", path[4096];
	struct found f = { .want = "/no" };
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	len = snprintf(path, sizeof(path), "%s", dir);
	for (int i = 0; i < CONTAINER_SCAN_DEPTH + 20; i++) {
		len += snprintf(path + len, sizeof(path) - len, "/d");
		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_int_equal(container_scan(dir, note, &f), CONTAINER_SCAN_DEPTH + 1);
	assert_int_equal(f.depth, CONTAINER_SCAN_DEPTH);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	assert_int_equal(system(path), 0);
}

static void no_folder(void **state)
{
	struct found f = { .want = "/" };

	(void)state;
	assert_int_equal(container_scan("/nonexistent", note, &f), -ENOENT);
	assert_int_equal(container_scan("/proc/self/status", note, &f), -ENOTDIR);
	assert_int_equal(f.all, 0);
}

/* The id that the kernel itself gives: the whole of a kernfs file handle. */
static uint64_t handle_id(const char *path)
{
	struct {
		struct file_handle h;
		uint64_t id;
	} handle = { .h.handle_bytes = sizeof(uint64_t) };
	uint64_t id;
	int mount;

	assert_int_equal(name_to_handle_at(AT_FDCWD, path, &handle.h, &mount, 0), 0);
	assert_int_equal(handle.h.handle_bytes, sizeof(uint64_t));
	memcpy(&id, handle.h.f_handle, sizeof(id));
	return id;
}

static uint64_t ls_id(const char *path)
{
	char command[600];
	unsigned long long id = 0;
	FILE *f;

	snprintf(command, sizeof(command), "ls -id '%s'", path);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &id), 1);
	assert_int_equal(pclose(f), 0);
	return id;
}

/* A cgroup of our own in the unified hierarchy, and one below it. */
static void unified_cgroup_is_found_by_its_id(void **state)
{
	struct cgroup_hierarchy h;
	char error[256] = "", name[64], base[400], leaf[420];
	struct found f = { 0 };

	(void)state;
	if (geteuid() ||
	    cgroup_hierarchy_find(&h, "/proc/mounts", "/proc", "unified", error, sizeof(error))) {
		print_message("skipped: needs root and cgroup v2 (%s)\n", error);
		skip();
	}
	snprintf(name, sizeof(name), "/tallyman-test-%d", (int)getpid());
	snprintf(base, sizeof(base), "%s%s", h.mount, name);
	snprintf(leaf, sizeof(leaf), "%s/leaf", base);
	if (mkdir(base, 0755)) {
		print_message("skipped: cannot make %s: %s\n", base, strerror(errno));
		skip();
	}
	if (!mkdir(leaf, 0755)) {
		strcat(name, "/leaf");
		f.want = name;
		container_scan(h.mount, note, &f);
		f.all = handle_id(leaf) == f.id && ls_id(leaf) == f.id;
		rmdir(leaf);
	}
	rmdir(base);
	assert_int_equal(f.times, 1);
	assert_true(f.id > 1);
	assert_true(f.all);
}

/* Whatever hierarchy this node uses: its root's id is the kernel's too, on v1 as on v2. */
static void root_of_this_node(void **state)
{
	struct cgroup_hierarchy h;
	struct found f = { .want = "/" };
	char error[256];

	(void)state;
	if (cgroup_hierarchy_find(&h, "/proc/mounts", "/proc", NULL, error, sizeof(error))) {
		print_message("skipped: %s\n", error);
		skip();
	}
	assert_true(container_scan(h.mount, note, &f) >= 1);
	assert_int_equal(f.times, 1);
	assert_true(f.id == ls_id(h.mount));
	assert_true(f.id == handle_id(h.mount));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_only),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(no_folder),
		cmocka_unit_test(unified_cgroup_is_found_by_its_id),
		cmocka_unit_test(root_of_this_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
