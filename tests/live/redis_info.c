/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: INFO's text, twice, and the tracer's JSON lines. A command that the server rejected (wrong arity,
 * not authenticated) is in rejected_calls, and was asked all the same. The asking for INFO itself is
 * left out: nobody traces it.
 */
#define _GNU_SOURCE
#include "tests/live/redis_info.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/child.h"
#include "tests/live/facts.h"
#include "tests/live/made.h"

static const char *const roles[] = { "server", "client" };

char *redis_info(const struct server *s)
{
	return shell(NULL, "redis-cli -s %s info everything | tr -d '\\r'", s->socket);
}

/* The text behind "NAME:" at the beginning of a line, or NULL. */
static const char *line_of(const char *info, const char *name)
{
	size_t len = strlen(name);

	while (info && *info) {
		if (!strncmp(info, name, len) && info[len] == ':')
			return info + len + 1;
		info = strchr(info, '\n');
		info += info ? 1 : 0;
	}
	return NULL;
}

long redis_info_number(const char *info, const char *name)
{
	const char *text = line_of(info, name);

	return text ? atol(text) : 0;
}

/* field=NUMBER in the line of that name. */
static long field_of(const char *info, const char *name, const char *field)
{
	const char *text = line_of(info, name), *end = text ? strchrnul(text, '\n') : NULL;
	const char *at = text ? strstr(text, field) : NULL;

	return at && at < end ? atol(at + strlen(field)) : 0;
}

static long asked(const char *info, const char *name)
{
	return field_of(info, name, "calls=") + field_of(info, name, "rejected_calls=");
}

static bool differs(const char *role, const char *what, long told, json_int_t got)
{
	if (got != told)
		print_message("%s %s: INFO says %ld, seen %lld\n", role, what, told,
			      (long long)got);
	return got != told;
}

/* "cmdstat_config|get" is operation "CONFIG GET". */
static void operation_of(const char *name, char *out)
{
	for (name += strlen("cmdstat_"); *name; name++)
		*out++ = *name == '|' ? ' ' : (char)toupper((unsigned char)*name);
	*out = '\0';
}

/* Calls `check` with each name of that prefix, and what was added to it. */
static long each(const char *before, const char *after, const char *prefix,
		 long (*number)(const char *info, const char *name), const json_t *facts,
		 bool (*check)(const json_t *facts, const char *name, long added))
{
	char name[128];
	bool bad = false;
	long sum = 0;

	for (const char *line = after; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, prefix, strlen(prefix)) || sscanf(line, "%127[^:]", name) != 1)
			continue;
		long added = number(after, name) - number(before, name);

		if (!strcmp(name, "cmdstat_info"))
			continue;
		bad |= check(facts, name, added);
		sum += added;
	}
	assert_false(bad);
	return sum;
}

/* Only scripts of the tests call that one: the server counts it, nobody asked. */
static bool check_command(const json_t *facts, const char *name, long added)
{
	char operation[128];
	bool bad = false;

	if (!strcmp(name, "cmdstat_setrange"))
		return false;
	operation_of(name, operation);
	for (int i = 0; i < 2; i++)
		bad |= differs(roles[i], operation, added,
			       made_counted(facts, "redis", roles[i], operation, NULL));
	return bad;
}

static long count(const char *info, const char *name)
{
	return field_of(info, name, "count=");
}

static bool check_error(const json_t *facts, const char *name, long added)
{
	bool bad = false;

	for (int i = 0; i < 2; i++)
		bad |= differs(roles[i], name, added,
			       facts_sum(facts, "count",
					 "kind=requests protocol=redis role=%s outcome=%s",
					 roles[i], name + strlen("errorstat_")));
	return bad;
}

long redis_info_commands(const char *before, const char *after, const json_t *facts)
{
	return each(before, after, "cmdstat_", asked, facts, check_command);
}

long redis_info_errors(const char *before, const char *after, const json_t *facts)
{
	return each(before, after, "errorstat_", count, facts, check_error);
}

void redis_info_hits(const char *before, const char *after, const json_t *facts)
{
	static const char *const names[][2] = { { "keyspace_hits", "hits" },
						{ "keyspace_misses", "misses" } };
	bool bad = false;

	for (int i = 0; i < 4; i++) {
		const char *name = names[i / 2][0], *role = roles[i % 2];
		long added = redis_info_number(after, name) - redis_info_number(before, name);

		bad |= differs(role, name, added,
			       facts_sum(facts, names[i / 2][1], "kind=redis_keys role=%s", role));
	}
	assert_false(bad);
}
