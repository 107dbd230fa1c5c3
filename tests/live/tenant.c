/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups of tests. In: a name. Out: its folder. Knows nothing of what runs in it. */
#define _GNU_SOURCE
#include "tests/live/tenant.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/teardown.h"

const char tenant_config[] = "cgroup_hierarchy: unified\n"
			     "tenants:\n"
			     "  - match: {cgroup: \"tenants.slice-{name}\"}\n"
			     "    name: \"{name}\"\n"
			     "  - match: {database: \"live_{name}\"}\n"
			     "    name: \"{name}\"\n";

const char *cgroup_root(void)
{
	return access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) ? "/sys/fs/cgroup"
								   : "/sys/fs/cgroup/unified";
}

char *plain_cgroup(const char *name)
{
	static char top[128];
	char *path;

	if (!top[0]) {
		snprintf(top, sizeof(top), "%s/tallyman-live-%d", cgroup_root(), getpid());
		if (mkdir(top, 0755))
			fail_msg("%s: %s", top, strerror(errno));
		teardown_cgroup(top);
	}
	if (asprintf(&path, "%s/%s", top, name) < 0)
		abort();
	if (mkdir(path, 0755) && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
	teardown_cgroup(path);
	return path;
}

char *tenant_cgroup(const char *name)
{
	char leaf[64];

	snprintf(leaf, sizeof(leaf), "tenants.slice-%s", name);
	return plain_cgroup(leaf);
}

void tenant_enter(const char *name)
{
	char *cgroup = tenant_cgroup(name), procs[256];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
	file_write(procs, "0");
	free(cgroup);
}

const char *tenant_own(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "own%d", getpid());
	return name;
}
