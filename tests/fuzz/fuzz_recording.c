/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording that anybody may have written, through the whole pipeline. Checked: nothing crashes. A reply that
 * tells of thousands of requests is left out: more of the same costs milliseconds and shows nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/export_json.h"
#include "user/pipeline.h"
#include "user/recording.h"

#define REPLY_MAX 300
#define EVENT_BYTES 32 /* what a request has at least on the wire, or about */

/* Bytes that stand for what was made of the input: one record may tell of 65,535 requests. */
size_t fuzz_work;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void told(void *ctx, const struct pipeline_request *r)
{
	(void)ctx;
	fuzz_work += r->event ? EVENT_BYTES : 0;
}

static void take(struct pipeline *p, const void *rec, size_t len)
{
	const struct rec_reply *r = rec;

	if (len >= REC_REPLY_FIXED && r->hdr.kind == REC_REPLY && r->count > REPLY_MAX)
		return;
	pipeline_record(p, rec, len);
}

static void run(FILE *in, const struct config *config, FILE *out)
{
	struct pipeline *p =
		pipeline_new(&(struct pipeline_config){ .config = config, .request = told });
	struct recording *r;
	struct agg_view *v;
	const void *rec;
	char err[256];
	size_t len;

	if (!p)
		abort();
	if (!recording_open(&r, in, "fuzz", err, sizeof(err))) {
		while (recording_next(r, &rec, &len, err, sizeof(err)) > 0)
			take(p, rec, len);
		recording_free(r);
	}
	if (!pipeline_view(p, &v)) {
		export_json_write(out, v);
		agg_view_free(v);
	}
	pipeline_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config *config;
	static FILE *out;
	char err[CONFIG_ERR_MAX];
	FILE *in;

	if (!out) {
		out = fopen("/dev/null", "w");
		if (!out || config_parse(&config, "fuzz", STR(""), err, sizeof(err)))
			abort();
	}
	in = size ? fmemopen((void *)data, size, "r") : NULL;
	if (in) {
		run(in, config, out);
		fclose(in);
	}
	return 0;
}
