/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel's knowledge of one connection; table.bpf.h finds it. One reader and one writer of the socket
 * may run at once on two CPUs: `req` belongs to the request direction's hook, `rep` to the reply's; what
 * both touch is one-way (produced by requests, consumed by replies).
 */
#ifndef TALLYMAN_CONN_BPF_H
#define TALLYMAN_CONN_BPF_H

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define TCP_ESTABLISHED_STATE 1
#define UNITS 32 /* words of conn.unit_end[]; a power of two */
#define UNIT_RUNS (UNITS / 2)
#define DETECT_TRIES 4
#define CONN_CPU_BITS 10 /* of conn.id; the rest is the time */
#define CONN_CPU_MASK ((1 << CONN_CPU_BITS) - 1)

enum conn_proto_state {
	CONN_IGNORED = 255, /* conn.protocol: speaks nothing that we know */
};

enum conn_flags {
	CONN_ANNOUNCED = 1,   /* its REC_CONN is in the ring */
	CONN_CONFIRMED = 2,   /* both directions fit the protocol */
	CONN_LATE = 4,	      /* open before we came */
	CONN_OUT_OF_STEP = 8, /* no known message boundary: requests are counted by turns */
	CONN_ENCRYPTED = 16,
	CONN_TURN_OPEN = 32, /* out of step: a request was seen, its reply not yet */
	CONN_BASED = 64,     /* request_seq is known */
	CONN_UNPROVEN =
		128, /* in step on trial: the first answer proves it or not, see turn.bpf.h */
};

enum conn_phase_kernel {
	CONN_PHASE_STARTUP, /* PostgreSQL: the next request message has no type byte */
	CONN_PHASE_SSL,	    /* asked for TLS or GSS: the reply is one bare byte */
	CONN_PHASE_AUTH,    /* until the first ReadyForQuery nothing is copied */
	CONN_PHASE_READY,
};

/* One direction's place in the protocol's framing. Survives any cut between reads or writes. */
struct framer {
	__u64 pos;   /* bytes of this direction before the current read or write */
	__u64 skip;  /* bytes of the current message or element that are still to come */
	__u64 num;   /* the length or count being read */
	__u32 items; /* Redis: elements still to come in this command or reply */
	__u32 kept;  /* bytes of the current message inside emitted windows */
	__u16 have;  /* bytes of the current header so far */
	__u8 type;
	__u8 state; /* the protocol's own */
	__u8 neg;
	__u8 field; /* PostgreSQL: the error field being read; Redis: enum resp_reply_field */
	__u8 field_len;
	__u8 fatal;
};

/*
 * PostgreSQL: a unit is what one ReadyForQuery answers, up to a Query or Sync. A pipeline has thousands that are
 * alike: these are one run.
 */
struct unit_run {
	__u32 requests; /* of each unit */
	__u32 units;
};

/* What a client's end keeps. */
struct asking {
	__u64 sent_ns; /* local: the first write since the last read; 0: none */
	__u64 sent_pos;
	__u64 run_delay_ns; /* of the thread that wrote it, by then */
	__u32 sent_bytes;
	pid_t pid;
	__u64 link_ns; /* REC_LINK was sent the last time */
};

/*
 * A server's end is written on two CPUs, as a rule: where segments arrive, and where its thread runs. So
 * what arrivals write has a line of its own, with what hardly ever changes.
 */
struct conn {
	__u8 protocol; /* enum protocol, or CONN_IGNORED */
	__u8 role;
	__u8 phase;
	__u8 flags;
	__u8 tries;
	__u8 local; /* enum conn_local */
	__u8 proof; /* CONN_UNPROVEN: the first byte of what was asked, and PROOF_KNOWN */
	__u8 tls;   /* enum conn_tls */
	__u16 slot;
	__u16 account;	   /* whose allowance it uses: see allow.bpf.h; 0: not known yet */
	__u32 request_seq; /* TCP: of byte 0 of the request direction, if CONN_BASED */
	__u32 reply_seq;   /* TCP: of byte 0 of the reply direction, unless CONN_LATE */
	__u32 arrival_end; /* TCP: sequence number behind what had arrived at ready_ns */
	__u64 id;
	__u64 ready_ns;	     /* the last time that bytes became readable */
	__u64 arrived_ns[2]; /* when they did with nothing unread before them: the last two times */
	__u32 arrivals;	     /* how often that was */
	__u32 turns;	     /* of a late connection, before its first step */

