/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregation: events whose owner is known come in, counters and histograms per series are kept.
 * The number of series is limited; what finds no room is added to one overflow series per metric,
 * whose labels are all "other", so that sums over all series are exact. Knows no exporter;
 * agg_view.h is how they read.
 *
 * A series is an operation's pair of histograms, one outcome's counter of an operation, or a
 * container's scheduling. A new operation takes two. An operation keeps AGG_OUTCOMES_MAX outcomes
 * apart, the rest of them share outcome "other".
 */
#ifndef TALLYMAN_AGG_H
#define TALLYMAN_AGG_H

#include <stddef.h>
#include <stdint.h>

#include "user/event.h"
#include "user/owner.h"

#define AGG_OUTCOMES_MAX 32
#define AGG_PROGRAMS_MAX 128

struct agg;

/*
 * `series_max`: the limit, the overflow series not counted. `grace_ns`: see agg_forget_container().
 * NULL: out of memory.
 */
struct agg *agg_new(size_t series_max, uint64_t grace_ns);
void agg_free(struct agg *a);

/* Back to the state of agg_new(), but for what is known about strings. */
void agg_clear(struct agg *a);

/*
 * One request. Operation and outcome are told apart by address first: they must not change while
 * the agg lives. Equal strings at different addresses are the same label. Clients' queue time is
 * not kept: there is none. -ENOMEM: something of this request was not counted; counted in
 * agg_errors().
 */
int agg_request(struct agg *a, struct owner owner, const struct event_request *r);

/* Requests that only the kernel counted: operation and outcome "unknown", in no histogram. */
int agg_coarse(struct agg *a, struct owner owner, const struct rec_coarse *rec);

/* One container's scheduling since its last record. */
int agg_sched(struct agg *a, struct owner owner, const struct rec_sched *rec);

/* CPU time of a server that somebody else's requests used. */
int agg_cpu(struct agg *a, struct owner owner, uint64_t ns);

/* One container's block I/O on a device, or its memory stalls, since the last record. */
int agg_io(struct agg *a, struct owner owner, const struct rec_io *rec);
int agg_mem(struct agg *a, struct owner owner, const struct rec_memory *rec);

/* One container's TCP connections with one peer, whose owner is `peer` if it is on this node. */
int agg_net(struct agg *a, struct owner owner, struct owner peer, const struct rec_net *rec);

/* A listening socket's queue as it is now, and what it dropped since the last record. */
void agg_named(struct agg *a, struct owner owner, struct owner peer, const struct rec_named *rec);
int agg_dns(struct agg *a, struct owner owner, const struct rec_dns *rec);
int agg_accept(struct agg *a, struct owner owner, const struct rec_accept *rec);
int agg_listener(struct agg *a, struct owner owner, const struct rec_listener *rec);

/* CPU time that one container's packets took, and how long they waited to be sent, since the last record. */
void agg_softirq(struct agg *a, struct owner owner, const struct rec_softirq *rec);
int agg_egress(struct agg *a, struct owner owner, const struct rec_egress *rec);

/* What PostgreSQL backends slept for since the last record. */
void agg_sleep(struct agg *a, struct owner owner, const struct rec_event *rec);

/* One transaction of PostgreSQL, or a connection that it refused. -ENOMEM: as of agg_request(). */
int agg_transaction(struct agg *a, struct owner owner, const struct event_transaction *e);
int agg_refused(struct agg *a, struct owner owner, const struct event_refused *e);
/* A connection that is not decoded. */
void agg_undecoded(struct agg *a, struct owner owner, const struct event_undecoded *u);

/* -ERANGE: no such probe. */
int agg_counts(struct agg *a, const struct rec_counts *rec);

/* -ENOSPC: more than AGG_PROGRAMS_MAX programs. */
int agg_program(struct agg *a, const struct rec_program *rec);
void agg_price(struct agg *a, const struct rec_price *rec);

/*
 * A container is gone. Its series stay as they are until nothing was added to them for grace_ns,
 * counted from now; then agg_expire() drops them with their numbers, and their room is free again.
 * They do not go into "other", so no sum ever has a request twice; totals over all series do go
 * down then, as Prometheus expects of a target's series that end. A container that comes back
 * under the same name in time keeps its numbers as long as it is not silent for grace_ns.
 */
void agg_forget_container(struct agg *a, uint32_t container, uint64_t now_ns);

/* Drops what is due; cheap when nothing is. Returns how many series went. */
size_t agg_expire(struct agg *a, uint64_t now_ns);

size_t agg_series_count(const struct agg *a);

/* Memory in use, in bytes, allocator overhead not counted. */
size_t agg_memory(const struct agg *a);

/* How often something could not be counted for lack of memory. */
uint64_t agg_errors(const struct agg *a);

#endif
