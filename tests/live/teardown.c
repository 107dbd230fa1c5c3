/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Undoing what tests made. In: pids, cgroups. Out: nothing is left. Knows not what they are. Works
 * from atexit() and from SIGTERM and SIGINT, so that a test that is cut off cleans up too.
 */
#define _GNU_SOURCE
#include "tests/live/teardown.h"

#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIDS_MAX 64
#define CGROUPS_MAX 64

static struct {
	pid_t pid;
	int sig;
} pids[PIDS_MAX];

static char *cgroups[CGROUPS_MAX];
static int ncgroups;
static char folder[64];
static pid_t owner; /* forked children must not clean up after their parent */

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	if (remove(path) && errno == EBUSY && !umount2(path, MNT_DETACH))
		remove(path);
	return 0;
}

static void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void end_processes(void)
{
	for (int i = 0; i < PIDS_MAX; i++)
		if (pids[i].pid)
			kill(pids[i].pid, pids[i].sig);
	for (int i = 0; i < PIDS_MAX; i++) {
		for (int ms = 0; pids[i].pid && ms < 5000; ms += 10) {
			if (waitpid(pids[i].pid, NULL, WNOHANG))
				pids[i].pid = 0;
			else
				nap_ms(10);
		}
		if (pids[i].pid) {
			kill(pids[i].pid, SIGKILL);
			waitpid(pids[i].pid, NULL, 0);
			pids[i].pid = 0;
		}
	}
}

/* What still runs in a cgroup of ours was started by a command of ours. */
static void end_members(const char *cgroup)
{
	char path[256];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	f = fopen(path, "r");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid != owner)
			kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

/* Out of whatever cgroup we are in, to the one that all processes start in. */
static void leave_cgroup(void)
{
	const char *root = access("/sys/fs/cgroup/unified/cgroup.procs", F_OK)
				   ? "/sys/fs/cgroup/cgroup.procs"
				   : "/sys/fs/cgroup/unified/cgroup.procs";
	FILE *f = fopen(root, "w");

	if (f) {
		fputs("0", f);
		fclose(f);
	}
}

static int remove_group(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (flag == FTW_DP && rmdir(path))
		end_members(path);
	return 0;
}

/* With all that was made below it: a test that fails half-way leaves thousands otherwise. */
static void remove_cgroups(void)
{
	if (ncgroups)
		leave_cgroup();
	while (ncgroups) {
		char *path = cgroups[--ncgroups];

		for (int i = 0; i < 100 && !access(path, F_OK); i++) {
			nftw(path, remove_group, 16, FTW_DEPTH | FTW_PHYS);
			nap_ms(i ? 20 : 0);
		}
		free(path);
	}
}

static void teardown(void)
{
	if (getpid() != owner)
		return;
	end_processes();
	remove_cgroups();
	if (folder[0] && !getenv("TALLYMAN_KEEP"))
		nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

static void on_signal(int sig)
{
	teardown();
	_exit(128 + sig);
}

static void arm(void)
{
	if (owner)
		return;
	owner = getpid();
	atexit(teardown);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	signal(SIGHUP, on_signal);
	signal(SIGPIPE, SIG_IGN);
}

const char *workdir(void)
{
	arm();
	if (!folder[0]) {
		strcpy(folder, "/tmp/tallyman-live.XXXXXX");
		if (!mkdtemp(folder) || chmod(folder, 0755)) {
			perror(folder);
			exit(1);
		}
	}
	return folder;
}

void teardown_pid(pid_t pid, int sig)
{
	arm();
	for (int i = 0; i < PIDS_MAX; i++) {
		if (pids[i].pid)
			continue;
		pids[i].pid = pid;
		pids[i].sig = sig;
		return;
	}
}

void teardown_forget(pid_t pid)
{
	for (int i = 0; i < PIDS_MAX; i++)
		if (pids[i].pid == pid)
			pids[i].pid = 0;
}

void teardown_cgroup(const char *path)
{
	arm();
	if (ncgroups < CGROUPS_MAX)
		cgroups[ncgroups++] = strdup(path);
}
