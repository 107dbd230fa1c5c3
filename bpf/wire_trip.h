/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Wire records about a request's way from the client's socket to the server's and back. Part of wire.h, which is
 * what others include.
 */
#ifndef TALLYMAN_WIRE_TRIP_H
#define TALLYMAN_WIRE_TRIP_H

/* rec_progress.direction */
enum progress_direction { PROGRESS_ARRIVAL = 1, PROGRESS_REPLY = 2 };

/*
 * PROGRESS_ARRIVAL: a server's end; these bytes of the request direction became readable while earlier
 * ones were still unread, so the rec_request that will have them tells an earlier arrival.
 *
 * PROGRESS_REPLY: the client's end of a TCP connection whose server's end is traced on this node, too, read
 * these bytes of the reply direction. What crosses it is known from the server's records, so only
 * times are told, by byte positions: the same byte has the same position at both ends. Such a client's
 * end sends no REC_REQUEST and no REC_REPLY. A request begins when its first byte is sent (REC_TURN), or, if that
 * is not told, arrives at the server, and ends when the client reads the last byte of its reply (rec_reply.pos).
 */
struct rec_progress {
	struct rec_hdr hdr; /* time_ns: when these bytes arrived or were read */
	__u64 conn;
	__u64 pos; /* of the first of these bytes in its direction */
	__u32 bytes;
	__u32 direction; /* enum progress_direction */
};
_Static_assert(sizeof(struct rec_progress) == 40, "wire format");

/*
 * PROGRESS_REPLY of the first bytes that a client's end read since it sent some, and when those were sent. What
 * it sent while earlier bytes were unanswered has no time: it began when it arrived at the server.
 */
struct rec_turn {
	struct rec_hdr hdr; /* time_ns: when they were read */
	__u64 conn;
	__u64 pos; /* of the first byte read, in the reply direction */
	__u32 bytes;
	__u32 sent_bytes;
	__u64 sent_pos; /* of the first byte sent, in the request direction */
	__u64 sent_ns;
	__u64 run_queue_ns; /* the thread waited that long for a CPU meanwhile; 0: another one sent */
};
_Static_assert(sizeof(struct rec_turn) == 64, "wire format");

/*
 * A client's end of a TCP connection: when it is announced, and, while its server is not known to be on
 * this node, once a second that it reads.
 */
struct rec_link {
	struct rec_hdr hdr;
	__u64 conn;
	__u64 connect_ns; /* from connect() to the connection; 0: not known, or told before */
	__u64 rtt_ns;	  /* TCP's smoothed round trip; 0: none yet */
};
_Static_assert(sizeof(struct rec_link) == 40, "wire format");

/* Of the only request that is unanswered, and not begun to be. Precedes its REC_REPLY. */
struct rec_received {
	struct rec_hdr hdr; /* time_ns: when its last byte was read */
	__u64 conn;
	__u32 seq; /* its number */
	__u32 pad;
};
_Static_assert(sizeof(struct rec_received) == 32, "wire format");

#endif
