/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Wire records of the network probe: TCP connections by container, role and peer, and listening sockets. Part
 * of wire.h, which is what others include.
 */
#ifndef TALLYMAN_WIRE_NET_H
#define TALLYMAN_WIRE_NET_H

/* Who the other end of a connection is. */
enum net_peer {
	NET_PEER_UNKNOWN,
	NET_PEER_NODE,	   /* a container of this node */
	NET_PEER_LOOPBACK, /* an address of one's own, but which container is not known */
	NET_PEER_LINK,	   /* link-local */
	NET_PEER_PRIVATE,
	NET_PEER_PUBLIC,
	NET_PEER_MAX
};

/* Why a connection was not established. */
enum net_failure {
	NET_FAILED_REFUSED,
	NET_FAILED_TIMED_OUT,
	NET_FAILED_RESET,
	NET_FAILED_UNREACHABLE,
	NET_FAILED_ABANDONED, /* the application closed it before there was an answer */
	NET_FAILED_NO_PORT,   /* nothing was sent: no local port was free */
	NET_FAILED_OTHER,
	NET_FAILED_MAX
};

/* How an established connection ended. */
enum net_end {
	NET_END_LOCAL, /* both directions closed in order, this end first */
	NET_END_PEER,  /* the same, the other end first */
	NET_END_RESET_SENT,
	NET_END_RESET_RECEIVED,
	NET_END_TIMED_OUT, /* the other end did not acknowledge any more */
	NET_END_OTHER,
	NET_END_MAX
};

/* What made TCP send a segment once more. */
enum net_resend {
	NET_RESEND_HANDSHAKE, /* SYN and SYN-ACK */
	NET_RESEND_FAST,      /* later segments were acknowledged */
	NET_RESEND_TIMEOUT,
	NET_RESEND_PROBE, /* the last segments, to hear anything at all */
	NET_RESEND_MAX
};

enum net_direction { NET_SENT, NET_RECEIVED, NET_DIRECTIONS };

/* Why a sender that had something to send did not. */
enum net_stall { NET_STALL_PEER_WINDOW, NET_STALL_SEND_BUFFER, NET_STALL_MAX };

/*
 * Of the role's end. Words of 64 bits, all of which only grow. Times are of connections that were
 * established. A sample of the round trip is taken when the table is read, of each connection that had
 * something acknowledged since.
 */
struct net_counts {
	__u64 opened; /* client: by connect(); server: accepted by the kernel */
	__u64 late;   /* open before we came */
	__u64 failed[NET_FAILED_MAX];
	__u64 closed[NET_END_MAX];
	__u64 lifetime_ns; /* of those closed, since they were established or we came */
	__u64 connect_ns;
	__u64 bytes[NET_DIRECTIONS]; /* payload, what was sent again not counted */
	__u64 resent[NET_RESEND_MAX];
	__u64 resent_bytes;
	__u64 resets[NET_DIRECTIONS];
	__u64 disorder; /* segments that came ahead of others */
	__u64 needless; /* segments sent again that the other end had */
	__u64 drops;	/* segments that this end's socket did not take */
	__u64 stall_ns[NET_STALL_MAX];
	__u64 rtt_ns;	  /* smoothed: sum of samples */
	__u64 rtt_min_ns; /* the least one known, at the same samples */
};
#define NET_COUNTS_WORDS (sizeof(struct net_counts) / 8)

/* Buckets as in rec_sched. */
struct rec_net {
	struct rec_hdr hdr;
	__u64 cgroup; /* 0: not known */
	__u64 peer;   /* cgroup of the other end; 0 unless NET_PEER_NODE */
	struct net_counts n;
	__u8 role;
	__u8 peer_kind; /* enum net_peer */
	__u8 pad[6];
	__u32 connects[SCHED_BUCKETS]; /* how long they took to establish */
	__u32 rtt[SCHED_BUCKETS];
};
_Static_assert(sizeof(struct rec_net) == 304 + 8 * SCHED_BUCKETS, "wire format");

