/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command net: TCP connections by container and peer, and the queues of listening sockets, live for a
 * while or in a recording. In: the view's rows. Out: two tables, or JSON lines.
 */
#include <stdio.h>

#include "user/cli.h"
#include "user/export_json.h"
#include "user/export_table.h"
#include "user/lib/log.h"

static int report_net(void *ctx, struct pipeline *p)
{
	const struct cli_options *o = ctx;
	struct agg_view *v;
	int err = pipeline_view(p, &v);

	if (err) {
		log_error("out of memory");
		return err;
	}
	err = o->json ? export_json_net(stdout, v) ?: export_json_stack(stdout, v)
		      : export_table_net(stdout, v, &(struct table_options){ 0 });
	agg_view_free(v);
	err = cli_printed(err);
	cli_print_limits(p);
	return err;
}

int cli_net(const struct cli_options *o)
{
	return cli_once(o, report_net);
}