	__u32 taken;	      /* of arrivals: what was read before */
	__u32 requests;	      /* counted so far */
	__u32 done;	      /* answered so far */
	__u32 blind_until;    /* requests numbered below this have no record */
	__u64 left_ns;	      /* when what a read left unread had arrived; 0: it left nothing */
	__u64 turn_ns;	      /* when the oldest outstanding request was read (server) or written */
	__u64 first_reply_ns; /* 0: no byte of the next reply yet */
	__u32 reply_bytes;
	__u16 count;	/* Redis: replies in this read or write so far */
	__u8 error_len; /* of the error text being read */
	__u8 tx_end;	/* PostgreSQL: enum tx_end, of the reply so far */
	union {
		__u64 nils; /* as in rec_reply */
		__u64 rows;
	};
	union {
		__u16 completes; /* PostgreSQL */
		__u16 items;	 /* Redis, both as in rec_reply */
	};
	__u16 nerrors;
	union {
		/* PostgreSQL: further ReadyForQuerys that the newest unit of a full runs[] stands for */
		__u32 units_merged;
		__u32 nil_items; /* Redis: see rec_reply */
	};

	struct framer req;
	__u32 runs;	 /* PostgreSQL: of units, made so far */
	__u32 runs_done; /* the number of the one that is being answered */
	/* Of the thread that read the oldest unanswered request, when it did: see serve.bpf.h. */
	__u32 serve_pid; /* 0: not known */
	__u32 serve_added;
	__u64 serve_wake_ns; /* of what its parts grew since: before that */

	struct framer rep;
	__u64 cgroup;
	__u64 client_cgroup; /* at the server's end of a local connection */
	__u32 run_done;	     /* units of that run that are answered */
	__u32 units_end;     /* `requests` at the newest unit's end */

	union {
		__u32 unit_end[UNITS];		      /* HTTP: see http.bpf.h */
		struct unit_run unit_runs[UNIT_RUNS]; /* PostgreSQL: the outstanding ones, a ring */
	};
	union {
		__u64 serve_parts[PART_WIRE_MAX]; /* a server's end */
		struct asking asking;		  /* a client's */
	};
	struct rec_error errors[REPLY_ERRORS];
	__u64 tls_owner;      /* see tls_owner() */
	__u64 tls_arrived_ns; /* of the first byte that its library has not handed over; 0: none */
	__u32 tls_seq; /* TCP: of the first byte of the record that the newest request began with */
	/* At a client's end that was open before us, of the turn that request_seq is of: see turn_tls_found(). */
	__u32 tls_request_bytes;
	__u32 tls_reply_bytes;
	__u8 tls_tries;
	__u8 denied;	/* the request that is being read has no record: see allow.bpf.h */
	__u8 blind_why; /* enum coarse_cause: of blind_until */
	__u8 tls_ahead; /* its library may have read records that it has not handed over */
} __attribute__((aligned(64)));

/* Requests numbered below `until` have no record. */
static __always_inline void conn_blind(struct conn *c, __u32 until, enum coarse_cause why)
{
	c->blind_until = until;
	c->blind_why = why;
}

enum direction { DIR_READ, DIR_WRITE };

/* What is known of a connection's encryption. */
enum conn_tls {
	TLS_NONE,
	TLS_TURNS, /* encrypted: requests are counted by turns, unless its library's hooks tell more */
	TLS_FRESH, /* the same, and its handshake was a hooked call: what is said first will be seen */
	TLS_OPEN, /* what it says is known from its library's hooks; its socket's tell times only */
	TLS_SEALED, /* what it says is nothing that we know: counted by turns for good */
};

/* One run of a hook that bytes crossed a socket: what its helpers share. */
struct io {
	struct sock *sk;
	struct conn *c;
	struct lane *l;
	__u64 now_ns;
	__u32 bytes;
	enum direction dir;
};

#endif
