/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Wire records: all that the kernel side tells user space, and all that a recording holds.
 *
 * Every record starts with struct rec_hdr and is written whole, so no stale byte leaves the kernel.
 * Times are CLOCK_MONOTONIC ns. Multi-byte fields are in the node's byte order. Change WIRE_VERSION
 * with any change of a shape or meaning here: recordings carry it. Kinds that are added need none.
 */
#ifndef TALLYMAN_WIRE_H
#define TALLYMAN_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define WIRE_VERSION 3

/* The window of a statement: the bytes of one message that are kept. */
#define WIRE_TEXT_MIN 128
#define WIRE_TEXT_DEFAULT 1024
#define WIRE_TEXT_MAX 4096

#define WIRE_COMM 16
#define WIRE_PATH_MAX 512

enum rec_kind {
	REC_CONN = 1,	   /* a connection speaks a protocol that we know */
	REC_REQUEST = 2,   /* bytes of a connection's request direction */
	REC_REPLY = 3,	   /* one or more requests were answered */
	REC_CLOSE = 4,	   /* the connection is gone, or turned out not to speak the protocol */
	REC_PROCESS = 5,   /* exec or exit of a process */
	REC_CGROUP = 6,	   /* a cgroup's path: created, found at start, or removed */
	REC_SCHED = 7,	   /* drained: one container's scheduling since the last drain */
	REC_COARSE = 8,	   /* drained: requests counted in the kernel only */
	REC_COUNTS = 9,	   /* drained: one probe's seen/detailed/coarse/lost since the last drain */
	REC_PROGRAM = 10,  /* drained: one BPF program's runs and run time since the last drain */
	REC_PROGRESS = 11, /* bytes arrived behind unread ones, or a local client read bytes */
	REC_WAIT = 12,	   /* drained: one cell of a ledger since the last drain */
	REC_PARTS = 13,	   /* where a request's time went while its thread was off the CPU */
	REC_EVENT = 14,	   /* drained: time that PostgreSQL backends slept in one wait event */
	REC_LOCK = 15,	  /* a PostgreSQL backend went to sleep for a heavyweight lock, or got it */
	REC_IO = 16,	  /* drained: one owner's block I/O since the last drain */
	REC_MEMORY = 17,  /* drained: one container's memory stalls since the last drain */
	REC_BLOCKED = 18, /* user space asked: who held the lock that a backend waited for */
	REC_SESSION = 19, /* user space asked: whose session it is that was open before us */
	REC_NET = 20,	  /* drained: one container's TCP connections since the last drain */
	REC_LISTENER = 21, /* drained: a listening TCP socket's queue now */
	REC_NAMED = 22,	   /* drained: one container's facts of the network by one name */
	REC_ACCEPT = 23,   /* drained: what waited to be accepted on a port since the last drain */
	REC_TURN = 24,	   /* a local client read the first bytes since it sent some */
	REC_LINK = 25, /* a client's end: how long connecting took, and how far the other end is */
	REC_RECEIVED = 26, /* a server read the last byte of a request that came in pieces */
	REC_SOFTIRQ = 27,  /* drained: CPU time that one container's packets took in softirqs */
	REC_EGRESS = 28,   /* drained: how long one container's packets waited to be sent */
	REC_DNS = 29,	   /* drained: one container's DNS queries since the last drain */
	REC_PRICE = 30, /* user space measured: what the tracer costs, and what it does without */
	REC_KIND_MAX
};

enum role { ROLE_UNKNOWN, ROLE_SERVER, ROLE_CLIENT, ROLE_MAX };
/* clang-format off */
enum protocol { PROTO_UNKNOWN, PROTO_POSTGRESQL, PROTO_REDIS, PROTO_HTTP,
		PROTO_TLS, /* counted by turns */ PROTO_HTTP2, /* only a REC_CONN */ PROTO_MAX };
enum probe_id { PROBE_SOCK, PROBE_SCHED, PROBE_PROC, PROBE_BLOCK, PROBE_MEM, PROBE_NET,
		PROBE_STACK, PROBE_MAX };
/* clang-format on */

/* Why something was lost. Each is exported as tallyman_events_total{fate="lost",cause=...}. */
enum lost_cause {
	LOST_RING_FULL,	     /* a record without a coarse count beside it did not fit the ring */
	LOST_COARSE_FULL,    /* the table of coarse counts was full too */
	LOST_TABLE_FULL,     /* no room for a connection, task or container */
	LOST_UNREADABLE,     /* the payload was not where the system call said (io_uring, splice) */
	LOST_UNSYNCHRONISED, /* bytes that are at no known message boundary */
	LOST_RECURSION,	     /* the kernel did not run the program: it was running on this CPU */
	LOST_CAUSE_MAX
};

