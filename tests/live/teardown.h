/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test made on the machine and must not leave there: processes, cgroups, its folder. All of
 * it is undone at exit, also when a test failed or the program was told to end.
 */
#ifndef TALLYMAN_LIVE_TEARDOWN_H
#define TALLYMAN_LIVE_TEARDOWN_H

#include <sys/types.h>

/* This program's own folder below /tmp, made at the first call; anyone may enter and list it. */
const char *workdir(void);

/* At the end the process gets `sig`, and SIGKILL if it is still there 5 s later. */
void teardown_pid(pid_t pid, int sig);
void teardown_forget(pid_t pid);

/* Removed at the end, last one first. */
void teardown_cgroup(const char *path);

#endif
