/* SPDX-License-Identifier: Apache-2.0 */
/* Cgroups of tests: made below one folder of the version 2 hierarchy, removed at the end. */
#ifndef TALLYMAN_LIVE_TENANT_H
#define TALLYMAN_LIVE_TENANT_H

/* Where the version 2 hierarchy is mounted. */
const char *cgroup_root(void);

/* A new cgroup "tenants.slice-NAME": its folder. The caller frees it. */
char *tenant_cgroup(const char *name);

/* A new cgroup of that very name below the same folder. */
char *plain_cgroup(const char *name);

/* Moves this process there: so all that it starts from now on, unless told otherwise. */
void tenant_enter(const char *name);

/* A tenant that no other test has, should one run at the same time. */
const char *tenant_own(void);

/*
 * The start of every test's configuration: names tenants after cgroups of tenant_cgroup(), then after
 * databases "live_NAME".
 */
extern const char tenant_config[];

#endif
