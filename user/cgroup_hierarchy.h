/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the node's mount table and its /proc, both by path. Out: the cgroup hierarchy whose groups are
 * the node's containers: on cgroup v2 there is one; on v1 and hybrid nodes it is the one that the
 * container runtimes put processes into. Runs once, at start; knows nothing of BPF but which v1
 * controllers a program can reach through a task.
 */
#ifndef TALLYMAN_CGROUP_HIERARCHY_H
#define TALLYMAN_CGROUP_HIERARCHY_H

#include <stddef.h>

enum cgroup_layout {
	CGROUP_V1,
	CGROUP_V2,
	CGROUP_HYBRID, /* v2 is mounted beside v1 controllers */
	CGROUP_LAYOUT_MAX
};

struct cgroup_hierarchy {
	enum cgroup_layout layout;
	char controller[32]; /* v1 controller that stands for the hierarchy; "": the unified one (v2) */
	char mount[256];     /* where it is mounted */
	char reason[128]; /* why this one: a clause for the log, such as "it is the only hierarchy" */
};

/*
 * mounts: a file like /proc/mounts; proc: a folder like /proc. choice: NULL, "" or "auto" to find
 * out, "unified", or a v1 controller's name (cpu, cpuacct, memory, pids, blkio, cpuset, devices,
 * freezer); what is chosen is not weighed against the processes.
 *
 * 0, or with one line of what is wrong in error[]: -ENOENT (no usable hierarchy, or the chosen one
 * is not mounted: the names that are follow), or the errno of the file that could not be read.
 */
int cgroup_hierarchy_find(struct cgroup_hierarchy *out, const char *mounts, const char *proc,
			  const char *choice, char *error, size_t error_size);

/* "v1", "v2" or "hybrid". */
const char *cgroup_layout_name(enum cgroup_layout layout);

#endif