struct rec_hdr {
	__u16 kind; /* enum rec_kind */
	__u16 len;  /* whole record, this header included */
	__u32 cpu;
	__u64 time_ns;
};
_Static_assert(sizeof(struct rec_hdr) == 16, "wire format");

enum conn_family { CONN_INET = 2, CONN_INET6 = 10, CONN_UNIX = 1 };

/*
 * Sent once a connection's protocol is found by content in its request direction. It is provisional
 * until the first REC_REPLY: a REC_CLOSE with CLOSE_REJECTED takes it back.
 */
struct rec_conn {
	struct rec_hdr hdr;
	__u64 conn;	     /* stable for the life of the socket, unique on the node */
	__u64 peer_conn;     /* the conn at the other end of a Unix socket, 0: not known */
	__u64 cgroup;	     /* of the process at this end */
	__u32 pid;	     /* thread group id in the initial namespace */
	__u32 netns;	     /* inode number of the network namespace */
	__u8 local_addr[16]; /* IPv4 in the first four bytes; Unix: zeros */
	__u8 remote_addr[16];
	__u16 local_port; /* host order */
	__u16 remote_port;
	__u8 family;   /* enum conn_family */
	__u8 role;     /* enum role */
	__u8 protocol; /* enum protocol */
	__u8 late;     /* 1: opened before we came, its start was not seen */
	char comm[WIRE_COMM];
	union {
		/*
		 * TCP's numbers of the first byte of each direction. Both ends have the same, whatever
		 * translates their addresses, and no two connections of a node do. Both 0: not known.
		 */
		struct {
			__u32 request_seq;
			__u32 reply_seq;
		};
		/* If late: of the process at the other end when we came. 0: not on this node, or not known. */
		__u64 peer_cgroup;
	};
};
_Static_assert(sizeof(struct rec_conn) == 112, "wire format");

/* rec_request.phase */
enum conn_phase {
	PHASE_STARTUP = 0, /* PostgreSQL: text is a start-up packet (no type byte) */
	PHASE_READY = 1,   /* text is ordinary messages */
};

/*
 * A run of bytes of the request direction: text[0] is byte `pos` of that direction. Bytes before the
 * first message boundary in text[] are counted in `lead`. A message longer than the window is cut:
 * the next record's pos is then past its end, or (lead > 0) inside it. Bytes between two records of a
 * connection that no record carries are the cut parts of messages, or records that were lost; in
 * both cases the next record's `lead` says where a message starts, so the reader is never out of step.
 *
 * Requests are numbered per connection from 0. `seq` is the number of the first request that is
 * *counted* in this record, `requests` how many are: a PostgreSQL Query, Execute or FunctionCall is
 * counted where its header ends, a Redis command where its last byte ends, an HTTP request where its
 * header ends (its body is in no record, and no part of a message here). Passwords ('p' messages)
 * and everything else between start-up packet and the first ReadyForQuery are never copied.
 */
struct rec_request {
	struct rec_hdr hdr; /* time_ns: when these bytes were read (server) or written (client) */
	__u64 conn;
	__u64 arrival_ns; /* server: first of these bytes readable; client: same as hdr.time_ns */
	__u64 pos;
	__u32 seq;
	__u32 lead;
	__u32 chunk_bytes; /* of the read or write that this text is from */
	__u16 requests;
	__u16 text_len;
	__u8 role;
	__u8 protocol;
	__u8 phase; /* enum conn_phase */
	__u8 pad;
	/*
	 * Redis, server: the time that the thread was off the CPU, ever since it serves; wraps. 0: it is not
	 * followed. Taken from the wall time between two records it gives what the thread used.
	 */
	__u32 off_cpu_ns;
	char text[];
};
_Static_assert(sizeof(struct rec_request) == 64, "wire format");

/* A CommandComplete of COMMIT, or of ROLLBACK (to a savepoint, too). */
enum tx_end { TX_NO_END, TX_COMMIT, TX_ROLLBACK };

#define REPLY_ERRORS 4
#define REPLY_ERROR_TEXT 24
#define NIL_ITEMS_MAX 0xffff

/* One request's error within a reply record. */
struct rec_error {
	__u16 index; /* of the failed request, from rec_reply.seq */
	/* SQLSTATE, the first word of a Redis error, or an HTTP status of 400 and more; NUL padded. */
	char text[REPLY_ERROR_TEXT - 2];
};

