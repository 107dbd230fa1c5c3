/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a list of rules, and facts. Out: the first rule that holds, and its name. Knows neither files
 * (see config) nor where facts come from (see attrib).
 */
#include "user/rules.h"

#include <errno.h>
#include <stdlib.h>

#include "user/rules_rule.h"

struct rules {
	struct rule **of;
	unsigned int count;
	unsigned int room;
};

struct rules *rules_new(void)
{
	return calloc(1, sizeof(struct rules));
}

void rules_free(struct rules *list)
{
	if (!list)
		return;
	for (unsigned int i = 0; i < list->count; i++)
		rule_free(list->of[i]);
	free(list->of);
	free(list);
}

static int rules_reserve(struct rules *list, unsigned int more)
{
	unsigned int room = list->room ? list->room : 16;
	struct rule **of;

	while (room < list->count + more)
		room *= 2;
	if (room == list->room)
		return 0;
	of = realloc(list->of, room * sizeof(*of));
	if (!of)
		return -ENOMEM;
	list->of = of;
	list->room = room;
	return 0;
}

int rules_add(struct rules *list, struct rule *r)
{
	if (rules_reserve(list, 1)) {
		rule_free(r);
		return -ENOMEM;
	}
	list->of[list->count++] = r;
	return 0;
}

int rules_append(struct rules *list, struct rules *from)
{
	if (rules_reserve(list, from->count))
		return -ENOMEM;
	for (unsigned int i = 0; i < from->count; i++)
		list->of[list->count++] = from->of[i];
	from->count = 0;
	return 0;
}

unsigned int rules_count(const struct rules *list)
{
	return list->count;
}

const struct rule *rules_at(const struct rules *list, unsigned int i)
{
	return i < list->count ? list->of[i] : NULL;
}

bool rule_is_of_http(const struct rule *r)
{
	for (unsigned int i = 0; i < r->nconds; i++)
		switch (r->conds[i].key) {
		case RULE_HTTP_ROUTE:
		case RULE_HTTP_METHOD:
		case RULE_HOST:
			return true;
		default:
			break;
		}
	return false;
}

static bool any_matches(const struct rule_cond *c, const char *fact, struct glob_captures *caps)
{
	if (!fact || !*fact)
		return false;
	for (unsigned int i = 0; i < c->npatterns; i++)
		if (glob_match(c->patterns[i], str_of(fact), caps))
			return true;
	return false;
}

/* A pattern without a dot is about the table's name, one with a dot about "schema.table". */
static bool table_matches(const struct rule_cond *c, const struct statement *st,
			  struct glob_captures *caps)
{
	for (unsigned int i = 0; i < c->npatterns; i++) {
		for (unsigned int t = 0; t < st->ntables; t++) {
			const char *name = st->tables[t];
			const char *dot = c->dotted[i] ? NULL : strrchr(name, '.');

			if (glob_match(c->patterns[i], str_of(dot ? dot + 1 : name), caps))
				return true;
		}
	}
	return false;
}

static bool comment_matches(const struct rule_cond *c, const struct statement *st,
			    struct glob_captures *caps)
{
	for (unsigned int i = 0; i < st->ncomments; i++)
		if (!strcmp(st->comments[i].key, c->comment_key) &&
		    any_matches(c, st->comments[i].value, caps))
			return true;
	return false;
}

static const char *protocol_name(enum protocol protocol)
{
	switch (protocol) {
	case PROTO_POSTGRESQL:
		return "postgresql";
	case PROTO_REDIS:
		return "redis";
	case PROTO_HTTP:
		return "http";
	default:
		return "";
	}
}

/* The method is an operation's first word. */
static bool method_matches(const struct rule_cond *c, const struct statement *st,
			   struct glob_captures *caps)
{
	struct str method = { st->operation, strcspn(st->operation, " ") };

	for (unsigned int i = 0; i < c->npatterns; i++)
		if (method.len && glob_match(c->patterns[i], method, caps))
			return true;
	return false;
}

static bool statement_matches(const struct rule_cond *c, const struct statement *st,
			      struct glob_captures *caps)
{
	bool sql = st->protocol == PROTO_POSTGRESQL, redis = st->protocol == PROTO_REDIS;
	bool http = st->protocol == PROTO_HTTP;

	switch (c->key) {
	case RULE_SQL_TABLE:
		return sql && table_matches(c, st, caps);
	case RULE_SQL_OPERATION:
		return sql && any_matches(c, st->operation, caps);
	case RULE_SQL_COMMENT:
		return sql && comment_matches(c, st, caps);
	case RULE_REDIS_KEY:
		return redis && any_matches(c, st->key_pattern, caps);
	case RULE_REDIS_COMMAND:
		return redis && any_matches(c, st->operation, caps);
	case RULE_HTTP_ROUTE:
		return http && any_matches(c, st->key_pattern, caps);
	case RULE_HTTP_METHOD:
		return http && method_matches(c, st, caps);
	case RULE_HOST:
		return http && any_matches(c, st->host, caps);
	case RULE_PROTOCOL:
		return any_matches(c, protocol_name(st->protocol), caps);
	default:
		return false;
	}
}

static bool cond_holds(const struct rule_cond *c, const struct rule_facts *f,
		       struct glob_captures *caps)
{
	switch (c->key) {
	case RULE_CGROUP:
		return any_matches(c, f->cgroup, caps);
	case RULE_CONTAINER:
		return any_matches(c, f->container, caps);
	case RULE_PROCESS:
		return any_matches(c, f->process, caps);
	case RULE_DATABASE:
		return any_matches(c, f->database, caps);
	case RULE_USER:
		return any_matches(c, f->user, caps);
	case RULE_APPLICATION_NAME:
		return any_matches(c, f->application_name, caps);
	default:
		return f->statement && statement_matches(c, f->statement, caps);
	}
}

const struct rule *rules_match(const struct rules *list, const struct rule_facts *facts,
			       struct rule_name *name)
{
	for (unsigned int i = 0; i < list->count; i++) {
		const struct rule *r = list->of[i];
		struct glob_captures caps;
		unsigned int k = 0;

		caps.count = 0;
		while (k < r->nconds && cond_holds(&r->conds[k], facts, &caps))
			k++;
		if (k < r->nconds)
			continue;
		rule_render(r, &caps, name);
		return r;
	}
	return NULL;
}
