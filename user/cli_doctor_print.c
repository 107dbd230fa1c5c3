/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor found out, for people and as one JSON object. Finds out nothing itself. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "user/cli_doctor.h"

static const char *yes_no(bool b)
{
	return b ? "yes" : "no";
}

static const char *hierarchy_name(const struct doctor *d)
{
	return d->cgroup.controller[0] ? d->cgroup.controller : "unified";
}

static const char *jit_name(const struct doctor *d)
{
	return d->jit < 0 ? "not known (only root can read it)" : d->jit ? "on" : "off";
}

static void print_variant(const struct doctor_hook *h, int i)
{
	const struct doctor_variant *v = &h->variants[i];
	char target[64];

	snprintf(target, sizeof(target), "%s/%s", hook_kind_name(v->variant->kind),
		 v->variant->target);
	if (!v->offered)
		printf("    %-30s not offered: %s\n", target, v->reason);
	else if (v->err)
		printf("    %-30s refused: %s\n", target, strerror(-v->err));
	else
		printf("    %-30s works%s\n", target, i == h->chosen ? ", is used" : "");
}

static void print_hook(const struct doctor_hook *h)
{
	printf("  %s %s%s\n", h->probe->name, h->hook->name,
	       h->hook->required ? " (required)" : "");
	for (int i = 0; i < h->nvariants; i++)
		print_variant(h, i);
	if (h->chosen < 0)
		printf("    lost: %s\n", h->hook->loss);
}

void doctor_print_text(const struct doctor *d)
{
	const char *advice[DOCTOR_ADVICE_MAX];
	int n = doctor_advice(d, advice);

	printf("kernel      Linux %s %s\n", d->kernel.release, d->kernel.machine);
	if (d->btf)
		puts("BTF         yes");
	else
		printf("BTF         no: /sys/kernel/btf/vmlinux: %s\n", d->btf_reason);
	printf("privileges  %s: CAP_BPF %s, CAP_PERFMON %s, CAP_SYS_ADMIN %s\n",
	       d->root ? "root" : "not root", yes_no(d->cap_bpf), yes_no(d->cap_perfmon),
	       yes_no(d->cap_sys_admin));
	printf("BPF JIT     %s\n", jit_name(d));
	if (d->cgroup_err)
		printf("cgroups     %s\n", d->cgroup_reason);
	else
		printf("cgroups     %s; containers are the groups of %s at %s: %s\n",
		       cgroup_layout_name(d->cgroup.layout), hierarchy_name(d), d->cgroup.mount,
		       d->cgroup.reason);
	puts("hooks");
	for (int i = 0; i < d->nhooks; i++)
		print_hook(&d->hooks[i]);
	puts(d->works ? "tallyman can trace on this node." : "tallyman CANNOT trace on this node.");
	for (int i = 0; i < n; i++)
		printf("to do: %s\n", advice[i]);
}

static json_t *json_variant(const struct doctor_variant *v)
{
	const char *result = !v->offered ? "not offered" : v->err ? strerror(-v->err) : "works";

	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "program", v->variant->program, "kind",
			 hook_kind_name(v->variant->kind), "target", v->variant->target, "offered",
			 v->offered, "result", result, "reason", v->offered ? "" : v->reason);
}

static json_t *json_hook(const struct doctor_hook *h)
{
	json_t *variants = json_array();
	const char *chosen = h->chosen < 0 ? "" : h->variants[h->chosen].variant->program;

	for (int i = 0; i < h->nvariants; i++)
		json_array_append_new(variants, json_variant(&h->variants[i]));
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o}", "probe", h->probe->name, "hook",
			 h->hook->name, "required", h->hook->required, "chosen", chosen, "lost",
			 h->chosen < 0 ? h->hook->loss : "", "variants", variants);
}

static json_t *json_cgroup(const struct doctor *d)
{
	if (d->cgroup_err)
		return json_pack("{s:s}", "error", d->cgroup_reason);
	return json_pack("{s:s, s:s, s:s, s:s}", "layout", cgroup_layout_name(d->cgroup.layout),
			 "hierarchy", hierarchy_name(d), "mount", d->cgroup.mount, "reason",
			 d->cgroup.reason);
}

void doctor_print_json(const struct doctor *d)
{
	const char *advice[DOCTOR_ADVICE_MAX];
	int n = doctor_advice(d, advice);
	json_t *hooks = json_array(), *to_do = json_array(), *o;

	for (int i = 0; i < d->nhooks; i++)
		json_array_append_new(hooks, json_hook(&d->hooks[i]));
	for (int i = 0; i < n; i++)
		json_array_append_new(to_do, json_string(advice[i]));
	o = json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:s, s:o, s:o, s:b, s:o}", "kernel",
		      d->kernel.release, "arch", d->kernel.machine, "btf", d->btf, "root", d->root,
		      "cap_bpf", d->cap_bpf, "cap_perfmon", d->cap_perfmon, "cap_sys_admin",
		      d->cap_sys_admin, "jit",
		      d->jit < 0 ? "unknown"
		      : d->jit	 ? "on"
				 : "off",
		      "cgroup", json_cgroup(d), "hooks", hooks, "works", d->works, "to_do", to_do);
	if (o && !json_dumpf(o, stdout, JSON_COMPACT))
		putchar('\n');
	json_decref(o);
}
