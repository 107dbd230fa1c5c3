/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the session that the hooks of the network stack need: see probes/stack. */
#ifndef TALLYMAN_SESSION_STACK_H
#define TALLYMAN_SESSION_STACK_H

#include <stdint.h>

struct session;

/* Before the programs are loaded. */
void session_stack_tune(struct session *s);

/* Now and then: attaches the hooks that time softirqs, or detaches them. */
void session_stack_watch(struct session *s);
void session_stack_close(struct session *s);

/* After it. 0 or a negative errno. */
int session_stack_drain_new(struct session *s);

#endif