/* rec_reply.flags */
enum reply_flags {
	REPLY_MORE_ERRORS = 1, /* not all failed requests are in errors[] */
	REPLY_FATAL = 2,       /* PostgreSQL: the server ends the session */
	REPLY_STARTUP = 4,     /* PostgreSQL: there was no ReadyForQuery yet */
	REPLY_ENCRYPTED = 8, /* the connection turned to TLS: no records follow but coarse counts */
	/* Server: the client's end tells only times (REC_PROGRESS); these requests are its, too. */
	REPLY_LOCAL = 16,
	/* Server: the thread was followed: what a REC_PARTS before this does not tell, it was on the CPU. */
	REPLY_FOLLOWED = 32,
};

/*
 * Requests [seq, seq + count) are complete. PostgreSQL: up to a ReadyForQuery (count may be 0, as
 * after a lone Parse and Sync), `completes` CommandComplete, EmptyQueryResponse or PortalSuspended
 * messages came, and at most one error. Redis and HTTP: `count` replies, Redis' last an array of `completes`.
 */
struct rec_reply {
	struct rec_hdr hdr; /* time_ns: last byte written (server) or read (client) */
	__u64 conn;
	__u64 first_ns; /* first byte of this reply */
	__u64 pos;	/* bytes of the reply direction up to the end of this reply */
	__u32 seq;
	__u16 count;
	__u16 completes;
	__u32 reply_bytes; /* of this reply, from its first byte */
	__u8 role;
	__u8 protocol;
	__u8 flags;	/* enum reply_flags */
	__u8 tx_status; /* PostgreSQL: 'I', 'T' or 'E'; 0: the session ended instead */
	union {
		__u64 nils; /* Redis: bit n: reply seq + n was nil, 0, -2 or an empty array */
		__u64 rows; /* PostgreSQL: DataRows; COPY's are none */
	};
	__u16 nerrors; /* of errors[] */
	union {
		__u16 nil_items; /* Redis: of the last reply's array; or NIL_ITEMS_MAX */
		__u16 tx_end;	 /* PostgreSQL: enum tx_end: which of them the server said last */
	};
	__u32 off_cpu_ns; /* as in rec_request */
	struct rec_error errors[REPLY_ERRORS];
};
_Static_assert(sizeof(struct rec_error) == REPLY_ERROR_TEXT, "wire format");
_Static_assert(sizeof(struct rec_reply) == 72 + REPLY_ERRORS * REPLY_ERROR_TEXT, "wire format");
/* On the wire a rec_reply is cut after errors[nerrors - 1]. */
#define REC_REPLY_FIXED 72

/* CLOSE_UPGRADED: it is something else from here on, such as a WebSocket; its bytes are not looked at. */
enum close_reason { CLOSE_GONE = 0, CLOSE_REJECTED = 1, CLOSE_UPGRADED = 2 };

struct rec_close {
	struct rec_hdr hdr;
	__u64 conn;
	__u32 reason; /* enum close_reason */
	__u32 pad;
};
_Static_assert(sizeof(struct rec_close) == 32, "wire format");

enum process_change { PROCESS_EXEC = 1, PROCESS_EXIT = 2 };

struct rec_process {
	struct rec_hdr hdr;
	__u64 cgroup;
	__u32 pid; /* thread group id */
	__u32 change;
	char comm[WIRE_COMM];
};
_Static_assert(sizeof(struct rec_process) == 48, "wire format");

enum cgroup_change { CGROUP_PRESENT = 1, CGROUP_REMOVED = 2 };

struct rec_cgroup {
	struct rec_hdr hdr;
	__u64 cgroup;
	__u16 change;
	__u16 path_len; /* without a NUL */
	__u32 pad;
	char path[]; /* from the hierarchy's root, starts with '/' */
};
_Static_assert(sizeof(struct rec_cgroup) == 32, "wire format");

/*
 * Run-queue latency buckets: bucket i holds waits of (2^((i-1)/2), 2^(i/2)] * 2^-20 s; bucket 0 all up to 2^-20 s;
 * the last one all above. That is Prometheus schema 1 / OTLP scale 1 at an offset of -40.
 */
#define SCHED_BUCKETS 64
#define SCHED_SCHEMA 1
#define SCHED_OFFSET (-40) /* exponential index of bucket 0: upper bound 2^(-40/2) s */

