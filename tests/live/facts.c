/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the tracer's JSON lines. In: text. Out: sums of fields over chosen lines. Knows no field. */
#define _GNU_SOURCE
#include <stdbool.h>
#include "tests/live/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

json_t *facts_parse(const char *text)
{
	json_t *facts = json_array();

	while (*text) {
		const char *end = strchrnul(text, '\n');
		json_error_t why;
		json_t *line = json_loadb(text, end - text, 0, &why);

		if (!json_is_object(line))
			fail_msg("not JSON: %s: %.*s", why.text, (int)(end - text), text);
		json_array_append_new(facts, line);
		text = *end ? end + 1 : end;
	}
	return facts;
}

static bool field_is(const json_t *line, const char *pair, size_t len)
{
	const char *eq = memchr(pair, '=', len);
	char name[64], number[32];
	const json_t *value;

	if (!eq)
		fail_msg("no '=' in \"%s\"", pair);
	snprintf(name, sizeof(name), "%.*s", (int)(eq - pair), pair);
	value = json_object_get(line, name);
	len -= eq + 1 - pair;
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return strlen(number) == len && !memcmp(number, eq + 1, len);
	}
	return json_string_length(value) == len && json_is_string(value) &&
	       !memcmp(json_string_value(value), eq + 1, len);
}

static bool chosen(const json_t *line, const char *where)
{
	while (*where) {
		size_t len = strcspn(where, " ");

		if (len && !field_is(line, where, len))
			return false;
		where += len + strspn(where + len, " ");
	}
	return true;
}

static int sum(const json_t *facts, const char *field, const char *fmt, va_list args,
	       json_int_t *total)
{
	char *where;
	json_t *line;
	size_t i;
	int n = 0;

	if (vasprintf(&where, fmt, args) < 0)
		abort();
	*total = 0;
	json_array_foreach(facts, i, line) {
		if (!chosen(line, where))
			continue;
		n++;
		if (field && !json_object_get(line, field))
			fail_msg("no field \"%s\" where %s", field, where);
		*total += field ? json_integer_value(json_object_get(line, field)) : 0;
	}
	free(where);
	return n;
}

json_int_t facts_sum(const json_t *facts, const char *field, const char *fmt, ...)
{
	json_int_t total;
	va_list args;

	va_start(args, fmt);
	sum(facts, field, fmt, args, &total);
	va_end(args);
	return total;
}

int facts_count(const json_t *facts, const char *fmt, ...)
{
	json_int_t total;
	va_list args;
	int n;

	va_start(args, fmt);
	n = sum(facts, NULL, fmt, args, &total);
	va_end(args);
	return n;
}

json_int_t facts_one(const json_t *facts, const char *field, const char *fmt, ...)
{
	json_int_t total;
	va_list args;
	int n;

	va_start(args, fmt);
	n = sum(facts, field, fmt, args, &total);
	va_end(args);
	if (n != 1) {
		facts_print(facts, "");
		fail_msg("%d lines where one was expected: %s", n, fmt);
	}
	return total;
}

void facts_print(const json_t *facts, const char *where)
{
	json_t *line;
	size_t i;

	json_array_foreach(facts, i, line) {
		char *text = json_dumps(line, JSON_COMPACT);

		if (chosen(line, where))
			print_message("%s\n", text);
		free(text);
	}
}
