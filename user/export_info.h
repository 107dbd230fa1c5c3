/* SPDX-License-Identifier: Apache-2.0 */
/* What exporters tell about the agent itself. The caller fills it in and owns what it points to. */
#ifndef TALLYMAN_EXPORT_INFO_H
#define TALLYMAN_EXPORT_INFO_H

#include <stddef.h>
#include <stdint.h>

/* One hook of a probe, and which variant of it was attached. */
struct export_hook {
	const char *probe;
	const char *hook;
	const char *variant; /* "" none */
	const char *state;   /* "attached", "missing", ... */
};

/* A TLS library's file, see docs/tls.md. */
struct export_library {
	uint64_t device;
	uint64_t inode;
	unsigned int processes; /* that had it loaded at the last look */
	const char *reason;	/* why it is not hooked; "" it is */
};

/* The agent's process. All zero (a replay): not exported. */
struct export_self {
	uint64_t cpu_ns;
	uint64_t resident_bytes;
	uint64_t reads_put_off;	     /* for lack of memory or file descriptors */
	uint64_t containers_refused; /* their table was full */
	uint64_t uncounted;	     /* for lack of memory */
};

struct export_info {
	const char *version;
	const char *libbpf;
	const char *abi; /* of the wire records */
	const struct export_hook *hooks;
	size_t nhooks;
	const struct export_library *libraries;
	size_t nlibraries;
	struct export_self self;
};

/* Of the calling process, from the kernel. 0 or a negative errno. */
int export_self_read(struct export_self *self);

#endif
