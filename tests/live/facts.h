/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracer said, as JSON lines (docs/metrics.md). A line is chosen by its fields: "kind=requests
 * role=server operation=GET".
 */
#ifndef TALLYMAN_LIVE_FACTS_H
#define TALLYMAN_LIVE_FACTS_H

#include <jansson.h>

/* An array of the lines; the test fails if one is no JSON object. Freed with json_decref(). */
json_t *facts_parse(const char *text);

/* The sum of a whole-number field over the lines chosen by that format; 0 if there are none. */
json_int_t facts_sum(const json_t *facts, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* How many lines are chosen. */
int facts_count(const json_t *facts, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The field of the only line that is chosen; the test fails if there are more or none. */
json_int_t facts_one(const json_t *facts, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints the chosen lines, for a test that is about to fail. */
void facts_print(const json_t *facts, const char *where);

#endif
