/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing half: records in, a file out. Each record is copied, scrubbed and put into a large buffer
 * that goes to the file when it is full. The first error is told once and ends the recording.
 */
#include "user/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/log.h"
#include "user/scrub.h"

#define BUFFER_BYTES (256 << 10)

struct recorder {
	char *path;
	int fd;
	int err;
	struct scrub *scrub; /* NULL: raw */
	uint64_t records;
	size_t used;
	_Alignas(8) char copy[UINT16_MAX + 1];
	char buffer[BUFFER_BYTES];
};

static void recorder_fail(struct recorder *r, int err)
{
	r->err = err;
	log_error("cannot write %s: %s; the recording ends after %" PRIu64 " records", r->path,
		  strerror(-err), r->records);
}

static void recorder_flush(struct recorder *r)
{
	size_t done = 0;

	while (!r->err && done < r->used) {
		ssize_t n = write(r->fd, r->buffer + done, r->used - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			recorder_fail(r, n ? -errno : -ENOSPC);
	}
	r->used = 0;
}

static void recorder_put(struct recorder *r, const void *p, size_t len)
{
	if (len > sizeof(r->buffer) - r->used)
		recorder_flush(r);
	memcpy(r->buffer + r->used, p, len);
	r->used += len;
}

static void recorder_free(struct recorder *r)
{
	if (r->fd >= 0)
		close(r->fd);
	scrub_free(r->scrub);
	free(r->path);
	free(r);
}

static int recorder_init(struct recorder *r, const struct recorder_config *cfg)
{
	r->path = strdup(cfg->path);
	r->scrub = cfg->raw ? NULL : scrub_new(cfg->comment_keys);
	if (!r->path || (!cfg->raw && !r->scrub))
		return -ENOMEM;
	r->fd = open(cfg->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return r->fd < 0 ? -errno : 0;
}

int recorder_new(struct recorder **out, const struct recorder_config *cfg)
{
	struct recording_header h = { .magic = RECORDING_MAGIC,
				      .order = RECORDING_ORDER,
				      .wire_version = WIRE_VERSION,
				      .bytes = sizeof(h),
				      .flags = cfg->raw ? RECORDING_RAW : 0 };
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->fd = -1;
	err = recorder_init(r, cfg);
	if (err) {
		log_error("cannot write %s: %s", cfg->path, strerror(-err));
		recorder_free(r);
		return err;
	}
	snprintf(h.version, sizeof(h.version), "%s", cfg->version);
	snprintf(h.layout, sizeof(h.layout), "%s", cfg->layout);
	snprintf(h.controller, sizeof(h.controller), "%s", cfg->controller);
	recorder_put(r, &h, sizeof(h));
	recorder_flush(r); /* a file that cannot take this much is told of at once */
	err = r->err;
	if (err)
		recorder_free(r);
	else
		*out = r;
	return err;
}

void recorder_record(void *recorder, const void *rec, size_t len)
{
	struct recorder *r = recorder;

	if (r->err || len < sizeof(struct rec_hdr) || len > UINT16_MAX)
		return;
	if (r->scrub) {
		memcpy(r->copy, rec, len);
		scrub_record(r->scrub, r->copy, len);
		rec = r->copy;
	}
	recorder_put(r, rec, len);
	r->records += !r->err;
}

int recorder_error(const struct recorder *r)
{
	return r->err;
}

uint64_t recorder_count(const struct recorder *r)
{
	return r->records;
}

int recorder_close(struct recorder *r)
{
	struct recording_end end = { .hdr = { .len = sizeof(end) } };
	int err;

	if (!r)
		return 0;
	if (!r->err) {
		end.records = r->records;
		recorder_put(r, &end, sizeof(end));
		recorder_flush(r);
	}
	/* Network file systems tell that the disk is full here. */
	if (close(r->fd) && !r->err)
		recorder_fail(r, -errno);
	r->fd = -1;
	err = r->err;
	recorder_free(r);
	return err;
}
