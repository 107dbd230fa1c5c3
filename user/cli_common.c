/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several commands share: the configuration with what the command line overrides, and the one way
 * in which aggregates are printed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/cli.h"
#include "user/export_json.h"
#include "user/export_table.h"
#include "user/lib/log.h"
#include "user/lib/shortage.h"

static int override(const struct cli_options *o, struct config *config)
{
	if (o->listen && config_set_listen(config, str_of(o->listen))) {
		log_error("--listen: \"%s\" is not ADDR:PORT (use 127.0.0.1:9464 or [::1]:9464)",
			  o->listen);
		return CLI_USAGE;
	}
	if (o->budget && config_set_budget(config, str_of(o->budget))) {
		log_error(
			"--cpu-budget: \"%s\" is no percentage from 0.001 to 100 (use 0.5, or off)",
			o->budget);
		return CLI_USAGE;
	}
	if (o->hierarchy && strlen(o->hierarchy) >= sizeof(config->cgroup_hierarchy)) {
		log_error(
			"--cgroup-hierarchy: there is no \"%s\" (use auto, unified or a controller)",
			o->hierarchy);
		return CLI_USAGE;
	}
	if (o->hierarchy)
		strcpy(config->cgroup_hierarchy, o->hierarchy);
	config->tls_openssl |= o->tls;
	if (o->ring_bytes)
		config->ring_bytes = (uint32_t)o->ring_bytes;
	return CLI_OK;
}

int cli_config(const struct cli_options *o, struct config **out)
{
	const char *path = o->config ? o->config : CONFIG_DEFAULT_PATH;
	char err[CONFIG_ERR_MAX];
	int status, ret = config_load(out, path, o->config, err, sizeof(err));

	if (ret) {
		log_error("%s", err);
		return shortage_of(ret) ? CLI_FAILED : CLI_USAGE;
	}
	status = override(o, *out);
	if (status != CLI_OK)
		config_free(*out);
	return status;
}

int cli_printed(int err)
{
	if (!err && fflush(stdout))
		err = errno ? -errno : -EIO;
	if (err)
		log_error("cannot print: %s", strerror(-err));
	return err;
}

int cli_print(struct pipeline *p, bool json, size_t rows_max)
{
	const struct table_options options = { .seconds = (double)pipeline_span_ns(p) / 1e9,
					       .rows_max = rows_max };
	struct agg_view *view;
	int err = pipeline_view(p, &view);

	if (err) {
		log_error("out of memory");
		return err;
	}
	err = json ? export_json_write(stdout, view) : export_table_write(stdout, view, &options);
	agg_view_free(view);
	return cli_printed(err);
}

static void limit(uint64_t n, const char *what)
{
	if (n)
		log_warn("%" PRIu64 " %s", n, what);
}

void cli_print_limits(const struct pipeline *p)
{
	struct pipeline_counts c = pipeline_counts(p);

	limit(c.decode.bad_records, "records were damaged and left out");
	limit(c.decode.evicted_conns, "connections were forgotten to make room for others");
	limit(c.decode.forgotten_requests,
	      "requests waited on their connection in too long a line");
	limit(c.decode.unanswered_requests,
	      "Redis commands were sent so that there is no reply: they are not counted as requests");
	limit(c.decode.threaded_servers,
	      "Redis servers read in several threads: who had them while others waited is unknown");
	limit(c.decode.reduced_statements, "requests had a statement that found no room");
	limit(c.decode.reduced_subjects, "connections had facts that found no room");
	limit(c.refused_containers, "cgroups found no room in the table of containers");
	limit(c.agg_errors, "times something was not counted for lack of memory");
}

int cli_finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (status == CLI_OK)
		log_error("cannot write to standard output: %s", strerror(errno ? errno : EIO));
	return CLI_FAILED;
}
