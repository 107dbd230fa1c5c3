/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stages joined: records in, aggregates out. Live runs and replays use this one object, so a
 * replay gives what the live run gave. Its only clock is the records' own time. Owns the container
 * table, the decoder, the attribution and the aggregation.
 */
#ifndef TALLYMAN_PIPELINE_H
#define TALLYMAN_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/agg_view.h"
#include "user/config.h"
#include "user/decode.h"
#include "user/owner.h"

/* A request and the names of its owner, valid during the call. */
struct pipeline_request {
	const struct event_request *event;
	uint64_t time_ns; /* when it ended */
	struct owner owner;
	const char *tenant;
	const char *workflow;
	const char *peer; /* container at the other end, or the class of its address; "": no name */
	const char *culprit_tenant; /* of event->culprit; "": nobody */
	const char *culprit_workflow;
};

struct pipeline_config {
	const struct config *config; /* borrowed until the next pipeline_reconfigure() */
	/* Is given each record before it is decoded, to record it. NULL: nobody. */
	void (*tap)(void *ctx, const void *rec, size_t len);
	void *tap_ctx;
	/* A cgroup was removed. NULL: nobody wants to know. */
	void (*cgroup_gone)(void *ctx, uint64_t cgroup);
	void *cgroup_ctx;
	/* Is given each request after it was counted. NULL: nobody wants them. */
	void (*request)(void *ctx, const struct pipeline_request *r);
	void *request_ctx;
};

struct pipeline_counts {
	uint64_t records;
	uint64_t refused_containers; /* cgroups that found the table full */
	uint64_t agg_errors;
	struct decode_counts decode;
};

struct pipeline;

/* NULL: out of memory. */
struct pipeline *pipeline_new(const struct pipeline_config *cfg);
void pipeline_free(struct pipeline *p);

/* A record_fn with the pipeline as context; rec is 8-byte aligned. */
void pipeline_record(void *pipeline, const void *rec, size_t len);

/* No record will follow: what waited for one is counted. */
void pipeline_finish(struct pipeline *p);

/* A cgroup that is there, as a record. */
void pipeline_cgroup(struct pipeline *p, uint64_t cgroup, const char *path, size_t len,
		     uint64_t now_ns);

bool pipeline_knows(struct pipeline *p, uint64_t cgroup);
/* How often a cgroup was scheduled whose path is not known. */
uint64_t pipeline_strangers(const struct pipeline *p);

/*
 * Takes the rules of another configuration; counts go on, everything else stays as it was. The old one
 * can be freed then. -ENOMEM: nothing changed.
 */
int pipeline_reconfigure(struct pipeline *p, const struct config *config);

/* 0 or -ENOMEM. Valid until the pipeline is given anything. */
int pipeline_view(const struct pipeline *p, struct agg_view **out);

/* Forgets what was counted; what is known stays. */
void pipeline_clear(struct pipeline *p);

/* Between the first record since the start (or the last clearing) and the latest one. */
uint64_t pipeline_span_ns(const struct pipeline *p);
/* Of the latest record. */
uint64_t pipeline_now_ns(const struct pipeline *p);

struct pipeline_counts pipeline_counts(const struct pipeline *p);

#endif
