/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decode stage: records in, events out. Pure: no clock, no files, no owner, so that a recording
 * gives what the live run gave. Bounded memory, whatever the records say.
 */
#ifndef TALLYMAN_DECODE_H
#define TALLYMAN_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "user/event.h"

/* Zero or NULL: the default. */
struct decode_config {
	uint32_t statements_max;
	uint32_t subjects_max;
	uint32_t conns_max;
	const char *const
		*comment_keys; /* SQL comment keys to keep, NULL at the end; outlives the stage */
};

/* What did not fit, or was not there, since the beginning. */
struct decode_counts {
	uint64_t bad_records; /* refused: length or kind is wrong */
	uint64_t evicted_conns;
	uint64_t forgotten_requests;  /* more at a time on one connection than are kept */
	uint64_t unknown_requests;    /* answered, but never seen; their events say "unknown" */
	uint64_t unanswered_requests; /* asked without a reply (CLIENT REPLY): no events */
	uint64_t threaded_servers;    /* read in several threads: who had them cannot be told */
	uint64_t reduced_statements;  /* events with an "other" statement, the table being full */
	uint64_t reduced_subjects;    /* connections whose facts did not fit */
	uint32_t statements;
	uint32_t subjects;
};

struct decode;

/* NULL: out of memory. Events' subjects and statements live until decode_free(). */
struct decode *decode_new(const struct decode_config *cfg);
void decode_free(struct decode *d);

/*
 * Decodes one whole record at `rec` (8-byte aligned), of which `len` bytes are there. Calls fn for
 * each event, before it returns. 0 or -EBADMSG.
 */
int decode_record(struct decode *d, const void *rec, size_t len, event_fn fn, void *ctx);

/*
 * About a second has passed, by the records, and it is now_ns: calls fn for each event that was only added
 * up, and for each request that is not answered yet.
 */
void decode_tick(struct decode *d, uint64_t now_ns, event_fn fn, void *ctx);

/* No record will follow: calls fn for each event that waited for one. */
void decode_finish(struct decode *d, event_fn fn, void *ctx);

struct decode_counts decode_counts(const struct decode *d);

#endif
