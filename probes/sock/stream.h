/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From runs of bytes to whole messages. In: request records of one connection, in order, some lost,
 * messages cut anywhere. Out: calls of the protocol's message(), with the kernel's request numbers.
 * At most WIRE_TEXT_MAX bytes of a message that straddles records are held.
 */
#ifndef TALLYMAN_STREAM_H
#define TALLYMAN_STREAM_H

#include "probes/sock/protocol.h"

struct stream {
	uint64_t next_pos; /* of the byte after the last record */
	uint64_t boundary; /* position where the next message begins; 0: not known */
	uint64_t passed;   /* bytes of the held message so far, stored or not */
	char *held;	   /* the first bytes of it; a malloc of STREAM_HELD_MAX */
	uint32_t nheld;
	uint32_t next;	  /* number of the next request that is counted */
	bool in_step;	  /* the next byte is where a message begins, or inside the held one */
	bool holding;	  /* a message has begun and not ended */
	bool known;	  /* of the held message: its length */
	struct message m; /* the held one */
};

#define STREAM_HELD_MAX WIRE_TEXT_MAX

void stream_free(struct stream *s);
/* r->text_len bytes of text are there. */
void stream_record(struct stream *s, const struct protocol_decoder *proto, struct peer *peer,
		   const struct rec_request *r);
/* Requests below number `end` were answered: no more bytes of them will come. */
void stream_answered(struct stream *s, const struct protocol_decoder *proto, struct peer *peer,
		     uint32_t end);

#endif
