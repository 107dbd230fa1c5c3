/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: everything live. Starts a session in the kernel, feeds its records to a pipeline, and
 * serves, records or reports what comes out, until its time is up or a signal ends it. One thread.
 */
#ifndef TALLYMAN_AGENT_H
#define TALLYMAN_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/config.h"
#include "user/pipeline.h"

struct agent_options {
	struct config *config;	 /* taken over */
	const char *config_path; /* read again on SIGHUP; NULL: SIGHUP is ignored */
	bool config_must_exist;
	bool serve; /* metrics over HTTP on the configuration's address */
	bool program_stats;
	unsigned int refuse;	 /* kinds of hooks to do without: bits of enum hook_kind */
	const char *record_path; /* NULL: nothing is recorded */
	bool record_raw;
	uint64_t for_ns;      /* 0: until SIGINT or SIGTERM */
	uint64_t interval_ns; /* 0: report at the end only */
	/* Called on each interval and at the end; a negative errno ends the run. May be NULL. */
	int (*report)(void *ctx, struct pipeline *p);
	/* Called with each request that was counted. May be NULL. */
	void (*request)(void *ctx, const struct pipeline_request *r);
	void *ctx;
};

/* Runs until the end: 0, or a negative errno of what was logged. */
int agent_run(const struct agent_options *options);

#endif
