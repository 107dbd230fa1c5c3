/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agg holds at one moment, for exporters: rows with their labels as strings, sorted by
 * them, no two rows of a kind with equal labels. Valid until anything is done to the agg or to the
 * owners' intern table. Empty owner names read "unattributed".
 */
#ifndef TALLYMAN_AGG_VIEW_H
#define TALLYMAN_AGG_VIEW_H

#include "probes/postgres/wait_event.h"
#include "user/agg.h"
#include "user/agg_detail.h"
#include "user/ledger.h"
#include "user/ingress.h"
#include "user/lib/hist.h"
#include "user/parts.h"
#include "user/trips.h"

struct intern;

/* The overflow series has "other" in all. */
struct agg_labels {
	const char *tenant;
	const char *workflow;
	const char *container;
	const char *role;
	const char *protocol;
	const char *operation;
};

/*
 * The times of one operation, all outcomes. Sorted by all labels in the order of struct
 * agg_labels.
 */
struct agg_time_row {
	struct agg_labels labels;
	const struct hist *queue;   /* empty for clients */
	const struct hist *service; /* both empty: no request with details */
};

/* One outcome of an operation. Sorted as its time row, then by outcome. */
struct agg_request_row {
	struct agg_labels labels;
	const char *outcome;
	const struct agg_time_row *time; /* of the same labels; never NULL */
	uint64_t count;			 /* all of them, coarse included */
	uint64_t coarse;		 /* counted in the kernel only */
	uint64_t errors;
	uint64_t request_bytes;
	uint64_t reply_bytes;
	uint64_t rows;	   /* PostgreSQL only */
	uint64_t queue_ns; /* sums */
	uint64_t service_ns;
};

/* CPU of one owner. Sorted by tenant, container, workflow. */
struct agg_container_row {
	const char *tenant;
	const char *workflow;
	const char *container;
	uint64_t on_cpu_ns;
	uint64_t switches;
	uint64_t preemptions;
	const struct hist *run_queue;
};

/* Run-queue waits of one container, all workflows. Sorted by tenant, container. */
struct agg_run_queue_row {
	const char *tenant;
	const char *container;
	const struct hist *run_queue;
};

/* Block I/O of one container on one device. Sorted by tenant, container, device. */
struct agg_disk_row {
	const char *tenant;
	const char *container;
	char device[24]; /* "8:0" */
	uint64_t requests[IO_OP_MAX];
	uint64_t bytes[IO_OP_MAX];
	uint64_t queue_ns;
	uint64_t device_ns;
	uint64_t errors;
	struct hist time; /* queue and device together */
};

/* Memory stalls of one container. Sorted by tenant, container. */
struct agg_memory_row {
	const char *tenant;
	const char *container;
	uint64_t node_ns;
	uint64_t node_stalls;
	uint64_t limit_ns;
	uint64_t limit_stalls;
	uint64_t oom_kills;
	uint64_t pages;
};

/* TCP connections of one container with one peer. Sorted by tenant, container, role, peer. */
struct agg_net_row {
	const char *tenant;
	const char *container;
	const char *role;
	const char *peer_tenant; /* "" unless the peer is a container of this node */
	const char *peer;	 /* container, or the class of its address */
	struct net_counts n;
	struct hist connects; /* how long they took to establish */
	struct hist rtt;
};

/* A listening TCP socket, or those of one container on one port. Sorted by tenant, container, port. */
struct agg_listener_row {
	const char *tenant;
	const char *container;
	unsigned int port;
	uint64_t backlog; /* of the one that is fullest */
	uint64_t limit;	  /* of the same */
	uint64_t drops;
	uint64_t sockets;
	uint64_t waiting;   /* connections that are not accepted */
	uint64_t oldest_ns; /* how long the first of them waits */
	struct hist waits;  /* of those accepted, where the kernel tells */
};

/* Of one container, with one peer, by one name. Sorted by what it is, tenant, container, peer, name. */
struct agg_named_row {
	enum net_named what;
	const char *tenant;
	const char *container;
	const char *peer_tenant; /* as in agg_net_row */
	const char *peer;
	const char *name;
	uint64_t n[NET_NAMED_NUMBERS]; /* see rec_named */
};

/* The network stack's time for one container. Sorted by tenant, container. */
struct agg_stack_row {
	const char *tenant;
	const char *container; /* "kernel": softirqs that are no container's */
	uint64_t softirq_ns;
	uint64_t softirqs;
	uint64_t packets; /* that were queued before they were sent */
	uint64_t egress_ns;
	struct hist egress;
};

/* DNS queries of one container. Sorted by tenant, container. */
struct agg_dns_row {
	const char *tenant;
	const char *container;
	struct dns_counts n;
	struct hist waits; /* of those answered */
};

