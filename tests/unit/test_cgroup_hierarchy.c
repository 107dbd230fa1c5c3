/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a hierarchy, on mount tables and /proc trees made for the purpose, and on this node. */
#include <errno.h>
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

#define A "3e74d3fd9db4c9dd921ae05c2502fb984d0cde1b36e581b13f79c639da4518a1"

#define V2 "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n"
#define HYBRID                                                       \
	"tmpfs /sys/fs/cgroup tmpfs ro,mode=755 0 0\n"               \
	"cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0\n" \
	"cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n"
#define V1                                                                 \
	"proc /proc proc rw 0 0\n"                                         \
	"cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n" \
	"cgroup /sys/fs/cgroup/perf_event cgroup rw,perf_event 0 0\n"      \
	"cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n"    \
	"cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n"                  \
	"cgroup /sys/fs/cgroup/memory cgroup rw,nosuid,memory 0 0\n"

struct fixture {
	char dir[64];
	char mounts[80];
	char proc[80];
	int pids;
	struct cgroup_hierarchy h;
	char error[256];
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/test_cgroup_hierarchy.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->mounts, sizeof(f->mounts), "%s/mounts", f->dir);
	snprintf(f->proc, sizeof(f->proc), "%s/proc", f->dir);
	*state = f;
	return mkdir(f->proc, 0700);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];

	for (int i = 1; i <= f->pids; i++) {
		snprintf(path, sizeof(path), "%s/%d/cgroup", f->proc, i);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%d", f->proc, i);
		rmdir(path);
	}
	rmdir(f->proc);
	unlink(f->mounts);
	rmdir(f->dir);
	free(f);
	return 0;
}

static void add_processes(struct fixture *f, int count, const char *cgroups)
{
	char path[128];

	while (count--) {
		f->pids++;
		snprintf(path, sizeof(path), "%s/%d", f->proc, f->pids);
		assert_int_equal(mkdir(path, 0700), 0);
		strcat(path, "/cgroup");
		write_file(path, cgroups);
	}
}

static int find(struct fixture *f, const char *mounts, const char *choice)
{
	write_file(f->mounts, mounts);
	f->error[0] = 0;
	return cgroup_hierarchy_find(&f->h, f->mounts, f->proc, choice, f->error, sizeof(f->error));
}

static void assert_found(struct fixture *f, enum cgroup_layout layout, const char *controller,
			 const char *mount)
{
	assert_string_equal(f->error, "");
	assert_int_equal(f->h.layout, layout);
	assert_string_equal(f->h.controller, controller);
	assert_string_equal(f->h.mount, mount);
}

static void v2_is_unified(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, V2, NULL), 0);
	assert_found(f, CGROUP_V2, "", "/sys/fs/cgroup");
	assert_string_equal(f->h.reason, "it is the only hierarchy");
}

/* Docker on an old machine mounts a named hierarchy for systemd inside of containers. */
static void named_hierarchy_beside_v2_is_still_v2(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 3, "1:name=systemd:/docker/" A "\n0::/\n");
	assert_int_equal(find(f,
			      V2 "cgroup /sys/fs/cgroup/systemd cgroup rw,none,name=systemd 0 0\n",
			      "auto"),
			 0);
	assert_found(f, CGROUP_V2, "", "/sys/fs/cgroup");
}

static void unreachable_v1_controller_leaves_unified(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 3, "1:net_cls:/docker/" A "\n0::/\n");
	assert_int_equal(find(f, V2 "net_cls /sys/fs/cgroup/net_cls cgroup rw,net_cls 0 0\n", NULL),
			 0);
	assert_found(f, CGROUP_HYBRID, "", "/sys/fs/cgroup");
}

static void v1_without_evidence_prefers_memory(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 3, "9:memory:/\n8:cpu,cpuacct:/\n3:pids:/\n1:name=systemd:/init.scope\n");
	assert_int_equal(find(f, V1, ""), 0);
	assert_found(f, CGROUP_V1, "memory", "/sys/fs/cgroup/memory");
	assert_string_equal(
		f->h.reason,
		"no process is in a group of any hierarchy; it is the first in preference");
}

