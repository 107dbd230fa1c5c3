/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the agent: its state, which agent.c starts and runs and agent_serve.c answers from. */
#ifndef TALLYMAN_AGENT_PARTS_H
#define TALLYMAN_AGENT_PARTS_H

#include "user/agent.h"
#include "user/agent_pg.h"
#include "user/agent_price.h"
#include "user/agent_tls.h"
#include "user/cgroup_hierarchy.h"
#include "user/http.h"
#include "user/recording.h"
#include "user/session.h"

struct agent {
	const struct agent_options *options;
	struct config *config;
	struct cgroup_hierarchy hierarchy;
	int hierarchy_id;
	struct session *session;
	struct pipeline *pipeline;
	struct agent_pg *pg;
	struct agent_price *price;
	struct agent_tls *tls; /* NULL: TLS is not looked into */
	struct recorder *recorder;
	struct http *http;
	int epoll_fd;
	int signal_fd;
	bool stop;
	unsigned int period_ms; /* until the next poll */
	uint64_t drained_ns;
	bool behind;	     /* the last drain found no memory or descriptor for some of it */
	uint64_t put_off;    /* such drains */
	uint64_t details_ns; /* CPU time for records from the ring, so far */
	uint64_t reported_ns;
	uint64_t strangers;	/* pipeline_strangers() at the last scan */
	uint64_t scan_ns;	/* not before then: the next scan */
	uint64_t scan_pause_ns; /* doubles while scans find nothing */
	unsigned int scan_found;
	/* Removed cgroups: the session is told after the next drain has seen their last numbers. */
	uint64_t *gone;
	size_t ngone;
	size_t gone_room;
};

/* A record_fn with the agent as context: to the pipeline, then to whoever else wants it. */
void agent_record(void *agent, const void *rec, size_t len);

/*
 * Reads what the kernel has: first the ring, then the counters. What it cannot read now, the kernel keeps for the
 * next time.
 */
int agent_drain(struct agent *a);

/* What the HTTP server answers; the context is the agent. */
extern const struct http_ops agent_http_ops;

#endif
