/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracer costs, and what is done about it: measures once a second, asks the governor, and sets what the
 * kernel's side may spend. Tells it as a REC_PRICE. Part of the agent.
 */
#ifndef TALLYMAN_AGENT_PRICE_H
#define TALLYMAN_AGENT_PRICE_H

#include "user/lanes.h"
#include "user/session.h"

struct agent_price;

/*
 * budget: of the node's CPU time, in thousandths of a percent; 0: no limit. Sets the first allowances. 0 or -ENOMEM.
 */
int agent_price_new(struct agent_price **out, struct session *session, uint32_t budget);
void agent_price_free(struct agent_price *p);

/* After each drain; does something once a second. details_ns: CPU time for records from the lanes, since the start. */
void agent_price_step(struct agent_price *p, uint64_t now_ns, uint64_t details_ns, record_fn fn,
		      void *ctx);

#endif
