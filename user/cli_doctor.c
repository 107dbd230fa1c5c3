/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command doctor finds out what this node allows. Nothing is guessed from version numbers: each
 * variant of each hook is loaded and attached for a moment.
 */
#include "user/cli_doctor.h"

#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/cli.h"
#include "user/lib/log.h"
#include "user/session.h"

/* <linux/capability.h> of older systems lacks the last two. */
#define CAP_BIT_SYS_ADMIN 21
#define CAP_BIT_PERFMON 38
#define CAP_BIT_BPF 39

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static void look_at_privileges(struct doctor *d)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t caps = 0;
	char line[256];

	d->root = geteuid() == 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &caps) == 1)
			break;
	if (f)
		fclose(f);
	d->cap_sys_admin = caps >> CAP_BIT_SYS_ADMIN & 1;
	d->cap_perfmon = caps >> CAP_BIT_PERFMON & 1;
	d->cap_bpf = caps >> CAP_BIT_BPF & 1;
}

bool doctor_may_load(const struct doctor *d)
{
	return d->cap_sys_admin || (d->cap_bpf && d->cap_perfmon);
}

static int read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

static void look_at_variant(struct doctor_variant *v, const struct btf *kernel, unsigned int refuse)
{
	if (!kernel) {
		snprintf(v->reason, sizeof(v->reason), "cannot be told without BTF");
		return;
	}
	v->offered = hook_variant_offered(v->variant, kernel, refuse, v->reason, sizeof(v->reason));
	if (v->offered)
		v->err = session_try(v->variant);
}

static void look_at_hook(struct doctor_hook *h, const struct btf *kernel, unsigned int refuse)
{
	h->chosen = -1;
	for (int i = 0; i < HOOK_VARIANTS_MAX && h->hook->variants[i].program; i++) {
		struct doctor_variant *v = &h->variants[h->nvariants++];

		v->variant = &h->hook->variants[i];
		look_at_variant(v, kernel, refuse);
		if (h->chosen < 0 && v->offered && !v->err)
			h->chosen = i;
	}
}

static void look_at_hooks(struct doctor *d, const struct btf *kernel, unsigned int refuse)
{
	d->works = !d->cgroup_err;
	for (const struct probe *const *p = probe_table; *p; p++) {
		for (const struct hook *hook = (*p)->hooks; hook && hook->name; hook++) {
			struct doctor_hook *h = &d->hooks[d->nhooks];

			if (d->nhooks++ >= HOOKS_MAX - 1)
				return;
			h->probe = *p;
			h->hook = hook;
			look_at_hook(h, kernel, refuse);
			d->works &= h->chosen >= 0 || !hook->required;
		}
	}
}

static void look(struct doctor *d, const struct config *config, unsigned int refuse)
{
	struct btf *kernel = btf__load_vmlinux_btf();

	d->btf = kernel;
	if (!kernel)
		snprintf(d->btf_reason, sizeof(d->btf_reason), "%s",
			 access(KERNEL_BTF, R_OK) ? strerror(errno) : "it cannot be understood");
	uname(&d->kernel);
	look_at_privileges(d);
	d->jit = read_number("/proc/sys/net/core/bpf_jit_enable");
	d->cgroup_err = cgroup_hierarchy_find(&d->cgroup, "/proc/mounts", "/proc",
					      config->cgroup_hierarchy, d->cgroup_reason,
					      sizeof(d->cgroup_reason));
	look_at_hooks(d, kernel, refuse);
	btf__free(kernel);
}

int doctor_advice(const struct doctor *d, const char *advice[DOCTOR_ADVICE_MAX])
{
	int n = 0;

	if (!d->btf)
		advice[n++] =
			"boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, which has "
			"/sys/kernel/btf/vmlinux (Debian since 11 and Ubuntu since 20.10 ship "
			"such); in a container mount the host's /sys";
	if (!doctor_may_load(d))
		advice[n++] = "run tallyman as root, or give it CAP_BPF and CAP_PERFMON "
			      "(setcap cap_bpf,cap_perfmon+ep tallyman; in Kubernetes under "
			      "securityContext.capabilities.add)";
	if (d->jit == 0)
		advice[n++] = "switch on the BPF compiler: sysctl net.core.bpf_jit_enable=1";
	if (d->cgroup_err)
		advice[n++] = "mount cgroups, or choose a hierarchy that is mounted with "
			      "cgroup_hierarchy in the configuration";
	if (!n && !d->works)
		advice[n++] =
			"use a newer kernel: Linux 6.3 or later has all hooks as tracepoints; "
			"5.17 or later needs CONFIG_FUNCTION_TRACER for fentry, or kprobes";
	return n;
}

int cli_doctor(const struct cli_options *o)
{
	struct doctor *d = calloc(1, sizeof(*d));
	struct config *config;
	int status;

	if (!d) {
		log_error("out of memory");
		return CLI_FAILED;
	}
	status = cli_config(o, &config);
	if (status == CLI_OK) {
		look(d, config, o->refuse);
		config_free(config);
		if (o->json)
			doctor_print_json(d);
		else
			doctor_print_text(d);
		status = cli_finish(d->works ? CLI_OK : CLI_FAILED);
	}
	free(d);
	return status;
}
