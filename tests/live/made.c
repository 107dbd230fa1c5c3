/* SPDX-License-Identifier: Apache-2.0 */
/* In: the tracer's JSON lines and a client's own account. Out: nothing, or a failed test that says where. */
#include "tests/live/made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/live/facts.h"

static const char *const roles[] = { "server", "client" };

static bool is(const json_t *line, const char *field, const char *value)
{
	const char *s = json_string_value(json_object_get(line, field));

	return s && (!value || !strcmp(s, value));
}

json_int_t made_counted(const json_t *facts, const char *protocol, const char *role,
			const char *operation, const char *outcome)
{
	json_int_t n = 0;
	const json_t *line;
	size_t i;

	json_array_foreach((json_t *)facts, i, line)
		if (is(line, "kind", "requests") && is(line, "protocol", protocol) &&
		    is(line, "role", role) && is(line, "operation", operation) &&
		    is(line, "outcome", outcome))
			n += json_integer_value(json_object_get(line, "count"));
	return n;
}

long made_compare(const json_t *facts, const char *protocol, const char *lines)
{
	char outcome[32], operation[256];
	long count, all = 0;
	bool same = true;
	int used = 0;

	for (; *lines; lines += used + (lines[used] == '\n')) {
		assert_int_equal(sscanf(lines, "%ld %31s %255[^\n]%n", &count, outcome, operation,
					&used),
				 3);
		for (int i = 0; i < 2; i++) {
			json_int_t got =
				made_counted(facts, protocol, roles[i], operation, outcome);

			if (got != count)
				print_message("%s %s %s: %ld made, %lld seen\n", roles[i],
					      operation, outcome, count, (long long)got);
			same &= got == count;
		}
		all += count;
	}
	assert_true(same);
	return all;
}

void made_nothing_lost(const json_t *facts)
{
	assert_int_equal(facts_sum(facts, "lost", "kind=events probe=sock"), 0);
	assert_int_equal(facts_sum(facts, "seen", "kind=events probe=sock"),
			 facts_sum(facts, "detailed", "kind=events probe=sock") +
				 facts_sum(facts, "coarse", "kind=events probe=sock"));
}
