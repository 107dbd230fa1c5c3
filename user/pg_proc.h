/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about a process, with every read limited. For pg_cluster and pg_ask. */
#ifndef TALLYMAN_PG_PROC_H
#define TALLYMAN_PG_PROC_H

#include <stddef.h>
#include <stdint.h>

struct pg_proc {
	uint32_t pid;
	uint32_t parent;
	uint32_t inner_pid; /* as the process sees itself: in its innermost namespace */
	uint64_t start_ticks;
	char comm[16];
};

/* -ESRCH: gone. */
int pg_proc_read(struct pg_proc *out, uint32_t pid);

/*
 * The first bytes of a regular file in the process' working directory, NUL terminated. Links are not
 * followed: they would be ours, not the container's. Returns how many, or a negative errno.
 */
int pg_proc_cwd_file(uint32_t pid, const char *name, char *buf, size_t cap);

/* The process' own executable, also if it was deleted or replaced since: a descriptor, or an errno. */
int pg_proc_exe(uint32_t pid);

/* Where its program begins (AT_ENTRY); -EBADMSG: not said. */
int pg_proc_entry(uint32_t pid, uint64_t *entry);

/* Calls fn for each process, thread groups only, until it returns non-zero. */
typedef int (*pg_proc_fn)(void *ctx, uint32_t pid);
void pg_proc_each(pg_proc_fn fn, void *ctx);

#endif
