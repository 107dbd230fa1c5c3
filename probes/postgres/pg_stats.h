/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel side of PostgreSQL's wait events and user space share: which postmasters there are,
 * how a wait event is written down, and the totals. Needs fixed-width types and nothing else.
 */
#ifndef TALLYMAN_PG_STATS_H
#define TALLYMAN_PG_STATS_H

#ifndef __bpf__
#include <linux/types.h>
#endif

/*
 * A wait event, as `pg_event` of the records: PostgreSQL's own wait_event_info, which has the class in
 * the top byte and the number in the low two. The byte between is not used by any server; here it is
 * the server's major version, so that the number can be told apart from another version's. 0: none.
 */
#define PG_EVENT_MAJOR_SHIFT 16
#define PG_EVENT_CLASS_SHIFT 24
#define PG_EVENT_ID_MASK 0xffff
/* Larger numbers are written as this one: no version has as many, and totals have a key for each. */
#define PG_EVENT_ID_MAX 255

enum pg_wait_class {
	PG_WAIT_LWLOCK = 1,
	PG_WAIT_LOCK = 3,
	PG_WAIT_BUFFER_PIN = 4,
	PG_WAIT_ACTIVITY = 5,
	PG_WAIT_CLIENT = 6,
	PG_WAIT_EXTENSION = 7,
	PG_WAIT_IPC = 8,
	PG_WAIT_TIMEOUT = 9,
	PG_WAIT_IO = 10,
	PG_WAIT_INJECTION_POINT = 11, /* since 17 */
	PG_WAIT_CLASS_MAX
};

#define PG_CLUSTERS_MAX 256

/*
 * One server, by its postmaster's thread group id. `variable` is where each of its processes has the
 * pointer to its own slot in shared memory; until a backend is set up, it is NULL or points into the
 * program's own image.
 */
struct pg_cluster {
	__u64 variable;
	__u64 image_start;
	__u64 image_end;
	__u32 offset; /* of wait_event_info in the slot */
	__u32 major;
};

#define PG_SLEEPS_MAX 4096

/* Whose sleep, as struct rec_owner. */
struct pg_sleep_key {
	__u64 cgroup;
	__u64 payer;
	__u32 pg_event;
	__u32 pad;
};

struct pg_sleep_value {
	__u64 sleep_ns;
	__u64 run_queue_ns; /* awake, but not back on a CPU: the server still says that event */
	__u64 sleeps;
};

#endif
