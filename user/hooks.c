/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picks hook variants by what the kernel's BTF and event sources list. A listed variant may still be
 * refused when it is loaded or attached: the session tells, and the next one is picked.
 */
#include "user/hooks.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KPROBE_SOURCE "/sys/bus/event_source/devices/kprobe/type"

const char *hook_kind_name(enum hook_kind kind)
{
	static const char *const names[] = {
		[HOOK_TP_BTF] = "tp_btf",	[HOOK_FENTRY] = "fentry",
		[HOOK_FEXIT] = "fexit",		[HOOK_KPROBE] = "kprobe",
		[HOOK_KRETPROBE] = "kretprobe", [HOOK_TRACEPOINT] = "tracepoint",
	};

	return names[kind];
}

const char *hook_state_name(enum hook_state state)
{
	static const char *const names[] = {
		[HOOK_UNAVAILABLE] = "unavailable",
		[HOOK_CHOSEN] = "chosen",
		[HOOK_ATTACHED] = "attached",
		[HOOK_FAILED] = "failed",
	};

	return names[state];
}

static bool offered_tp_btf(const char *target, const struct btf *kernel, char *reason, size_t cap)
{
	char name[96];

	snprintf(name, sizeof(name), "btf_trace_%s", target);
	if (btf__find_by_name_kind(kernel, name, BTF_KIND_TYPEDEF) > 0)
		return true;
	snprintf(reason, cap, "this kernel has no tracepoint %s", target);
	return false;
}

static bool offered_function(const char *target, const struct btf *kernel, char *reason, size_t cap)
{
	if (btf__find_by_name_kind(kernel, target, BTF_KIND_FUNC) > 0)
		return true;
	snprintf(reason, cap, "this kernel has no function %s to trace", target);
	return false;
}

/* A structure's own member. */
static bool has_member(const struct btf *kernel, const char *needs)
{
	const char *dot = strchr(needs, '.');
	const struct btf_member *m;
	const struct btf_type *t;
	char name[64];
	int id;

	snprintf(name, sizeof(name), "%.*s", (int)(dot - needs), needs);
	id = btf__find_by_name_kind(kernel, name, BTF_KIND_STRUCT);
	t = id < 0 ? NULL : btf__type_by_id(kernel, id);
	m = t ? btf_members(t) : NULL;
	for (int i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(kernel, m[i].name_off), dot + 1))
			return true;
	return false;
}

bool hook_variant_offered(const struct hook_variant *variant, const struct btf *kernel,
			  unsigned int refuse, char *reason, size_t cap)
{
	if (refuse >> variant->kind & 1) {
		snprintf(reason, cap, "--refuse says so");
		return false;
	}
	if (variant->needs && !has_member(kernel, variant->needs)) {
		snprintf(reason, cap, "this kernel has no %s", variant->needs);
		return false;
	}
	switch (variant->kind) {
	case HOOK_TP_BTF:
		return offered_tp_btf(variant->target, kernel, reason, cap);
	case HOOK_KPROBE:
	case HOOK_KRETPROBE:
		if (access(KPROBE_SOURCE, F_OK)) {
			snprintf(reason, cap, "this kernel is built without kprobes");
			return false;
		}
		return offered_function(variant->target, kernel, reason, cap);
	case HOOK_FENTRY:
	case HOOK_FEXIT:
		return offered_function(variant->target, kernel, reason, cap);
	case HOOK_TRACEPOINT:
		break;
	}
	return true;
}

/* The first variant that is listed and was not refused yet. */
static void choose(struct hook_status *st, const struct btf *kernel)
{
	char reason[sizeof(st->reason)] = "";

	st->variant = NULL;
	for (int i = 0; i < HOOK_VARIANTS_MAX && st->hook->variants[i].program; i++) {
		const struct hook_variant *v = &st->hook->variants[i];

		if (st->refused[i])
			continue;
		if (hook_variant_offered(v, kernel, st->refuse, reason, sizeof(reason))) {
			st->variant = v;
			st->state = HOOK_CHOSEN;
			return;
		}
	}
	if (st->state == HOOK_CHOSEN) {
		st->state = HOOK_FAILED;
		return;
	}
	st->state = HOOK_UNAVAILABLE;
	memcpy(st->reason, reason, sizeof(reason));
}

int hooks_refusal(const char *list, unsigned int *kinds)
{
	for (size_t len; *list; list += len + !!list[len]) {
		int kind = HOOK_TP_BTF;

		len = strcspn(list, ",");
		while (kind <= HOOK_TRACEPOINT && (strlen(hook_kind_name(kind)) != len ||
						   strncmp(hook_kind_name(kind), list, len)))
			kind++;
		if (kind > HOOK_TRACEPOINT)
			return -EINVAL;
		*kinds |= 1U << kind;
	}
	return 0;
}

int hooks_choose(struct hook_status *status, const struct btf *kernel, unsigned int refuse)
{
	int n = 0;

	for (const struct probe *const *p = probe_table; *p; p++) {
		for (const struct hook *h = (*p)->hooks; h && h->name && n < HOOKS_MAX; h++) {
			status[n] =
				(struct hook_status){ .probe = *p, .hook = h, .refuse = refuse };
			choose(&status[n++], kernel);
		}
	}
	return n;
}

void hooks_refuse(struct hook_status *status, const struct btf *kernel, int err)
{
	const struct hook_variant *v = status->variant;

	status->refused[v - status->hook->variants] = true;
	snprintf(status->reason, sizeof(status->reason), "%s %s: %s", hook_kind_name(v->kind),
		 v->target, strerror(-err));
	choose(status, kernel);
}
