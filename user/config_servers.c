/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the keys about PostgreSQL servers that may be asked. Out: their connection strings, checked, so that
 * what cannot work is said with its line at start. No message has the string: it may have a password.
 */
#include <errno.h>

#include "user/config_parts.h"
#include "user/pg_conninfo.h"

#define LOCK_ASK_MS_MAX 60000U

static int read_connect(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	struct config_server *server = &cfg->servers[cfg->nservers];
	struct pg_conninfo info;
	struct str text;
	char why[160];
	int err = reader_text(r, node, "connect", &text);

	if (err)
		return err;
	server->connect = strndup(text.s, text.len);
	if (!server->connect)
		return reader_nomem(r);
	cfg->nservers++;
	if (pg_conninfo_parse(&info, server->connect, why, sizeof(why)))
		return reader_fail(r, node, "connect: %s", why);
	pg_conninfo_free(&info);
	return 0;
}

static int read_server(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	static const char *const names[] = { "connect", NULL };
	const yaml_node_t *seen[1] = { NULL };
	int err = reader_expect_mapping(r, node, "a server of postgresql");

	if (err)
		return err;
	if (cfg->nservers == CONFIG_SERVERS_MAX)
		return reader_fail(r, node, "more than %d servers", CONFIG_SERVERS_MAX);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top && !err; p++) {
		int i = reader_key(r, reader_node(r, p->key), "key", names, seen);

		err = i < 0 ? i : read_connect(r, cfg, reader_node(r, p->value));
	}
	if (!err && !seen[0])
		return reader_fail(r, node, "a server of postgresql needs \"connect\"");
	return err;
}

int config_read_servers(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return reader_fail(r, node,
				   "postgresql must be a list, as in: - connect: "
				   "\"host=/run/postgresql user=tallyman\"");
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top && !err; item++)
		err = read_server(r, cfg, reader_node(r, *item));
	return err;
}

int config_read_lock_ask(struct config_reader *r, struct config *cfg, const yaml_node_t *node)
{
	uint64_t n;
	int err = config_read_number(r, node, "lock_ask_ms", 1, LOCK_ASK_MS_MAX, &n);

	if (!err)
		cfg->lock_ask_ms = (uint32_t)n;
	return err;
}