static void preference_without_memory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
		find(f, HYBRID "c /c/pids cgroup rw,pids 0 0\nc /c/ca cgroup rw,cpuacct,cpu 0 0\n",
		     NULL),
		0);
	assert_found(f, CGROUP_HYBRID, "cpu", "/c/ca");
	assert_int_equal(
		find(f, HYBRID "c /c/pids cgroup rw,pids 0 0\nc /c/b cgroup rw,blkio 0 0\n", NULL),
		0);
	assert_found(f, CGROUP_HYBRID, "pids", "/c/pids");
	assert_int_equal(find(f, HYBRID "c /c/b cgroup rw,blkio 0 0\n", NULL), 0);
	assert_found(f, CGROUP_HYBRID, "", "/sys/fs/cgroup/unified");
}

/* 40 services in the unified hierarchy do not outweigh the one container in pids. */
static void containers_outweigh_units(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 40,
		      "9:memory:/\n3:pids:/\n1:name=systemd:/s\n0::/system.slice/a.service\n");
	add_processes(f, 1, "9:memory:/\n3:pids:/docker/" A "\n1:name=systemd:/s\n0::/\n");
	assert_int_equal(find(f, V1 HYBRID, NULL), 0);
	assert_found(f, CGROUP_HYBRID, "pids", "/sys/fs/cgroup/pids");
	assert_string_equal(f->h.reason,
			    "processes in containers there: 1, in no other hierarchy more");
}

static void units_decide_without_containers(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 2, "9:memory:/\n1:name=systemd:/s\n0::/system.slice/a.service\n");
	add_processes(f, 1, "9:memory:/plain\n1:name=systemd:/s\n0::/\n");
	assert_int_equal(find(f, V1 HYBRID, NULL), 0);
	assert_found(f, CGROUP_HYBRID, "", "/sys/fs/cgroup/unified");
	assert_string_equal(f->h.reason, "no container was found; processes in its groups: 2, in "
					 "no other hierarchy more");
}

static void ties_go_to_memory(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 5,
		      "9:memory:/docker/" A "\n8:cpu,cpuacct:/docker/" A "\n3:pids:/docker/" A
		      "\n1:name=systemd:/docker/" A "\n0::/docker/" A "\n");
	assert_int_equal(find(f, HYBRID V1, NULL), 0);
	assert_found(f, CGROUP_HYBRID, "memory", "/sys/fs/cgroup/memory");
}

static void co_mounted_controllers_count_for_both(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 2, "9:memory:/\n8:cpu,cpuacct:/docker/" A "\n");
	assert_int_equal(find(f, V1, NULL), 0);
	assert_found(f, CGROUP_V1, "cpu", "/sys/fs/cgroup/cpu,cpuacct");
	assert_int_equal(find(f, V1, "cpuacct"), 0);
	assert_found(f, CGROUP_V1, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct");
}

static void named_and_unknown_controllers_never_win(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 9,
		      "7:perf_event:/docker/" A "\n1:name=systemd:/docker/" A
		      "\n2:name=memory:/docker/" A "\n9:memory:/\n3:pids:/\n");
	assert_int_equal(find(f, V1, NULL), 0);
	assert_found(f, CGROUP_V1, "memory", "/sys/fs/cgroup/memory");
}

static void operator_overrides_evidence(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 5, "9:memory:/docker/" A "\n3:pids:/\n0::/\n");
	assert_int_equal(find(f, HYBRID V1, "unified"), 0);
	assert_found(f, CGROUP_HYBRID, "", "/sys/fs/cgroup/unified");
	assert_string_equal(f->h.reason, "it was asked for by name");
	assert_int_equal(find(f, HYBRID V1, "pids"), 0);
	assert_found(f, CGROUP_HYBRID, "pids", "/sys/fs/cgroup/pids");
}

static void unavailable_choice_names_the_others(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, V1, "unified"), -ENOENT);
	assert_string_equal(f->error, "cgroup hierarchy \"unified\" is not available on this node "
				      "(available: auto, memory, cpu, pids, cpuacct)");
	assert_int_equal(find(f, V2, "memory"), -ENOENT);
	assert_string_equal(f->error, "cgroup hierarchy \"memory\" is not available on this node "
				      "(available: auto, unified)");
	assert_int_equal(find(f, V1, "perf_event"), -ENOENT);
	assert_int_equal(find(f, V1, "name=systemd"), -ENOENT);
}

static void nothing_mounted(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(find(f, "proc /proc proc rw 0 0\n", NULL), -ENOENT);
	assert_non_null(strstr(f->error, "no usable cgroup hierarchy in "));
	assert_int_equal(find(f, "c /s cgroup rw,name=systemd 0 0\n", "auto"), -ENOENT);
}

