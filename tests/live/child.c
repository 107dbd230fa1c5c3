/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a test. In: what to run and where. Out: exit status and what it printed. Knows not what
 * it runs. Everything is registered for teardown before it can be forgotten.
 */
#define _GNU_SOURCE
#include "tests/live/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/live/teardown.h"

#define SHELL_SECONDS 400 /* within the 600 that run-tests.sh gives a program */

void nap_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

char *file_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t cap = 0;

	if (!f || getdelim(&text, &cap, '\0', f) < 0) {
		free(text);
		text = strdup("");
	}
	if (f)
		fclose(f);
	return text;
}

void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) == EOF || fclose(f))
		fail_msg("%s: %s", path, strerror(errno));
}

char *file_name(const char *stem)
{
	static int number;
	char *path;

	if (asprintf(&path, "%s/%s.%d", workdir(), stem, ++number) < 0)
		abort();
	return path;
}

static int redirect(const char *path, int fd)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return file < 0 ? -1 : dup2(file, fd);
}

static int enter_cgroup(const char *cgroup)
{
	char path[256];
	int fd, n;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : write(fd, "0", 1);
	return n == 1 ? 0 : -1;
}

static int become(const char *user)
{
	const struct passwd *pw = getpwnam(user);

	return !pw || setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid) ? -1 : 0;
}

static void child_exec(const struct child_spec *s)
{
	const char *out = s->out ? s->out : "/dev/null";
	cpu_set_t cpus;
	int bad = 0;

	CPU_ZERO(&cpus);
	CPU_SET(s->cpu - 1, &cpus);
	bad = bad ?: redirect(out, 1) < 0;
	bad = bad ?: (s->err ? redirect(s->err, 2) : dup2(1, 2)) < 0;
	bad = bad ?: (s->cgroup && enter_cgroup(s->cgroup));
	bad = bad ?: (s->cpu && sched_setaffinity(0, sizeof(cpus), &cpus));
	bad = bad ?: (s->user && become(s->user));
	prctl(PR_SET_PDEATHSIG, s->stop_signal ? s->stop_signal : SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (!bad)
		execvp(s->argv[0], (char *const *)s->argv);
	dprintf(2, "cannot start %s: %s\n", s->argv[0], strerror(errno));
	_exit(127);
}

pid_t child_start(const struct child_spec *spec)
{
	pid_t pid;

	workdir();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		fail_msg("fork: %s", strerror(errno));
	if (!pid)
		child_exec(spec);
	teardown_pid(pid, spec->stop_signal ? spec->stop_signal : SIGTERM);
	return pid;
}

int child_wait(pid_t pid, int seconds)
{
	double end = now_seconds() + seconds;
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			break;
		if (got < 0)
			fail_msg("process %d is not ours: %s", pid, strerror(errno));
		if (now_seconds() > end)
			return -1;
		nap_ms(5);
	}
	teardown_forget(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child_stop(pid_t pid, int sig, int seconds)
{
	kill(pid, sig);
	return child_wait(pid, seconds);
}

static char *format(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		abort();
	return text;
}

static pid_t bash(const char *cgroup, const char *out, const char *err, const char *command)
{
	const char *argv[] = { "bash", "-c", command, NULL };

	return child_start(
		&(struct child_spec){ .argv = argv, .cgroup = cgroup, .out = out, .err = err });
}

/* Fails the test unless the command ended well; else what it printed. */
static char *shell_result(pid_t pid, const char *command, const char *out, const char *err)
{
	int status = child_wait(pid, SHELL_SECONDS);
	char *text = file_read(out), *why = file_read(err);

	if (status)
		fail_msg("status %d: %s\n%s%s", status, command, text, why);
	free(why);
	unlink(out);
	unlink(err);
	return text;
}

char *shell(const char *cgroup, const char *fmt, ...)
{
	char *out = file_name("out"), *err = file_name("err"), *command, *text;
	va_list args;

	va_start(args, fmt);
	command = format(fmt, args);
	va_end(args);
	text = shell_result(bash(cgroup, out, err, command), command, out, err);
	free(command);
	free(out);
	free(err);
	return text;
}

int shell_try(char **text, const char *fmt, ...)
{
	char *out = file_name("out"), *command;
	va_list args;
	int status;

	va_start(args, fmt);
	command = format(fmt, args);
	va_end(args);
	status = child_wait(bash(NULL, out, NULL, command), SHELL_SECONDS);
	if (text)
		*text = file_read(out);
	unlink(out);
	free(command);
	free(out);
	return status;
}

/* What a command of the background prints, unless it says itself where to. */
static char *background_log(pid_t pid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/background.%d", workdir(), pid);
	return file_read(path);
}

pid_t shell_start(const char *cgroup, const char *fmt, ...)
{
	char *command, *logged;
	va_list args;
	pid_t pid;

	va_start(args, fmt);
	command = format(fmt, args);
	va_end(args);
	if (asprintf(&logged, "exec >%s/background.$$ 2>&1; %s", workdir(), command) < 0)
		abort();
	pid = bash(cgroup, NULL, NULL, logged);
	free(logged);
	free(command);
	return pid;
}

void shell_end(pid_t pid)
{
	int status = child_wait(pid, SHELL_SECONDS);

	if (status)
		fail_msg("background command %d: status %d: %s", pid, status, background_log(pid));
}

void shell_says(pid_t pid, const char *path, const char *word)
{
	double end = now_seconds() + SHELL_SECONDS;

	for (bool said = false; !said; nap_ms(20)) {
		int status = child_wait(pid, 0);
		char *text = file_read(path);

		said = strstr(text, word);
		free(text);
		if (!said && (status >= 0 || now_seconds() > end))
			fail_msg("status %d without \"%s\": %s", status, word, background_log(pid));
	}
}
