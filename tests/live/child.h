/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that a test starts: in a cgroup, as a user, pinned to a CPU. None outlives the test. What
 * cannot be done fails the running test. Strings that are returned are the caller's to free.
 */
#ifndef TALLYMAN_LIVE_CHILD_H
#define TALLYMAN_LIVE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child_spec {
	const char *const *argv; /* NULL at the end */
	const char *cgroup;	 /* folder to run in; NULL: ours */
	const char *user;	 /* NULL: as ourselves */
	const char *out;	 /* file for stdout; NULL: none */
	const char *err;	 /* file for stderr; NULL: as stdout */
	int cpu;		 /* from 1: pinned to that CPU less one; 0: anywhere */
	int stop_signal;	 /* at teardown; 0: SIGTERM */
};

pid_t child_start(const struct child_spec *spec);

/* The exit status, 128 + n after signal n; -1: still running after so many seconds. */
int child_wait(pid_t pid, int seconds);
int child_stop(pid_t pid, int sig, int seconds);

/* A command line for bash in a cgroup (NULL: ours). stdout; the test fails unless it exits 0. */
char *shell(const char *cgroup, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same without the demand: exit status, stdout and stderr together in *text (NULL: not wanted). */
int shell_try(char **text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same in the background; shell_end() waits and demands exit status 0. */
pid_t shell_start(const char *cgroup, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void shell_end(pid_t pid);

/* Until the file says the word; the test fails if the command ends without it, with what it printed. */
void shell_says(pid_t pid, const char *path, const char *word);

/* Whole file, "" if there is none. */
char *file_read(const char *path);
void file_write(const char *path, const char *text);

/* A name in workdir() that was not there before. */
char *file_name(const char *stem);

void nap_ms(long ms);
double now_seconds(void);

#endif
