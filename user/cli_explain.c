/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command explain: what the tracer makes of a statement, a Redis command or a cgroup, with the same
 * code and the same rules as when it traces.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "probes/postgres/postgres.h"
#include "probes/redis/redis.h"
#include "user/cgroup_path.h"
#include "user/cli.h"
#include "user/lib/log.h"
#include "user/statement.h"

#define UNATTRIBUTED "unattributed"

static const char *name_of(const struct rules *rules, const struct rule_facts *facts,
			   struct rule_name *name)
{
	return rules_match(rules, facts, name) ? name->s : UNATTRIBUTED;
}

/* Text from a command line may be anything; what is no UTF-8 cannot be JSON. */
static json_t *string_of(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("?");
}

static json_t *tables_of(const struct statement *st)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < st->ntables; i++)
		json_array_append_new(list, string_of(st->tables[i]));
	return list;
}

/* One "name: value" line each, or the object as it is. Frees it. */
static int print_object(json_t *o, bool json)
{
	const char *key;
	json_t *value, *item;
	size_t i;

	if (json) {
		if (!json_dumpf(o, stdout, JSON_COMPACT))
			putchar('\n');
		json_decref(o);
		return CLI_OK;
	}
	json_object_foreach(o, key, value) {
		printf("%-13s", key);
		if (json_is_string(value))
			printf(" %s", json_string_value(value));
		json_array_foreach(value, i, item)
			printf(" %s", json_string_value(item));
		putchar('\n');
	}
	json_decref(o);
	return CLI_OK;
}

static int explain_sql(const struct cli_options *o, const struct config *config, struct str text)
{
	unsigned int nkeys;
	struct probe_env env = { .statements = statements_new(4),
				 .comment_keys = config_comment_keys(config, &nkeys) };
	bool cut = o->window_bytes && text.len > o->window_bytes;
	struct rule_facts facts = { 0 };
	const struct statement *st;
	struct rule_name name;
	json_t *out = json_object();
	int status;

	if (!env.statements) {
		json_decref(out);
		return CLI_FAILED;
	}
	if (cut)
		text.len = o->window_bytes;
	st = postgres_statement(&env, text, cut);
	facts.statement = st;
	json_object_set_new(out, "operation", string_of(st->operation));
	json_object_set_new(out, "summary", string_of(st->summary));
	json_object_set_new(out, "normalized", string_of(st->text));
	json_object_set_new(out, "tables", tables_of(st));
	json_object_set_new(out, "workflow", string_of(name_of(config->workflows, &facts, &name)));
	status = print_object(out, o->json);
	statements_free(env.statements);
	return status;
}

static int explain_redis(const struct cli_options *o, const struct config *config, struct str text)
{
	struct statement st = { .protocol = PROTO_REDIS, .summary = "", .text = "" };
	struct rule_facts facts = { .statement = &st };
	struct redis_facts redis;
	struct rule_name name;
	json_t *out = json_object();

	redis_describe_line(text, &redis);
	st.operation = redis.operation;
	st.key_pattern = redis.pattern;
	json_object_set_new(out, "operation", string_of(redis.operation));
	json_object_set_new(out, "pattern", string_of(redis.pattern));
	json_object_set_new(out, "workflow", string_of(name_of(config->workflows, &facts, &name)));
	return print_object(out, o->json);
}

static int explain_cgroup(const struct cli_options *o, const struct config *config, struct str text)
{
	char label[CGROUP_LABEL_MAX + 1];
	struct rule_facts facts = { .cgroup = text.s, .container = label };
	struct cgroup_path path;
	struct rule_name name;
	json_t *out = json_object();

	cgroup_path_parse(text, &path);
	cgroup_path_label(text, &path, label);
	json_object_set_new(out, "runtime", string_of(cgroup_runtime_name(path.runtime)));
	json_object_set_new(out, "container_id", string_of(path.container_id));
	json_object_set_new(out, "pod_uid", string_of(path.pod_uid));
	json_object_set_new(out, "tenant", string_of(name_of(config->tenants, &facts, &name)));
	return print_object(out, o->json);
}

int cli_explain(const struct cli_options *o)
{
	const char *what = o->args[0];
	struct str text = str_of(o->args[1]);
	struct config *config;
	int status = cli_config(o, &config);

	if (status != CLI_OK)
		return status;
	if (!strcmp(what, "sql")) {
		status = explain_sql(o, config, text);
	} else if (!strcmp(what, "redis")) {
		status = explain_redis(o, config, text);
	} else if (!strcmp(what, "cgroup")) {
		status = explain_cgroup(o, config, text);
	} else {
		log_error("explain: \"%s\" is none of sql, redis, cgroup (see tallyman explain "
			  "--help)",
			  what);
		status = CLI_USAGE;
	}
	config_free(config);
	return cli_finish(status);
}
