/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the hooks' variants to programs that run: read-only data set, the best variant of each loaded and
 * attached, the next best where the kernel refuses. Knows no record.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tallyman.skel.h"
#include "user/lib/log.h"
#include "user/session_net.h"
#include "user/session_parts.h"
#include "user/session_stack.h"

#define THREADS 16384 /* a power of two: see bpf/thread.h */

/* libbpf explains a refused load in pages of verifier output: for developers only. */
static int print_debug(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	return log_get_level() >= LOG_LEVEL_DEBUG ? vfprintf(stderr, fmt, args) : 0;
}

/* The variant's nth program in the order of attachment; NULL: no more. */
static const char *program_name(const struct hook_variant *v, int n)
{
	for (int i = 0; i < HOOK_WITH_MAX && v->with[i]; i++)
		if (!n--)
			return v->with[i];
	return n ? NULL : v->program;
}

static struct bpf_program *program_of(const struct tallyman_bpf *skel, const struct hook_variant *v,
				      int n)
{
	return bpf_object__find_program_by_name(skel->obj, program_name(v, n));
}

static int autoload_variant(const struct tallyman_bpf *skel, const struct hook_variant *v)
{
	for (int i = 0; program_name(v, i); i++) {
		struct bpf_program *p = program_of(skel, v, i);

		if (!p)
			return -ENOENT;
		bpf_program__set_autoload(p, true);
	}
	return 0;
}

/* Fills links[PROGRAMS_MAX]; whoever called destroys them, also after an error. */
static int attach_variant(const struct tallyman_bpf *skel, const struct hook_variant *v,
			  struct bpf_link **links)
{
	for (int i = 0; program_name(v, i); i++) {
		links[i] = bpf_program__attach(program_of(skel, v, i));
		if (!links[i])
			return -errno;
	}
	return 0;
}

static void detach_variant(struct bpf_link **links)
{
	for (int i = PROGRAMS_MAX; i-- > 0; links[i] = NULL)
		bpf_link__destroy(links[i]);
}

static void autoload_none(struct tallyman_bpf *skel)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, skel->obj)
		bpf_program__set_autoload(p, false);
}

int session_try(const struct hook_variant *variant)
{
	struct bpf_link *links[PROGRAMS_MAX] = { 0 };
	struct tallyman_bpf *skel;
	int err;

	libbpf_set_print(print_debug);
	skel = tallyman_bpf__open();
	err = skel ? 0 : -errno;
	if (!err) {
		autoload_none(skel);
		err = autoload_variant(skel, variant);
	}
	err = err ?: tallyman_bpf__load(skel);
	err = err ?: attach_variant(skel, variant, links);
	detach_variant(links);
	tallyman_bpf__destroy(skel);
	return err;
}

/* The index of the controller in css_set.subsys[], which differs from kernel to kernel. */
static int subsys_index(const struct btf *kernel, const char *controller)
{
	const struct btf_type *t;
	const struct btf_enum *e;
	char name[64];
	int id = btf__find_by_name_kind(kernel, "cgroup_subsys_id", BTF_KIND_ENUM);

	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(kernel, id);
	e = btf_enum(t);
	snprintf(name, sizeof(name), "%s_cgrp_id",
		 !strcmp(controller, "blkio") ? "io" : controller);
	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(kernel, e[i].name_off), name))
			return e[i].val;
	return -ENOENT;
}

static bool has_kprobe(const struct session *s)
{
	for (int i = 0; i < s->nhooks; i++) {
		const struct hook_variant *v = s->hooks[i].variant;

		if (v && (v->kind == HOOK_KPROBE || v->kind == HOOK_KRETPROBE))
			return true;
	}
	return false;
}

