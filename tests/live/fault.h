/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of faults share: a Redis that serves this test's own tenant, loads that it counts itself, and the
 * tracer's account of them. Fails the running test where the two differ.
 */
#ifndef TALLYMAN_LIVE_FAULT_H
#define TALLYMAN_LIVE_FAULT_H

#include <jansson.h>
#include <sys/types.h>

#include "tests/live/agent.h"
#include "tests/live/server.h"

/* For a group's set-up and its end. The test itself is in the tenant's cgroup from then on. */
int fault_begin(void **state);
int fault_end(void **state);

extern struct server fault_redis;

/* How often to do what is to be done: that variable, or so often. */
int fault_times(const char *variable, int usual);

/* GETs and SETs of two clients, one CPU's worth, until fault_load_end(). */
pid_t fault_load_start(void);
void fault_load_end(pid_t load);

/* So many GETs from new connections, to their end. */
void fault_gets(long n);

/*
 * Commands that the server served so far; asking for it is left out. A tracer sees the asking: ask before it starts and
 * after its last word.
 */
long fault_served(void);

/* Sum of the samples in the text whose name is that one and whose labels have the words (NULL: any). */
double fault_sample(const char *metrics, const char *name, const char *word, const char *other);

/* seen = detailed + coarse + lost, for requests; what was lost. */
long fault_balanced(const char *metrics);

/* This tenant's requests at both ends, HTTP left out. */
long fault_counted(const char *metrics);

/* Fails the test, and says what was counted, unless these are what was served, at both ends. */
void fault_counted_all(const char *metrics, long served);

/* A tracer that starts now counts each of some thousand requests at both ends, and loses none. */
void fault_all_well(const char *config);

#endif