/* Sleeps of PostgreSQL backends in one wait event. Sorted by the event's names, tenant, container. */
struct agg_sleep_row {
	const char *
		wait_event_type; /* as pg_stat_activity says; "other" in all: the overflow series */
	struct wait_event_name wait_event;
	const char *tenant;
	const char *container;
	uint64_t wait_ns;      /* asleep, and until it ran again: as pg_stat_activity has it */
	uint64_t run_queue_ns; /* of that: awake, without a CPU */
	uint64_t sleeps;
};

/* PostgreSQL's transactions of one owner. Sorted by tenant, workflow, container. */
struct agg_tx_row {
	const char *tenant;
	const char *workflow;
	const char *container;
	uint64_t ends[TRANSACTION_END_MAX];
	uint64_t statements;
	uint64_t idle_ns;
	struct hist time; /* of those whose beginning was seen */
};

/* Connections that PostgreSQL refused. Sorted by tenant, container, outcome, user, source. */
struct agg_refused_row {
	const char *tenant;
	const char *container;
	const char *outcome;
	const char *user;
	const char *source;
	uint64_t count;
};

/* What is counted by name, see agg_detail.h. Sorted by kind, tenant, container, name, role, workflow. */
struct agg_detail_row {
	enum detail_kind kind;
	const char *tenant;
	const char *workflow;
	const char *container;
	const char *role;
	const char *name; /* key pattern, operation, end of a transaction, or protocol */
	uint64_t n[DETAIL_NUMBERS];
};

struct agg_probe_row {
	const char *probe;
	uint64_t seen;
	uint64_t detailed;
	uint64_t coarse;
	uint64_t lost[LOST_CAUSE_MAX];
	uint64_t lost_total;
};

struct agg_program_row {
	const char *program;
	uint64_t runs;
	uint64_t run_ns;
};

struct agg_view {
	struct rec_price price; /* node_ns 0: not measured */
	struct agg_request_row *requests;
	size_t nrequests;
	struct agg_time_row *times;
	size_t ntimes;
	struct agg_container_row *containers;
	size_t ncontainers;
	struct agg_run_queue_row *run_queues;
	size_t nrun_queues;
	struct agg_disk_row *disks;
	size_t ndisks;
	struct agg_memory_row *memories;
	size_t nmemories;
	struct agg_net_row *nets;
	size_t nnets;
	struct agg_listener_row *listeners;
	size_t nlisteners;
	struct agg_named_row *named;
	size_t nnamed;
	struct agg_stack_row *stacks;
	size_t nstacks;
	struct agg_dns_row *dns;
	size_t ndns;
	struct agg_sleep_row *sleeps;
	size_t nsleeps;
	struct agg_tx_row *txs;
	size_t ntxs;
	struct agg_refused_row *refused;
	size_t nrefused;
	struct agg_detail_row *details;
	size_t ndetails;
	struct agg_probe_row probes[PROBE_MAX]; /* in the order of enum probe_id */
	struct agg_program_row *programs;	/* sorted by name */
	size_t nprograms;
	/* Not of the agg: put here by whoever has them, for exporters. See ledger.h, parts.h, trips.h, ingress.h. */
	struct wait_row *waits;
	size_t nwaits;
	struct part_row *parts;
	size_t nparts;
	struct trip_row *trips;
	size_t ntrips;
	struct ingress_row *ingress;
	size_t ningress;
	size_t series;
	size_t series_max;
	struct hist **merged; /* histograms of rows that were made of several series */
	size_t nmerged;
	size_t nshared; /* of merged[], may be in rows of more than one kind: not to be added to */
};

/* `owners` names the ids of struct owner. 0 or -ENOMEM. */
int agg_view_new(struct agg_view **out, const struct agg *a, const struct intern *owners);
void agg_view_free(struct agg_view *v);

/* "committed" and so on; NULL past the end. */
const char *agg_transaction_end_name(unsigned int end);

/*
 * Of the rows of DETAIL_KEYS from `from` on that are one pattern at one end, whatever their workflow: how many,
 * and pushes less pops. *is_queue: there were some, at the end that has the queue.
 */
size_t agg_view_backlog(const struct agg_view *v, size_t from, int64_t *backlog, bool *is_queue);

/* An enum role's name; "other" for ROLE_MAX. */
const char *agg_role_name(unsigned int role);

/* An enum net_peer's name, "" for NET_PEER_NODE; "other" for NET_PEER_MAX. */
const char *agg_peer_name(unsigned int peer);

/* "ring_full" and so on; NULL past the end. */
const char *agg_lost_cause_name(unsigned int cause);

#endif