struct rec_sched {
	struct rec_hdr hdr;
	__u64 cgroup;
	__u64 payer; /* cgroup of the client it worked for; 0: for itself */
	__u64 on_cpu_ns;
	__u64 switches;	    /* times a task of it was put on a CPU */
	__u64 preemptions;  /* times a task of it lost the CPU while it could run */
	__u64 run_queue_ns; /* sum of waits */
	__u32 buckets[SCHED_BUCKETS];
};
_Static_assert(sizeof(struct rec_sched) == 64 + 4 * SCHED_BUCKETS, "wire format");

struct rec_coarse {
	struct rec_hdr hdr;
	__u64 cgroup;
	__u64 requests;
	__u64 service_ns;
	__u32 pad;
	__u8 pad2;
	__u8 cause; /* enum coarse_cause */
	__u8 role;
	__u8 protocol;
};
_Static_assert(sizeof(struct rec_coarse) == 48, "wire format");

struct rec_counts {
	struct rec_hdr hdr;
	__u32 probe; /* enum probe_id */
	__u32 pad;
	__u64 seen;
	__u64 detailed;
	__u64 coarse;
	__u64 lost[LOST_CAUSE_MAX];
};
_Static_assert(sizeof(struct rec_counts) == 48 + 8 * LOST_CAUSE_MAX, "wire format");

struct rec_program {
	struct rec_hdr hdr;
	__u64 runs;
	__u64 run_ns; /* 0 unless kernel.bpf_stats_enabled */
	char name[WIRE_COMM];
};
_Static_assert(sizeof(struct rec_program) == 48, "wire format");

/*
 * The ledger. A resource has one occupant at a time and a line of waiters; when a waiter gets its turn,
 * its wait is charged, piece by piece, to whoever occupied the resource meanwhile. The pieces add up
 * to the wait.
 */
enum wait_resource {
	RESOURCE_CPU,	/* run queue */
	RESOURCE_REDIS, /* a server's only thread: arrival to read, and its turns before the reply */
	RESOURCE_DISK,	/* in the queue of a block device, or behind what it does */
	RESOURCE_LOCK,	/* PostgreSQL's heavyweight locks */
	RESOURCE_MEMORY, /* reclaim */
	RESOURCE_SOFTIRQ, /* it had a CPU, which handled packets instead: that is no time on the run queue */
	RESOURCE_MAX
};

enum wait_cause {
	WAIT_NEIGHBOUR, /* another owner, who is named */
	WAIT_SELF,	/* the same owner */
	WAIT_IDLE,	/* nobody: an idle CPU woke up */
	WAIT_KERNEL,	/* threads and interrupts of the kernel that are nobody's container */
	WAIT_QUOTA,	/* off the run queue because of its own cpu.max */
	WAIT_UNKNOWN,	/* not in the ring any more, or the holder could not be asked for */
	WAIT_CAUSE_MAX
};

/* Whose work: the container where it is done, and that of the client it is done for (0: its own). */
struct rec_owner {
	__u64 cgroup;
	__u64 payer;
};

struct rec_wait {
	struct rec_hdr hdr;
	struct rec_owner waiter;
	struct rec_owner occupant; /* zeros unless WAIT_NEIGHBOUR or WAIT_SELF */
	__u64 wait_ns;
	__u64 waits; /* how many turns it was charged at */
	__u8 resource;
	__u8 cause;
	__u8 pad[6];
};
_Static_assert(sizeof(struct rec_wait) == 72, "wire format");

/*
 * Where the wall time of a request went that one thread served. The kernel measures what happens while
 * the thread is off the CPU, or has it taken by packets; PART_QUEUE and PART_CPU are what is left, so the parts add up.
 */
enum part {
	PART_QUEUE, /* arrival to read: in the socket */
	PART_CPU,
	PART_RUN_NEIGHBOUR, /* on the run queue, by enum wait_cause */
	PART_RUN_SELF,
	PART_RUN_IDLE,
	PART_RUN_KERNEL,
	PART_RUN_QUOTA,
	PART_RUN_UNKNOWN,
	PART_BLOCK,	 /* asleep in block I/O */
	PART_LOCK,	 /* asleep in one of PostgreSQL's lock wait events, heavyweight or not */
	PART_CLIENT,	 /* asleep until the client takes, or sends, more bytes */
	PART_DOWNSTREAM, /* of PART_OTHER, while a request of its own is unanswered: user space tells */
	PART_OTHER,	 /* asleep for another reason */
	PART_WIRE_MAX,
	PART_SOFTIRQ = PART_WIRE_MAX, /* on the CPU, which handled packets meanwhile */
	PART_MAX
};

