/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks against a running kernel: which variant of each it offers, and what became of it. In: the
 * probes' tables. Out: one struct hook_status a hook, in the order of the tables. Loads nothing itself.
 */
#ifndef TALLYMAN_HOOKS_H
#define TALLYMAN_HOOKS_H

#include <stdbool.h>

#include "probes/probe.h"

#define HOOKS_MAX 64
#define HOOK_VARIANTS_MAX 4

struct btf;

enum hook_state {
	HOOK_UNAVAILABLE, /* no variant that this kernel has */
	HOOK_CHOSEN,	  /* variant is to be loaded */
	HOOK_ATTACHED,
	HOOK_FAILED, /* every variant was refused; `reason` has the last refusal */
};

struct hook_status {
	const struct probe *probe;
	const struct hook *hook;
	const struct hook_variant *variant; /* NULL: none */
	enum hook_state state;
	unsigned int refuse;		 /* kinds not to use: bits of enum hook_kind */
	bool refused[HOOK_VARIANTS_MAX]; /* variants that the kernel lists, but did not take */
	char reason[128];		 /* "" where nothing went wrong */
};

/*
 * Fills status[] with the best variant of each hook; returns their number. Kinds in `refuse` (bits of
 * enum hook_kind) are treated as if the kernel did not have them.
 */
int hooks_choose(struct hook_status *status, const struct btf *kernel, unsigned int refuse);

/* "fentry,fexit" as bits of enum hook_kind, added to *kinds. -EINVAL: not such a list. */
int hooks_refusal(const char *list, unsigned int *kinds);

/* The variant was refused with `err` (negative): takes the next best. */
void hooks_refuse(struct hook_status *status, const struct btf *kernel, int err);

/*
 * Does the kernel list the variant's target, and is its kind not in `refuse`? If not, `reason` says
 * what is missing.
 */
bool hook_variant_offered(const struct hook_variant *variant, const struct btf *kernel,
			  unsigned int refuse, char *reason, size_t cap);

const char *hook_kind_name(enum hook_kind kind);
const char *hook_state_name(enum hook_state state);

#endif
