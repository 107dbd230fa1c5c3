/* SPDX-License-Identifier: Apache-2.0 */
/* Repeats measurements and keeps figures. In: what a test measured. Out: lines of a table. */
#define _GNU_SOURCE
#include "tests/live/truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define TRIES 4

static char *rows; /* of the measurement under way */
static bool again; /* it may be made again */

bool thorough(void)
{
	return getenv("TALLYMAN_THOROUGH");
}

static void rows_drop(void)
{
	free(rows);
	rows = NULL;
}

static void rows_keep(void)
{
	const char *path = getenv("TALLYMAN_FIGURES");
	FILE *f = path && rows ? fopen(path, "a") : NULL;

	if (f) {
		fputs(rows, f);
		fclose(f);
	}
	rows_drop();
}

void truth_holds_in(int tries, bool (*measure)(void *arg), void *arg)
{
	bool holds = false;

	again = true;
	for (int i = 0; i < tries && !holds; i++) {
		if (i)
			print_message("once more\n");
		rows_drop();
		holds = measure(arg);
	}
	again = false;
	rows_keep();
	assert_true(holds);
}

void truth_holds(bool (*measure)(void *arg), void *arg)
{
	truth_holds_in(TRIES, measure, arg);
}

void truth_figure(const char *what, const char *bound, const char *fmt, ...)
{
	char *value, *more;
	va_list list;

	va_start(list, fmt);
	if (vasprintf(&value, fmt, list) < 0)
		abort();
	va_end(list);
	print_message("%s: %s (%s)\n", what, value, bound);
	if (asprintf(&more, "%s| %s | %s | %s |\n", rows ? rows : "", what, bound, value) < 0)
		abort();
	free(value);
	free(rows);
	rows = more;
	if (!again)
		rows_keep();
}