static int session_tune(struct session *s, struct tallyman_bpf *skel)
{
	const struct session_config *cfg = &s->cfg;
	int cpus = libbpf_num_possible_cpus();
	int subsys = -1;

	if (cfg->controller[0]) {
		subsys = subsys_index(s->kernel, cfg->controller);
		if (subsys < 0)
			return subsys;
	}
	skel->rodata->cfg_cgroup_subsys = subsys;
	skel->rodata->cfg_cgroup_hierarchy = cfg->hierarchy_id;
	skel->rodata->cfg_capture_text = cfg->text_window_bytes != 0;
	skel->rodata->cfg_text_window = cfg->text_window_bytes ?: WIRE_TEXT_MIN;
	skel->rodata->cfg_postgresql_port = cfg->postgresql_port;
	skel->rodata->cfg_redis_port = cfg->redis_port;
	skel->rodata->cfg_sched_slots = SCHED_SLOTS;
	s->lane_bytes = lanes_ring_bytes(cfg->ring_bytes, cpus, s->lane_max_bytes);
	skel->rodata->cfg_lane_bytes = s->lane_bytes;
	bpf_map__set_max_entries(skel->maps.lanes, cpus);
	bpf_map__set_value_size(skel->maps.lanes, LANE_VALUE_SIZE(s->lane_bytes));
	skel->rodata->cfg_conns = CONNS_MAX;
	skel->rodata->cfg_direct = s->direct;
	bpf_program__set_autoload(skel->progs.conns_seed, true);
	bpf_map__set_max_entries(skel->maps.conns, CONNS_MAX);
	bpf_map__set_max_entries(skel->maps.conn_slots, CONNS_MAX);
	bpf_map__set_max_entries(skel->maps.conns_free, CONNS_MAX);
	if (has_kprobe(s))
		bpf_map__set_max_entries(skel->maps.homes_by_address, CONNS_MAX);
	else
		bpf_program__set_autoload(skel->progs.conns_mark, true);
	bpf_map__set_max_entries(skel->maps.sched_array, SCHED_SLOTS * cpus);
	skel->rodata->cfg_accounts = SCHED_SLOTS;
	bpf_map__set_max_entries(skel->maps.allowances, SCHED_SLOTS * cpus);
	bpf_map__set_max_entries(skel->maps.sched_cells, cpus);
	bpf_map__set_max_entries(skel->maps.sched_cpus, cpus);
	session_tls_tune(s);
	session_net_tune(s);
	session_stack_tune(s);
	skel->rodata->cfg_thread_mask = THREADS - 1;
	bpf_map__set_max_entries(skel->maps.threads, THREADS);
	return 0;
}

static int session_open(struct session *s)
{
	int err = 0;

	tallyman_bpf__destroy(s->skel);
	s->skel = tallyman_bpf__open();
	if (!s->skel)
		return -errno;
	autoload_none(s->skel);
	for (int i = 0; i < s->nhooks; i++)
		if (s->hooks[i].variant)
			err = err ?: autoload_variant(s->skel, s->hooks[i].variant);
	return err ?: session_tune(s, s->skel);
}

/* Which of the chosen programs does the kernel refuse? Only asked when a load failed. */
static int refuse_broken(struct session *s)
{
	int broken = 0;

	for (int i = 0; i < s->nhooks; i++) {
		int err = s->hooks[i].variant ? session_try(s->hooks[i].variant) : 0;

		if (err) {
			hooks_refuse(&s->hooks[i], s->kernel, err);
			broken++;
		}
	}
	return broken;
}

static bool is_of_function(const struct hook_variant *v)
{
	return v && (v->kind == HOOK_FENTRY || v->kind == HOOK_FEXIT);
}

/*
 * Kernels list functions that they do not let us trace. What can be done without is tried by itself first: its
 * refusal says nothing of the others.
 */
static void refuse_untraceable(struct session *s)
{
	for (int i = 0; i < s->nhooks; i++) {
		struct hook_status *st = &s->hooks[i];
		int err = 1;

		while (err && !st->hook->required && is_of_function(st->variant)) {
			err = session_try(st->variant);
			if (err)
				hooks_refuse(st, s->kernel, err);
		}
	}
}

