/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the command doctor: what was found out about this node, and its print-outs. */
#ifndef TALLYMAN_CLI_DOCTOR_H
#define TALLYMAN_CLI_DOCTOR_H

#include <stdbool.h>
#include <sys/utsname.h>

#include "user/cgroup_hierarchy.h"
#include "user/hooks.h"

struct doctor_variant {
	const struct hook_variant *variant;
	bool offered;
	int err;	  /* 0: works; of no meaning unless offered */
	char reason[128]; /* why it is not offered */
};

struct doctor_hook {
	const struct probe *probe;
	const struct hook *hook;
	struct doctor_variant variants[HOOK_VARIANTS_MAX];
	int nvariants;
	int chosen; /* index, -1: none */
};

struct doctor {
	struct utsname kernel;
	bool btf;
	char btf_reason[128];
	bool root;
	bool cap_bpf, cap_perfmon, cap_sys_admin; /* effective */
	int jit;				  /* net.core.bpf_jit_enable; -1: cannot be read */
	int cgroup_err;
	struct cgroup_hierarchy cgroup;
	char cgroup_reason[256]; /* of cgroup_err */
	struct doctor_hook hooks[HOOKS_MAX];
	int nhooks;
	bool works; /* the minimum set does */
};

#define DOCTOR_ADVICE_MAX 8

/* What to change, one sentence each; returns their number. */
int doctor_advice(const struct doctor *d, const char *advice[DOCTOR_ADVICE_MAX]);

bool doctor_may_load(const struct doctor *d);

void doctor_print_text(const struct doctor *d);
void doctor_print_json(const struct doctor *d);

#endif
