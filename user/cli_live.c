/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that trace: run, watch and record, and what those have in common that report once. Each is
 * the agent with other options and another way to report.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "user/agent.h"
#include "user/cli.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"

#define WATCH_INTERVAL_NS (2 * NS_PER_SEC)
#define ONCE_FOR_NS (10 * NS_PER_SEC)
/* Lines of a watch that are no rows: titles, blanks, probes. */
#define WATCH_LINES_AROUND 10
#define WATCH_TABLES 3
#define WATCH_ROWS_MIN 3

/* What became of all that was seen, for whoever stops the agent. */
static int report_run(void *ctx, struct pipeline *p)
{
	struct agg_view *v;
	int err = pipeline_view(p, &v);

	(void)ctx;
	if (err)
		return err;
	for (int i = 0; i < PROBE_MAX; i++) {
		const struct agg_probe_row *r = &v->probes[i];
		uint64_t sum = r->detailed + r->coarse + r->lost_total;

		log_info("%s: seen %" PRIu64 " %s detailed %" PRIu64 " + coarse %" PRIu64
			 " + lost %" PRIu64,
			 r->probe, r->seen, sum == r->seen ? "=" : "!=", r->detailed, r->coarse,
			 r->lost_total);
	}
	agg_view_free(v);
	cli_print_limits(p);
	return 0;
}

struct agent_options cli_agent_options(const struct cli_options *o, struct config *config)
{
	return (struct agent_options){
		.config = config,
		.program_stats = o->program_stats,
		.refuse = o->refuse,
		.for_ns = o->for_ns,
		.interval_ns = o->interval_ns,
		.ctx = (void *)o,
	};
}

static int status_of(int err)
{
	return cli_finish(err ? CLI_FAILED : CLI_OK);
}

int cli_run(const struct cli_options *o)
{
	struct agent_options a;
	struct config *config;
	int status = cli_config(o, &config);

	if (status != CLI_OK)
		return status;
	a = cli_agent_options(o, config);
	a.serve = true;
	a.config_path = o->config ? o->config : CONFIG_DEFAULT_PATH;
	a.config_must_exist = o->config;
	a.report = report_run;
	return status_of(agent_run(&a));
}

int cli_once(const struct cli_options *o, int (*report)(void *ctx, struct pipeline *p))
{
	struct agent_options a;
	struct config *config;
	int status;

	if (o->replay)
		return cli_replay_file(o, o->replay,
				       &(struct cli_replay){ .report = report, .ctx = (void *)o });
	status = cli_config(o, &config);
	if (status != CLI_OK)
		return status;
	a = cli_agent_options(o, config);
	a.for_ns = o->for_ns ? o->for_ns : ONCE_FOR_NS;
	a.report = report;
	return status_of(agent_run(&a));
}

/* Clears the terminal; returns how many rows of each table fit, 0 where there is no terminal. */
static size_t screen_begin(void)
{
	struct winsize size = { 0 };
	int rows;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
		size.ws_row = 24;
	fputs("\033[H\033[2J", stdout);
	rows = (size.ws_row - WATCH_LINES_AROUND) / WATCH_TABLES;
	return rows > WATCH_ROWS_MIN ? rows : WATCH_ROWS_MIN;
}

static int report_watch(void *ctx, struct pipeline *p)
{
	const struct cli_options *o = ctx;
	size_t rows_max = o->interval_ns && !o->json ? screen_begin() : 0;
	int err;

	if (o->interval_ns && o->json)
		printf("{\"kind\":\"interval\",\"end_ns\":%" PRIu64 ",\"length_ns\":%" PRIu64 "}\n",
		       pipeline_now_ns(p), pipeline_span_ns(p));
	err = cli_print(p, o->json, rows_max);
	if (o->interval_ns && !o->json && !rows_max)
		putchar('\n');
	if (o->interval_ns)
		pipeline_clear(p);
	return err;
}

int cli_watch(const struct cli_options *o)
{
	struct cli_options with_interval = *o;
	struct agent_options a;
	struct config *config;
	int status = cli_config(o, &config);

	if (status != CLI_OK)
		return status;
	if (!o->interval_ns && !o->for_ns)
		with_interval.interval_ns = WATCH_INTERVAL_NS;
	a = cli_agent_options(&with_interval, config);
	a.report = report_watch;
	return status_of(agent_run(&a));
}

static int report_record(void *ctx, struct pipeline *p)
{
	const struct cli_options *o = ctx;

	log_info("%s: %" PRIu64 " records", o->output, pipeline_counts(p).records);
	cli_print_limits(p);
	return cli_print(p, o->json, 0);
}

int cli_record(const struct cli_options *o)
{
	struct agent_options a;
	struct config *config;
	int status;

	if (!o->output) {
		log_error("record: where to? Say -o FILE (see tallyman record --help)");
		return CLI_USAGE;
	}
	status = cli_config(o, &config);
	if (status != CLI_OK)
		return status;
	if (o->raw)
		log_warn("%s will hold statements as they are, with all secrets in them",
			 o->output);
	a = cli_agent_options(o, config);
	a.record_path = o->output;
	a.record_raw = o->raw;
	a.report = report_record;
	return status_of(agent_run(&a));
}
