/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which TLS libraries a process has loaded. In: a process id. Out: the files themselves, opened by way of the
 * process' own mappings: whatever root directory, mount namespace or deleted name they have.
 */
#ifndef TALLYMAN_TLS_MAPS_H
#define TALLYMAN_TLS_MAPS_H

#include <stdint.h>

/* `fd` is closed after the call. `name`: what the process calls the file; of its own choice. */
typedef void (*tls_maps_fn)(void *ctx, int fd, const char *name);

/* 0, also if it has none; or why its mappings cannot be read. */
int tls_maps_each(uint32_t pid, tls_maps_fn fn, void *ctx);

#endif