struct rec_listener {
	struct rec_hdr hdr;
	__u64 cgroup;  /* of who called listen(); 0: not known */
	__u64 id;      /* the socket's: one of its own as long as it lives */
	__u64 drops;   /* connections dropped since the last drain */
	__u32 backlog; /* established, and not accepted yet */
	__u32 limit;
	__u32 netns; /* inode number */
	__u16 port;
	__u16 pad;
};
_Static_assert(sizeof(struct rec_listener) == 56, "wire format");

/* Buckets as in rec_sched. */
struct rec_accept {
	struct rec_hdr hdr;
	__u64 cgroup;	 /* as in rec_listener */
	__u64 wait_ns;	 /* of those accepted: since they were established */
	__u64 oldest_ns; /* of those not accepted yet: how long the first one waits */
	__u32 waiting;	 /* not accepted yet */
	__u16 port;
	__u16 pad;
	__u32 waits[SCHED_BUCKETS]; /* of those accepted, where the kernel tells */
};
_Static_assert(sizeof(struct rec_accept) == 48 + 4 * SCHED_BUCKETS, "wire format");

/* What is counted of a container and a peer by one name. */
enum net_named {
	NET_NAMED_DROPS,    /* packets that the kernel dropped, by its own reason: "tcp_csum" */
	NET_NAMED_WINDOWS,  /* connections with a closed window, "sent" or "received", when read */
	NET_NAMED_SERVICES, /* connections by the address and port that was called */
	NET_NAMED_DNS,	    /* DNS queries by the name's pattern; the peer is not known */
	NET_NAMED_MAX
};
#define NET_NAMED_NUMBERS 4
#define NET_NAME_MAX 48

/* n[] by what it is of. Drops: packets. Windows: samples. Services: opened, failed. DNS: answered, of these
 * not NOERROR, timeouts, ns until the answers. */
struct rec_named {
	struct rec_hdr hdr;
	__u64 cgroup; /* 0: not known */
	__u64 peer;   /* 0 unless NET_PEER_NODE */
	__u64 n[NET_NAMED_NUMBERS];
	__u8 what;	/* enum net_named */
	__u8 peer_kind; /* enum net_peer */
	__u8 pad[6];
	char name[NET_NAME_MAX]; /* with a NUL */
};
_Static_assert(sizeof(struct rec_named) == 120, "wire format");
/* What the senders' own tasks do on the way is not in it: it is their CPU time. */
struct rec_softirq {
	struct rec_hdr hdr;
	__u64 cgroup; /* 0: nobody's, or not known: the kernel's */
	__u64 softirq_ns;
	__u64 softirqs; /* in how many of them it had a part */
};
_Static_assert(sizeof(struct rec_softirq) == 40, "wire format");

/* Packets that a device's queue had before it sent them. Buckets as in rec_sched. */
struct rec_egress {
	struct rec_hdr hdr;
	__u64 cgroup; /* 0: not known */
	__u64 packets;
	__u64 wait_ns; /* from being queued to being given to the device */
	__u32 buckets[SCHED_BUCKETS];
};
_Static_assert(sizeof(struct rec_egress) == 40 + 4 * SCHED_BUCKETS, "wire format");

/* What DNS answered. */
enum dns_answer {
	DNS_NOERROR,
	DNS_FORMERR,
	DNS_SERVFAIL,
	DNS_NXDOMAIN,
	DNS_NOTIMP,
	DNS_REFUSED,
	DNS_OTHER,
	DNS_ANSWER_MAX
};

struct dns_counts {
	__u64 queries;
	__u64 retried;	/* the same query again, before there was an answer */
	__u64 timeouts; /* no answer in 5 s */
	__u64 answers[DNS_ANSWER_MAX];
};

/* Buckets as in rec_sched. */
struct rec_dns {
	struct rec_hdr hdr;
	__u64 cgroup;
	struct dns_counts n;
	__u64 wait_ns; /* of those answered */
	__u32 waits[SCHED_BUCKETS];
};
_Static_assert(sizeof(struct rec_dns) == 112 + 4 * SCHED_BUCKETS, "wire format");

#endif
