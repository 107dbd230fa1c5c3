/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command replay: a recording through the same pipeline as live, and the same print-out. Needs
 * neither root nor a kernel that can trace.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/cli.h"
#include "user/lib/log.h"
#include "user/recording.h"

/* Everything that can be read goes into the pipeline. 0 or the negative errno of what was told. */
static int feed(struct recording *r, struct pipeline *p)
{
	const void *rec;
	char err[512];
	size_t len;
	int ret;

	while ((ret = recording_next(r, &rec, &len, err, sizeof(err))) > 0)
		pipeline_record(p, rec, len);
	pipeline_finish(p);
	if (ret)
		log_error("%s", err);
	if (recording_skipped(r))
		log_warn("%" PRIu64 " records of unknown kinds were passed over",
			 recording_skipped(r));
	return ret;
}

static int replay(const struct cli_replay *what, FILE *f, const char *name,
		  const struct config *config)
{
	const struct pipeline_config cfg = { .config = config,
					     .request = what->request,
					     .request_ctx = what->ctx };
	struct recording *r;
	struct pipeline *p;
	char err[512];
	int status = CLI_OK;

	if (recording_open(&r, f, name, err, sizeof(err))) {
		log_error("%s", err);
		return CLI_FAILED;
	}
	p = pipeline_new(&cfg);
	if (!p) {
		log_error("out of memory");
		recording_free(r);
		return CLI_FAILED;
	}
	if (feed(r, p))
		status = CLI_FAILED;
	if (what->report(what->ctx, p))
		status = CLI_FAILED;
	pipeline_free(p);
	recording_free(r);
	return status;
}

int cli_replay_file(const struct cli_options *o, const char *name, const struct cli_replay *what)
{
	bool is_stdin = !strcmp(name, "-");
	struct config *config;
	FILE *f;
	int status = cli_config(o, &config);

	if (status != CLI_OK)
		return status;
	f = is_stdin ? stdin : fopen(name, "re");
	if (f) {
		status = replay(what, f, is_stdin ? "standard input" : name, config);
	} else {
		log_error("%s: cannot be read: %s", name, strerror(errno));
		status = CLI_FAILED;
	}
	if (f && !is_stdin)
		fclose(f);
	config_free(config);
	return cli_finish(status);
}

static int report_replay(void *ctx, struct pipeline *p)
{
	const struct cli_options *o = ctx;

	cli_print_limits(p);
	return cli_print(p, o->json, 0);
}

int cli_replay(const struct cli_options *o)
{
	return cli_replay_file(o, o->args[0],
			       &(struct cli_replay){ .report = report_replay, .ctx = (void *)o });
}
