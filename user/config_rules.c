/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: the YAML nodes of `tenants` or `workflows`. Out: compiled rules, or one message. The nodes
 * may form a graph, with loops even (aliases): the depth looked at is fixed and patterns are
 * counted.
 */
#include <errno.h>

#include "user/config_parts.h"

static int read_pattern(struct config_reader *r, struct rule *rule, const yaml_node_t *node,
			const char *key)
{
	const char *why;
	struct str text;
	int err = reader_text(r, node, key, &text);

	if (err)
		return err;
	if (!r->patterns_left--)
		return reader_fail(r, node, "too many patterns in this file (use wildcards)");
	err = rule_add_pattern(rule, text, &why);
	if (err == -ENOMEM)
		return reader_nomem(r);
	if (err)
		return reader_fail(r, node, "%s: cannot use the pattern \"%s\": %s", key,
				   reader_quote(text).s, why);
	return 0;
}

static int read_patterns(struct config_reader *r, struct rule *rule, const yaml_node_t *node,
			 const char *key)
{
	int err = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return read_pattern(r, rule, node, key);
	if (node->data.sequence.items.start == node->data.sequence.items.top)
		return reader_fail(r, node,
				   "%s is an empty list (give a pattern or remove the key)", key);
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top && !err; i++)
		err = read_pattern(r, rule, reader_node(r, *i), key);
	return err;
}

static int read_match_key(struct config_reader *r, struct rule *rule, const yaml_node_t *key,
			  struct str text)
{
	int err = rule_add_key(rule, text);

	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
		return reader_fail_unknown(r, key, "match", text, rule_key_names);
	case -EEXIST:
		return reader_fail(r, key, "match \"%s\" is here twice (make its value a list)",
				   reader_quote(text).s);
	case -E2BIG:
		return reader_fail(r, key, "more than %d keys in one match", RULE_KEYS_MAX);
	case -ENOMEM:
		return reader_nomem(r);
	default:
		return reader_fail(r, key,
				   "\"%s\" needs a comment's key of 1 to %d bytes, as in "
				   "\"sql.comment.route\"",
				   reader_quote(text).s, RULE_COMMENT_KEY_MAX);
	}
}

static int read_match(struct config_reader *r, struct rule *rule, const yaml_node_t *node)
{
	int err = reader_expect_mapping(r, node, "match");

	if (err)
		return err;
	if (node->data.mapping.pairs.start == node->data.mapping.pairs.top)
		return reader_fail(r, node,
				   "match is empty (say what to match, as in "
				   "{database: \"*\"})");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = reader_node(r, p->key);
		struct str text;

		err = reader_text(r, key, "a key of match", &text);
		if (!err)
			err = read_match_key(r, rule, key, text);
		if (!err)
			err = read_patterns(r, rule, reader_node(r, p->value),
					    reader_quote(text).s);
		if (err)
			return err;
	}
	return 0;
}

static int read_name(struct config_reader *r, struct rule *rule, const yaml_node_t *node)
{
	struct str text, bad;
	const char *why;
	int err = reader_text(r, node, "name", &text);

	if (err)
		return err;
	err = rule_set_name(rule, text, &why, &bad);
	if (err == -ENOMEM)
		return reader_nomem(r);
	if (err && !text.len)
		return reader_fail(r, node, "name is empty (give the rule a name)");
	if (err && bad.s != text.s)
		return reader_fail(r, node, "name: {%s}: %s", reader_quote(bad).s, why);
	if (err)
		return reader_fail(r, node, "name \"%s\": %s", reader_quote(text).s, why);
	return 0;
}

static int read_rule(struct config_reader *r, const yaml_node_t *node, const char *what,
		     struct rules *list)
{
	static const char *const names[] = { "match", "name", NULL };
	const yaml_node_t *seen[2] = { NULL, NULL }, *value[2] = { NULL, NULL };
	struct rule *rule;
	int err;

	if (node->type != YAML_MAPPING_NODE)
		return reader_fail(r, node, "an entry of %s must be {match: {...}, name: TEXT}",
				   what);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		int i = reader_key(r, reader_node(r, p->key), "key of a rule", names, seen);

		if (i < 0)
			return i;
		value[i] = reader_node(r, p->value);
	}
	for (int i = 0; i < 2; i++)
		if (!value[i])
			return reader_fail(r, node, "a rule of %s without \"%s\" (add it)", what,
					   names[i]);
	rule = rule_new((unsigned int)node->start_mark.line + 1);
	if (!rule)
		return reader_nomem(r);
	err = read_match(r, rule, value[0]);
	if (!err)
		err = read_name(r, rule, value[1]);
	if (err) {
		rule_free(rule);
		return err;
	}
	return rules_add(list, rule) ? reader_nomem(r) : 0;
}

int config_read_rules(struct config_reader *r, const yaml_node_t *node, const char *what,
		      struct rules *list)
{
	int err = 0;

	if (reader_is_null(node)) /* all entries commented out */
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return reader_fail(r, node, "%s must be a list (lines of \"- match: ...\")", what);
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top && !err; i++)
		err = read_rule(r, reader_node(r, *i), what, list);
	return err;
}
