/* SPDX-License-Identifier: Apache-2.0 */
/* The command check-config: is a configuration good, and what does it come to? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cli.h"

int cli_check_config(const struct cli_options *o)
{
	struct cli_options named = *o;
	struct config *c;
	const char *path;
	int status;

	if (o->nargs)
		named.config = o->args[0];
	status = cli_config(&named, &c);
	if (status != CLI_OK)
		return status;
	path = named.config ? named.config : CONFIG_DEFAULT_PATH;
	printf("%s: %s: %u tenant rules, %u workflow rules (built in: %s), listen %s%s%s:%u, "
	       "cgroup_hierarchy %s, text_window %" PRIu32 ", ring_size %" PRIu32
	       ", series_limit %" PRIu32 "\n",
	       path, named.config || !access(path, F_OK) ? "good" : "not there, so the defaults",
	       rules_count(c->tenants), rules_count(c->workflows),
	       c->builtin_odoo ? "odoo" : "none", strchr(c->listen_address, ':') ? "[" : "",
	       c->listen_address, strchr(c->listen_address, ':') ? "]" : "", c->listen_port,
	       c->cgroup_hierarchy, c->text_window_bytes, c->ring_bytes, c->series_limit);
	config_free(c);
	return cli_finish(CLI_OK);
}
