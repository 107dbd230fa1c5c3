/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session is the tracer inside the kernel: programs loaded and attached, maps, ring. In: what to
 * configure before the load. Out: records, from the ring and from maps that are drained on a tick, all
 * of them shaped as bpf/wire.h says. Knows nothing of what records mean. Closing its file descriptors
 * removes everything from the kernel, so a killed agent leaves nothing behind.
 */
#ifndef TALLYMAN_SESSION_H
#define TALLYMAN_SESSION_H

#include <stdint.h>

#include "user/hooks.h"
#include "user/lanes.h"

struct session_config {
	uint32_t text_window_bytes; /* 0: no text leaves the kernel, requests are only counted */
	uint64_t ring_bytes;	    /* of all CPUs together */
	uint16_t postgresql_port;
	uint16_t redis_port;
	const char *
		controller; /* cgroup v1 controller that names containers; "" the unified hierarchy */
	int hierarchy_id;   /* the same as in /proc/cgroups */
	bool program_stats;  /* have the kernel count each program's runs and time while we run */
	unsigned int refuse; /* kinds of hooks to do without: bits of enum hook_kind */
	bool dns_names;	     /* patterns of the names that are asked for */
	bool tls;	     /* TLS libraries may be hooked: see session_tls.h */
};

struct session;

/*
 * 0, or a negative errno with one line in err[]: what is wrong and what to do. -ENOTSUP: the kernel
 * lacks a hook of the minimum set.
 */
int session_start(struct session **out, const struct session_config *cfg, char *err, size_t cap);
void session_free(struct session *s);

/* Takes the programs out: what poll and drain hand on after it is complete and consistent. */
void session_detach(struct session *s);

/* Hands on what the ring holds; returns the number of records. */
int session_poll(struct session *s, record_fn fn, void *ctx);

/* How full the fullest ring is, in percent. */
unsigned int session_fill(const struct session *s);

/* Hands on what maps counted since the last drain: scheduling, coarse requests, counts, programs. */
int session_drain(struct session *s, record_fn fn, void *ctx);

/* A container is gone: its number in the scheduler's array can be used again after the next drain. */
void session_forget(struct session *s, uint64_t cgroup);

struct allowance;

/* Each container's on each CPU, as the kernel writes them; *n of them, the session's. */
const struct allowance *session_allowances(const struct session *s, size_t *n);

/* What all allowances get from here on, and where statements are cut: see user/governor.h. */
void session_allow(struct session *s, uint32_t rate, uint32_t burst, uint32_t text_bytes);

/* Of one CPU's ring. */
uint32_t session_lane_bytes(const struct session *s);

/* Of all BPF programs since the start, as of the last drain. */
struct session_programs {
	uint64_t run_ns; /* while the kernel measured them */
	uint64_t events; /* that they saw */
};
struct session_programs session_programs(const struct session *s);

/* Whether the kernel measures the programs' time, unless it does all the while. */
void session_measure(struct session *s, bool on);

struct pg_cluster;

/*
 * A PostgreSQL server by its postmaster, so that its backends' wait events are read; NULL: it is gone.
 * 0 or a negative errno.
 */
int session_pg_cluster(struct session *s, uint32_t postmaster, const struct pg_cluster *cluster);

/* The state of every hook; *n of them, owned by the session. */
const struct hook_status *session_hooks(const struct session *s, int *n);

/*
 * Loads and attaches one variant alone, and takes it out again: 0 or the kernel's errno. For doctor,
 * and to find out which program made a load fail.
 */
int session_try(const struct hook_variant *variant);

#endif
