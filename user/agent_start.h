/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the agent: its start and its end. */
#ifndef TALLYMAN_AGENT_START_H
#define TALLYMAN_AGENT_START_H

#include "user/agent_parts.h"

/* Makes everything there is to make, and says what that is. A negative errno was logged. */
int agent_start(struct agent *a);
/* Takes a half-started agent, too; the configuration goes with it. */
void agent_stop(struct agent *a);

/* Tells the pipeline of the cgroups that are there and it does not know. How many, or -errno. */
int agent_scan(struct agent *a);

/*
 * The number of the chosen hierarchy, as the first field of /proc/self/cgroup has it; `cgroup` is such a
 * file. 0 for the unified one. -ENOENT: no line names the controller.
 */
int agent_hierarchy_id(const char *cgroup, const char *controller);

#endif
