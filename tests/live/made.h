/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says that it made, against what was counted: its lines are "COUNT OUTCOME OPERATION", and an
 * operation may have blanks in it.
 */
#ifndef TALLYMAN_LIVE_MADE_H
#define TALLYMAN_LIVE_MADE_H

#include <jansson.h>

/* Requests of that protocol, operation and outcome; NULL: of any. */
json_int_t made_counted(const json_t *facts, const char *protocol, const char *role,
			const char *operation, const char *outcome);

/* Fails the test unless each line is what both roles have. How many requests they are. */
long made_compare(const json_t *facts, const char *protocol, const char *lines);

/* Fails the test unless nothing was lost, and what was seen is told. */
void made_nothing_lost(const json_t *facts);

#endif
