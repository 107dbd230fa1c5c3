/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer as a child of the test: build/tallyman, or what TALLYMAN names. What cannot be done fails
 * the running test.
 */
#ifndef TALLYMAN_LIVE_AGENT_H
#define TALLYMAN_LIVE_AGENT_H

#include <jansson.h>
#include <sys/types.h>

struct agent {
	pid_t pid;
	int port;   /* of `run`; else 0 */
	char *out;  /* file with its stdout */
	char *err;  /* file with its messages */
	char *tape; /* the recording */
};

const char *agent_binary(void);

/* A file with that configuration. The caller frees its name. */
char *agent_config(const char *text);

/* `tallyman record` with that configuration and further options into a->tape; traces when this returns. */
void agent_tape(struct agent *a, const char *config, const char *options);

/* The same with JSON lines as its output, for agent_finish(). */
void agent_record(struct agent *a, const char *config, const char *options);

/* Ends it in good order and gives all that it counted, as facts.h reads them. */
json_t *agent_finish(struct agent *a);

/* `tallyman run` on a free port; ready when this returns. */
void agent_serve(struct agent *a, const char *config, const char *options);

/* The same with a configuration that is in a file already. */
void agent_serve_file(struct agent *a, const char *path, const char *options);

/* Body of a path it serves; the test fails if the answer is not 200. Freed by the caller. */
char *agent_get(const struct agent *a, const char *path);

/* SIGTERM, and the test fails unless it exits 0. */
void agent_stop(struct agent *a);

/* CPU time of a process so far, all threads, in seconds. */
double process_cpu_seconds(pid_t pid);

#endif
