/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration: refused with one line, or a whole configuration whose rules can be
 * matched against the same bytes. Never half of one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/config.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_refusal(const struct config *cfg, const char *err)
{
	must(!cfg);
	must(!strncmp(err, "f.yaml:", 7));
	must(!strchr(err, '\n'));
}

static void match_all(const struct config *cfg, const char *text)
{
	const char *const tables[] = { text };
	const struct sql_comment comments[] = { { "a", text } };
	struct statement sql = { .protocol = PROTO_POSTGRESQL,
				 .operation = text,
				 .key_pattern = "",
				 .tables = tables,
				 .ntables = 1,
				 .comments = comments,
				 .ncomments = 1 };
	struct statement redis = { .protocol = PROTO_REDIS,
				   .operation = text,
				   .key_pattern = text };
	struct rule_facts f = { text, text, text, text, text, text, &sql, false };
	struct rule_name name;

	if (rules_match(cfg->tenants, &f, &name))
		must(strlen(name.s) == name.len && name.len <= RULE_NAME_MAX);
	f.statement = &redis;
	if (rules_match(cfg->workflows, &f, &name))
		must(strlen(name.s) == name.len && name.len <= RULE_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[CONFIG_ERR_MAX] = "", *text = malloc(size + 1);
	struct config *cfg = NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (config_parse(&cfg, "f.yaml", (struct str){ text, size }, err, sizeof(err))) {
		check_refusal(cfg, err);
	} else {
		must(cfg->ring_bytes && !(cfg->ring_bytes & (cfg->ring_bytes - 1)));
		must(cfg->text_window_bytes >= WIRE_TEXT_MIN);
		must(cfg->text_window_bytes <= WIRE_TEXT_MAX);
		match_all(cfg, text);
	}
	config_free(cfg);
	free(text);
	return 0;
}
