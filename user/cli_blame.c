/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command blame: who waited for whom, live for a while or in a recording. Rows of the ledger in,
 * those of one resource if that is asked for; text or JSON lines out.
 */
#include <stdio.h>
#include <string.h>

#include "user/cli.h"
#include "user/export_blame.h"
#include "user/export_json.h"
#include "user/ledger.h"
#include "user/lib/log.h"

/* Leaves only the rows of that resource; "" all. */
static size_t choose(struct wait_row *rows, size_t n, const char *resource)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!resource || !strcmp(ledger_resource_name(rows[i].resource), resource))
			rows[kept++] = rows[i];
	return kept;
}

static int report_blame(void *ctx, struct pipeline *p)
{
	const struct cli_options *o = ctx;
	struct agg_view *v;
	int err = pipeline_view(p, &v);

	if (err) {
		log_error("out of memory");
		return err;
	}
	v->nwaits = choose(v->waits, v->nwaits, o->resource);
	err = o->json ? export_json_waits(stdout, v->waits, v->nwaits)
		      : export_blame_write(stdout, v->waits, v->nwaits);
	agg_view_free(v);
	err = cli_printed(err);
	cli_print_limits(p);
	return err;
}

int cli_blame(const struct cli_options *o)
{
	return cli_once(o, report_blame);
}
