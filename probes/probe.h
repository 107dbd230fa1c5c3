/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a probe: its name, its hooks in the kernel (variants of each, best first) and, if
 * its records need more than a length check, its decoder. table.c lists them all. A decoder is given
 * whole records whose length was checked, and hands events on; it knows no clock, file or owner.
 */
#ifndef TALLYMAN_PROBE_H
#define TALLYMAN_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/event.h"

enum hook_kind {
	HOOK_TP_BTF,
	HOOK_FENTRY,
	HOOK_FEXIT,
	HOOK_KPROBE,
	HOOK_KRETPROBE,
	HOOK_TRACEPOINT,
};

#define HOOK_WITH_MAX 7

/* One way to attach a hook. The list of a hook ends with program == NULL. */
struct hook_variant {
	const char *program; /* name of the BPF program */
	enum hook_kind kind;
	const char *target; /* tracepoint (category/name for HOOK_TRACEPOINT) or kernel function */
	const char *with[HOOK_WITH_MAX]; /* programs that it needs attached before; NULL: no more */
	bool on_demand;			 /* attached only while its part of the session wants it */
	const char *needs; /* "structure.member" that not every kernel has; NULL: nothing */
};

/* The list of a probe ends with name == NULL. */
struct hook {
	const char *name;
	bool required;			     /* start-up fails without it */
	const struct hook_variant *variants; /* the first one that the kernel takes is used */
	const char *loss;		     /* what is lost without it */
};

struct subjects;
struct statements;

/* What the decoders of all probes share; lives as long as they do. Owned by the decode stage. */
struct probe_env {
	struct subjects *subjects;
	struct statements *statements;
	const char *const *comment_keys; /* SQL comment keys to keep; ends with NULL; may be NULL */
	uint32_t conns_max;		 /* 0: the default */
};

/* Where the events of one record go. */
struct probe_sink {
	event_fn emit;
	void *ctx;
};

struct probe {
	const char *name;
	enum probe_id id;
	const struct hook *hooks;
	uint32_t kinds; /* bit n: decode() takes records of enum rec_kind n */
	/* All three NULL: the probe's records are events already. *state is handed to the other two. */
	int (*decoder_new)(void **state, const struct probe_env *env);
	void (*decoder_free)(void *state);
	/* rec->len is right and the fixed part is there. 0 or -EBADMSG. */
	int (*decode)(void *state, const struct rec_hdr *rec, const struct probe_sink *sink);
	/* About a second of the records' time has passed: hands on what was added up. May be NULL. */
	void (*tick)(void *state, uint64_t now_ns, const struct probe_sink *sink);
	/* No record will follow: hands on what still waited for one. May be NULL. */
	void (*finish)(void *state, const struct probe_sink *sink);
};

/* In order of enum probe_id; ends with NULL. */
extern const struct probe *const probe_table[];

/* In probes/<name>/hooks.c. */
extern const struct hook sock_hooks[];
extern const struct hook sched_hooks[];
extern const struct hook proc_hooks[];
extern const struct hook block_hooks[];
extern const struct hook mem_hooks[];
extern const struct hook net_hooks[];
extern const struct hook stack_hooks[];

#endif