/*
 * Precedes the REC_REPLY that answers the request. If that has REPLY_FOLLOWED and no such record precedes
 * it, the thread never left the CPU, and none of it was taken: all of the service time is PART_CPU. Without REPLY_FOLLOWED it
 * is not known where the time went.
 */
struct rec_parts {
	struct rec_hdr hdr;
	__u64 conn;
	__u32 seq;	/* the first request that the reply answers */
	__u32 pg_event; /* wait_event_info of the longest sleep; 0: none, or not PostgreSQL */
	/* Who may have had the CPU for most of the wait for it: it did, if culprit_ns is more than half. */
	struct rec_owner culprit;
	__u64 culprit_ns;
	/*
	 * PART_CPU: what softirqs took, PART_SOFTIRQ. PART_QUEUE: as much of the run-queue parts lies before the read, when the thread had
	 * slept as the request arrived and waited for a CPU.
	 */
	__u64 parts[PART_WIRE_MAX];
};
_Static_assert(sizeof(struct rec_parts) == 56 + 8 * PART_WIRE_MAX, "wire format");

/* PostgreSQL's pg_stat_activity.wait_event as a number, see probes/postgres/wait_event.h. */
struct rec_event {
	struct rec_hdr hdr;
	struct rec_owner owner;
	__u64 sleep_ns;
	__u64 run_queue_ns; /* after it, until on a CPU: the server says the event all that while */
	__u64 sleeps;
	__u32 pg_event;
	__u32 pg_major; /* 0: not known */
};
_Static_assert(sizeof(struct rec_event) == 64, "wire format");

enum lock_change { LOCK_WAIT = 1, LOCK_GOT = 2 };

struct rec_lock {
	struct rec_hdr hdr;
	struct rec_owner owner; /* of the waiter */
	__u64 conn;		/* that the backend serves; 0: not known */
	__u64 since_ns;		/* when it went to sleep */
	__u32 pid;		/* the backend, in the initial namespace */
	__u32 server_pid;	/* the same, as the server itself knows it */
	__u32 pg_event;
	__u32 change; /* enum lock_change */
};
_Static_assert(sizeof(struct rec_lock) == 64, "wire format");

/* rec_blocked.flags: no later piece of the same wait follows. */
#define BLOCKED_LAST 1
#define BLOCKED_BY_MAX 16

/*
 * A piece of a wait for a heavyweight lock, and which backends held it all the while. Follows the
 * REC_LOCK that ends the wait, and precedes the REC_REPLY of the request that waited, as a rule.
 */
struct rec_blocked {
	struct rec_hdr hdr;
	struct rec_owner waiter; /* as in rec_lock, as conn and pid are */
	__u64 conn;
	__u64 from_ns;
	__u64 to_ns;
	__u32 pid;
	__u32 pg_event;
	__u16 nblockers; /* 0: not known */
	__u16 flags;
	__u32 pad;
	__u32 blockers[BLOCKED_BY_MAX]; /* in the initial namespace; 0: one that is gone */
};
_Static_assert(sizeof(struct rec_blocked) == 72 + 4 * BLOCKED_BY_MAX, "wire format");

#define SESSION_NAME 64

/* As the server says; NUL terminated, and padded. Where the wire has told something since, that is right. */
struct rec_session {
	struct rec_hdr hdr;
	__u64 conn;
	char database[SESSION_NAME];
	char user[SESSION_NAME];
	char application_name[SESSION_NAME];
};
_Static_assert(sizeof(struct rec_session) == 24 + 3 * SESSION_NAME, "wire format");

enum io_op { IO_READ, IO_WRITE, IO_FLUSH, IO_DISCARD, IO_OP_MAX };

/* Buckets as in rec_sched. */
struct rec_io {
	struct rec_hdr hdr;
	struct rec_owner owner; /* who asked, or, of writeback, the container that dirtied them */
	__u64 requests[IO_OP_MAX];
	__u64 bytes[IO_OP_MAX];
	__u64 queue_ns;	 /* inserted to issued */
	__u64 device_ns; /* issued to completed */
	__u64 errors;
	__u32 device; /* major << 20 | minor */
	__u32 pad;
	__u32 buckets[SCHED_BUCKETS]; /* of queue and device time together */
};
_Static_assert(sizeof(struct rec_io) == 128 + 4 * SCHED_BUCKETS, "wire format");

#include "bpf/wire_price.h"
#include "bpf/wire_mem.h"
#include "bpf/wire_net.h"
#include "bpf/wire_trip.h"

#endif
