/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks in TLS libraries, as a part of the session. All of them are taken out before the session ends. */
#ifndef TALLYMAN_SESSION_TLS_H
#define TALLYMAN_SESSION_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/tls_library.h"

#define TLS_STRANGERS_MAX 1024

struct session;
struct session_tls;

/* Was it asked for, and did the kernel take the programs? */
bool session_has_tls(const struct session *s);

/* Hooks the functions of a file. 0 or a negative errno; *out is taken out by session_tls_detach(). */
int session_tls_attach(struct session *s, int fd, const struct tls_library *library,
		       struct session_tls **out);
void session_tls_detach(struct session_tls *t);

/* A process that uses encrypted connections and no library that is hooked. -ENOENT: no more. */
int session_tls_stranger(struct session *s, uint32_t *pid);

/* Before the load, and after it. */
void session_tls_tune(struct session *s);
void session_tls_list(struct session *s);

#endif
