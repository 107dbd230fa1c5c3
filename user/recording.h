/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: a file of wire records that can be replayed on any machine of the same byte order. In:
 * records as the session hands them on. Out: the same records, without the secrets in them. The reader
 * believes nothing that the file says. Knows nothing of what records mean.
 *
 * The file: struct recording_header, records back to back (not padded), struct recording_end. A
 * recorder that was killed leaves no end, so a recording that lacks one is known to be cut.
 */
#ifndef TALLYMAN_RECORDING_H
#define TALLYMAN_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/wire.h"

#define RECORDING_MAGIC "TALLYREC"
#define RECORDING_ORDER 0x01020304U
#define RECORDING_NAME 32
#define RECORDING_RAW 1U /* recording_header.flags: texts were not scrubbed */

struct recording_header {
	char magic[8];
	uint32_t order; /* RECORDING_ORDER in the byte order of all that follows */
	uint16_t wire_version;
	uint16_t bytes; /* of this header; a later one may be longer */
	uint32_t flags;
	uint32_t pad;
	char version[RECORDING_NAME];	 /* of the tallyman that wrote it */
	char layout[RECORDING_NAME];	 /* "v1", "v2" or "hybrid" */
	char controller[RECORDING_NAME]; /* whose hierarchy cgroup ids are of; "" unified */
};
_Static_assert(sizeof(struct recording_header) == 24 + 3 * RECORDING_NAME, "file format");

/* Looks like a record of kind 0, which there is none of. */
struct recording_end {
	struct rec_hdr hdr;
	uint64_t records;
};
_Static_assert(sizeof(struct recording_end) == 24, "file format");

/* ---- writing ---- */

struct recorder;

struct recorder_config {
	const char *path;
	const char *version;
	const char *layout;
	const char *controller;
	const char *const *comment_keys; /* see scrub.h */
	bool raw;			 /* keep texts as they were on the wire */
};

/* Makes the file, readable by its owner only. Errors are logged. */
int recorder_new(struct recorder **out, const struct recorder_config *cfg);

/* A record_fn with the recorder as context. After an error it does nothing. */
void recorder_record(void *recorder, const void *rec, size_t len);

/* 0, or what went wrong first (logged then). */
int recorder_error(const struct recorder *r);
uint64_t recorder_count(const struct recorder *r);

/* Writes the end and frees the recorder, which may be NULL. 0, or what went wrong (logged). */
int recorder_close(struct recorder *r);

/* ---- reading ---- */

struct recording;

/*
 * Reads from `f`, which stays the caller's; `name` is for messages. On an error err has one line:
 * -EINVAL: no recording, or none that this tallyman can read.
 */
int recording_open(struct recording **out, FILE *f, const char *name, char *err, size_t cap);
void recording_free(struct recording *r);

const struct recording_header *recording_header(const struct recording *r);

/*
 * The next record of a known kind, 8-byte aligned, valid until the next call. 1, 0 at the end, or a
 * negative errno with one line in err: -EPIPE: the recording is cut; -EBADMSG: it is damaged here.
 */
int recording_next(struct recording *r, const void **rec, size_t *len, char *err, size_t cap);

/* Records handed out so far, and records of unknown kinds that were passed over. */
uint64_t recording_count(const struct recording *r);
uint64_t recording_skipped(const struct recording *r);

#endif
