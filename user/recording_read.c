/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half: a stream that anybody may have written in, whole records out. Only sizes are
 * checked here; what is in a record is its decoder's to doubt.
 */
#include "user/recording.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct recording {
	FILE *f;
	const char *name;
	struct recording_header header;
	uint64_t records;
	uint64_t skipped;
	_Alignas(8) char rec[UINT16_MAX + 1];
};

/* 1: read; 0: nothing more is there; -EPIPE: only a part; or why reading failed. */
static int read_whole(FILE *f, void *p, size_t len)
{
	size_t n = fread(p, 1, len, f);

	if (n == len)
		return 1;
	if (ferror(f))
		return errno ? -errno : -EIO;
	return n ? -EPIPE : 0;
}

static int refuse(const char *name, const char *why, char *err, size_t cap)
{
	snprintf(err, cap, "%s: %s", name, why);
	return -EINVAL;
}

static int header_check(struct recording_header *h, const char *name, char *err, size_t cap)
{
	if (memcmp(h->magic, RECORDING_MAGIC, sizeof(h->magic)))
		return refuse(name, "is no recording of tallyman", err, cap);
	if (h->order == __builtin_bswap32(RECORDING_ORDER))
		return refuse(name, "was recorded on a machine of the other byte order", err, cap);
	if (h->order != RECORDING_ORDER || h->bytes < sizeof(*h))
		return refuse(name, "has a damaged header", err, cap);
	h->version[RECORDING_NAME - 1] = '\0';
	h->layout[RECORDING_NAME - 1] = '\0';
	h->controller[RECORDING_NAME - 1] = '\0';
	if (h->wire_version == WIRE_VERSION)
		return 0;
	snprintf(err, cap,
		 "%s: has records of version %u, this tallyman reads version %u only "
		 "(replay it with tallyman %s)",
		 name, h->wire_version, WIRE_VERSION, h->version[0] ? h->version : "that wrote it");
	return -EINVAL;
}

int recording_open(struct recording **out, FILE *f, const char *name, char *err, size_t cap)
{
	struct recording *r = malloc(sizeof(*r)); /* all of rec[] that is used is read first */
	int ret;

	if (!r) {
		snprintf(err, cap, "%s: out of memory", name);
		return -ENOMEM;
	}
	memset(r, 0, offsetof(struct recording, rec));
	r->f = f;
	r->name = name;
	errno = 0;
	ret = read_whole(f, &r->header, sizeof(r->header));
	if (ret < 0 && ret != -EPIPE)
		snprintf(err, cap, "%s: cannot be read: %s", name, strerror(-ret));
	else if (ret <= 0)
		ret = refuse(name, "is no recording of tallyman: it is too short", err, cap);
	else
		ret = header_check(&r->header, name, err, cap);
	if (!ret && r->header.bytes > sizeof(r->header) &&
	    read_whole(f, r->rec, r->header.bytes - sizeof(r->header)) <= 0)
		ret = refuse(name, "has a damaged header", err, cap);
	if (ret)
		recording_free(r);
	else
		*out = r;
	return ret;
}

void recording_free(struct recording *r)
{
	free(r);
}

const struct recording_header *recording_header(const struct recording *r)
{
	return &r->header;
}

static int stop(const struct recording *r, int ret, char *err, size_t cap)
{
	const char *why = ret == -EPIPE	    ? "is cut"
			  : ret == -EBADMSG ? "is damaged"
					    : strerror(-ret);

	snprintf(err, cap, "%s: %s after %" PRIu64 " records; what follows is not read", r->name,
		 why, r->records + r->skipped);
	return ret;
}

/* A whole record of any kind into r->rec: 1, or as read_whole(). */
static int record_read(struct recording *r)
{
	struct rec_hdr *hdr = (struct rec_hdr *)r->rec;
	int ret = read_whole(r->f, hdr, sizeof(*hdr));

	if (ret <= 0)
		return ret ? ret : -EPIPE; /* there is no end */
	if (hdr->len < sizeof(*hdr))
		return -EBADMSG;
	if (hdr->len == sizeof(*hdr))
		return 1;
	ret = read_whole(r->f, hdr + 1, hdr->len - sizeof(*hdr));
	return ret ? ret : -EPIPE;
}

static int end_check(const struct recording *r)
{
	const struct recording_end *end = (const struct recording_end *)r->rec;

	if (end->hdr.len != sizeof(*end) || end->records != r->records + r->skipped)
		return -EBADMSG;
	return fgetc(r->f) == EOF ? 0 : -EBADMSG;
}

int recording_next(struct recording *r, const void **rec, size_t *len, char *err, size_t cap)
{
	const struct rec_hdr *hdr = (const struct rec_hdr *)r->rec;
	int ret;

	errno = 0;
	while ((ret = record_read(r)) > 0) {
		if (!hdr->kind)
			ret = end_check(r);
		else if (hdr->kind >= REC_KIND_MAX) {
			r->skipped++;
			continue;
		}
		break;
	}
	if (ret <= 0)
		return ret ? stop(r, ret, err, cap) : 0;
	r->records++;
	*rec = r->rec;
	*len = hdr->len;
	return 1;
}

uint64_t recording_count(const struct recording *r)
{
	return r->records;
}

uint64_t recording_skipped(const struct recording *r)
{
	return r->skipped;
}
