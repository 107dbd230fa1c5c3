/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests are worth a line of their own. In: every request's owner and wall time. Out: yes or no:
 * it took longer than a threshold, given or the 99th percentile of its own workflow, and not too many
 * were told of in this second. Its only clock is the requests' own. Bounded.
 */
#ifndef TALLYMAN_SLOW_H
#define TALLYMAN_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "user/owner.h"

#define SLOW_COUNT_MIN 100	/* requests of a workflow before its percentile counts */
#define SLOW_PER_SECOND 20	/* requests that are told of */
#define SLOW_WORKFLOWS_MAX 4096 /* those above share one percentile */

struct slow;

/* slower_ns: 0: the workflow's own 99th percentile. NULL: out of memory. */
struct slow *slow_new(uint64_t slower_ns);
void slow_free(struct slow *s);

/*
 * True: tell of it. *left_out: how many slow ones were not told of since the last one that was; set
 * only with true.
 */
bool slow_take(struct slow *s, struct owner owner, uint64_t wall_ns, uint64_t time_ns,
	       uint64_t *left_out);

/* How many were left out since the last one that was told of. */
uint64_t slow_left_out(const struct slow *s);

#endif
