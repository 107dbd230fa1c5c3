/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS libraries of this node's processes: found, and hooked once each. In: the process table at start, what
 * is executed later, and processes that are seen to use TLS with a library that is not hooked yet.
 */
#ifndef TALLYMAN_AGENT_TLS_H
#define TALLYMAN_AGENT_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "user/export_info.h"

struct agent_tls;
struct session;

/* *out stays NULL if the session does without TLS; the others take NULL, too. */
int agent_tls_new(struct agent_tls **out, struct session *session, uint64_t now_ns);

/* Takes all hooks out. */
void agent_tls_free(struct agent_tls *t);

void agent_tls_record(struct agent_tls *t, const void *rec, size_t len);
void agent_tls_poll(struct agent_tls *t, uint64_t now_ns);

#define TLS_LIBRARIES_MAX 32 /* each is up to 22 file descriptors */

/* The files that were found, hooked or not; returns their number. */
unsigned int agent_tls_libraries(const struct agent_tls *t,
				 struct export_library out[TLS_LIBRARIES_MAX]);

#endif