static void unreadable_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cgroup_hierarchy_find(&f->h, "/nonexistent/mounts", f->proc, NULL,
					       f->error, sizeof(f->error)),
			 -ENOENT);
	assert_string_equal(f->error, "cannot read /nonexistent/mounts: No such file or directory");
	assert_int_equal(cgroup_hierarchy_find(&f->h, f->dir, f->proc, NULL, f->error,
					       sizeof(f->error)),
			 -EISDIR);
	write_file(f->mounts, V1);
	assert_int_equal(cgroup_hierarchy_find(&f->h, f->mounts, "/nonexistent/proc", NULL,
					       f->error, sizeof(f->error)),
			 -ENOENT);
	assert_string_equal(f->error, "cannot read /nonexistent/proc: No such file or directory");
}

static void odd_mount_tables(void **state)
{
	struct fixture *f = *state;
	char line[600];

	/* the first mount counts, escapes are undone, cut lines and bad escapes are left out */
	assert_int_equal(find(f,
			      "c2 /my\\040cgroups\\134x cgroup2 rw 0 0\nc2 /other cgroup2 rw 0 0\n",
			      NULL),
			 0);
	assert_found(f, CGROUP_V2, "", "/my cgroups\\x");
	assert_int_equal(find(f, "c2 /a\\999b cgroup2 rw 0 0", NULL), 0);
	assert_found(f, CGROUP_V2, "", "/a\\999b");
	assert_int_equal(find(f, "cgroup2\nc2 /a\nc2 /a cgroup2\n\n   \n", NULL), -ENOENT);
	/* a mount point longer than its field is not cut, but not used */
	snprintf(line, sizeof(line), "c2 /%0300d cgroup2 rw 0 0\n", 0);
	assert_int_equal(find(f, line, NULL), -ENOENT);
	snprintf(line, sizeof(line), "c2 /%0254d cgroup2 rw 0 0\n", 0);
	assert_int_equal(find(f, line, NULL), 0);
	assert_int_equal(strlen(f->h.mount), 255);
}

static void odd_process_files(void **state)
{
	struct fixture *f = *state;

	add_processes(f, 1, "");
	add_processes(f, 1, "\n\n:::\n9:memory\nmemory:/docker/" A "\n9:memory:");
	add_processes(f, 1, "3:pids:/x:y:z");
	assert_int_equal(find(f, V1, NULL), 0);
	assert_found(f, CGROUP_V1, "pids", "/sys/fs/cgroup/pids");
}

static void layout_names(void **state)
{
	(void)state;
	assert_string_equal(cgroup_layout_name(CGROUP_V1), "v1");
	assert_string_equal(cgroup_layout_name(CGROUP_V2), "v2");
	assert_string_equal(cgroup_layout_name(CGROUP_HYBRID), "hybrid");
}

/* This node: what is found must be a mounted cgroup file system. */
static void this_node(void **state)
{
	struct fixture *f = *state;
	struct stat root;
	int err = cgroup_hierarchy_find(&f->h, "/proc/mounts", "/proc", "auto", f->error,
					sizeof(f->error));

	if (err == -ENOENT) {
		print_message("skipped: %s\n", f->error);
		skip();
	}
	assert_int_equal(err, 0);
	assert_int_equal(stat(f->h.mount, &root), 0);
	assert_true(S_ISDIR(root.st_mode));
	print_message("%s, %s at %s: %s\n", cgroup_layout_name(f->h.layout),
		      f->h.controller[0] ? f->h.controller : "unified", f->h.mount, f->h.reason);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(v2_is_unified),
		TEST(named_hierarchy_beside_v2_is_still_v2),
		TEST(unreachable_v1_controller_leaves_unified),
		TEST(v1_without_evidence_prefers_memory),
		TEST(preference_without_memory),
		TEST(containers_outweigh_units),
		TEST(units_decide_without_containers),
		TEST(ties_go_to_memory),
		TEST(co_mounted_controllers_count_for_both),
		TEST(named_and_unknown_controllers_never_win),
		TEST(operator_overrides_evidence),
		TEST(unavailable_choice_names_the_others),
		TEST(nothing_mounted),
		TEST(unreadable_files),
		TEST(odd_mount_tables),
		TEST(odd_process_files),
		TEST(layout_names),
		TEST(this_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
