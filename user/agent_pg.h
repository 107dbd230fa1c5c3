/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent does for PostgreSQL servers. In: records as they pass. Out: the kernel is told where
 * each server has its wait events, and of each wait for a heavyweight lock comes a REC_BLOCKED with who
 * held it. Needs a running system: a replay has these records already.
 */
#ifndef TALLYMAN_AGENT_PG_H
#define TALLYMAN_AGENT_PG_H

#include <stddef.h>
#include <stdint.h>

#include "user/config.h"
#include "user/lanes.h"
#include "user/session.h"

struct agent_pg;

struct agent_pg_config {
	const struct config *config; /* for the call: its servers, its threshold */
	struct session *session;     /* borrowed */
	record_fn record;	     /* is given the REC_BLOCKED */
	void *ctx;
};

/* Looks for servers that run. 0 or a negative errno. */
int agent_pg_new(struct agent_pg **out, const struct agent_pg_config *cfg);
void agent_pg_free(struct agent_pg *p);

/* A record passed; it was decoded. */
void agent_pg_record(struct agent_pg *p, const void *rec, size_t len);

/* For an epoll (EPOLLIN): agent_pg_poll() has something to do. */
int agent_pg_fd(const struct agent_pg *p);

/* The same without the descriptor saying so; less than 0: never. */
int64_t agent_pg_timeout_ms(const struct agent_pg *p, uint64_t now_ns);

void agent_pg_poll(struct agent_pg *p, uint64_t now_ns);

/* No record will follow: waits that last are told as far as they went. */
void agent_pg_finish(struct agent_pg *p, uint64_t now_ns);

#endif