/* Some kernels limit a map's value to 4 MiB. */
static bool smaller_lanes(struct session *s, int err)
{
	if (err != -E2BIG || s->lane_max_bytes == LANE_OLD_MAX_BYTES)
		return false;
	s->lane_max_bytes = LANE_OLD_MAX_BYTES;
	return true;
}

/* Older kernels do not let a program load what others do without a helper's call. */
static bool not_direct(struct session *s)
{
	bool was = s->direct;

	s->direct = false;
	return was;
}

/* What is encrypted is then counted only. */
static bool without_tls(struct session *s, int err)
{
	if (!s->tls)
		return false;
	log_warn("this kernel refuses the programs for TLS (%s): it is only counted",
		 strerror(-err));
	s->tls = false;
	return true;
}

/* What is open is then not looked at. Whether that was the reason shows when it loads without. */
static bool without_net(struct session *s, int err)
{
	if (s->net_refused)
		return false;
	s->net_refused = err;
	return true;
}

/* What the kernel's verifier had to look at, which it bounds; not told before Linux 5.16. */
static void tell_verified(const struct session *s)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, s->skel->obj) {
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.verified_insns)
			log_debug("verified: %s %u instructions", bpf_program__name(program),
				  info.verified_insns);
	}
}

bool session_kernel_loops(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 1;
}

int session_load(struct session *s)
{
	int err;

	libbpf_set_print(print_debug);
	refuse_untraceable(s);
	do {
		err = session_open(s);
		err = err ?: tallyman_bpf__load(s->skel);
	} while (err && (smaller_lanes(s, err) || not_direct(s) || refuse_broken(s) ||
			 without_tls(s, err) || without_net(s, err)));
	if (!err && s->net_refused)
		log_warn(
			"this kernel refuses the iterators over TCP sockets (%s): connections are counted "
			"when they end",
			strerror(-s->net_refused));
	if (!err)
		tell_verified(s);
	return err;
}

/* For the statistics of each. */
static void list_programs(struct session *s, const struct hook_status *st)
{
	for (int i = 0; program_name(st->variant, i); i++)
		s->programs[s->nprograms++] = (struct drain_program){
			.fd = bpf_program__fd(program_of(s->skel, st->variant, i)),
			.name = program_name(st->variant, i),
			.probe = st->probe->id
		};
}

int session_hook_attach(struct session *s, const struct hook_status *hook)
{
	struct bpf_link **links = s->links[hook - s->hooks];
	int err = attach_variant(s->skel, hook->variant, links);

	if (err)
		detach_variant(links);
	return err;
}

void session_hook_detach(struct session *s, const struct hook_status *hook)
{
	if (hook)
		detach_variant(s->links[hook - s->hooks]);
}

void session_attach(struct session *s)
{
	for (int i = 0; i < s->nhooks; i++) {
		struct hook_status *st = &s->hooks[i];
		int err;

		if (!st->variant)
			continue;
		err = attach_variant(s->skel, st->variant, s->links[i]);
		if (err) {
			detach_variant(s->links[i]);
			snprintf(st->reason, sizeof(st->reason), "cannot attach %s: %s",
				 st->variant->target, strerror(-err));
			st->state = HOOK_FAILED;
			continue;
		}
		st->state = HOOK_ATTACHED;
		list_programs(s, st);
		if (st->variant->on_demand) /* now it is known that it can be */
			detach_variant(s->links[i]);
	}
	session_tls_list(s);
}

int session_required(const struct session *s, char *err, size_t cap)
{
	for (int i = 0; i < s->nhooks; i++) {
		const struct hook_status *st = &s->hooks[i];

		if (!st->hook->required || st->state == HOOK_ATTACHED)
			continue;
		snprintf(err, cap, "%s: hook %s: %s; without it there are %s (see tallyman doctor)",
			 st->probe->name, st->hook->name, st->reason, st->hook->loss);
		return -ENOTSUP;
	}
	return 0;
}

void session_detach(struct session *s)
{
	for (int i = 0; i < s->nhooks; i++)
		detach_variant(s->links[i]);
}
