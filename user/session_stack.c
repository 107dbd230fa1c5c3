/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hooks of the network stack need of the session: where the kernel keeps its preempt_count, which
 * container has which network namespace, and the memory that their cells are in.
 */
#include "user/session_stack.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "tallyman.skel.h"
#include "probes/stack/stack_stats.h"
#include "user/lib/clock.h"
#include "user/lib/interrupt.h"
#include "user/lib/log.h"
#include "user/session_parts.h"

/*
 * Packets that take CPUs less often are not timed: with one a softirq that is two thousandths of a CPU. The
 * hooks stay for a while, so that a load that comes and goes is seen as a whole.
 */
#define MANY_SOFTIRQS 1000 /* a second, on all CPUs */
#define LOOK_NS (NS_PER_SEC / 50)
#define REST_NS (NS_PER_SEC / 50 * 4)
#define QUIET_NS (60 * NS_PER_SEC)

/* Of a variable of each CPU, in the section of these; -1: there is none. */
static long percpu_offset(const struct btf *kernel, const char *name)
{
	int section = btf__find_by_name_kind(kernel, ".data..percpu", BTF_KIND_DATASEC);
	int var = btf__find_by_name_kind(kernel, name, BTF_KIND_VAR);
	const struct btf_type *t = section < 0 ? NULL : btf__type_by_id(kernel, section);

	for (int i = 0; t && var >= 0 && i < btf_vlen(t); i++)
		if (btf_var_secinfos(t)[i].type == (__u32)var)
			return btf_var_secinfos(t)[i].offset;
	return -1;
}

/* In bytes, from a structure's beginning; anonymous members' own members are its own. -1: not there. */
static long member_offset(const struct btf *kernel, int id, const char *name)
{
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(kernel, id);

	for (int i = 0; t && btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *is = btf__name_by_offset(kernel, m->name_off);
		long inner = -1;

		if (!strcmp(is, name))
			inner = 0;
		else if (!*is)
			inner = member_offset(kernel, m->type, name);
		if (inner >= 0)
			return btf_member_bit_offset(t, i) / 8 + inner;
	}
	return -1;
}

/* A variable of its own, but for Linux 6.2 to 6.14, which keep it in pcpu_hot. */
static long preempt_count_at(const struct btf *kernel)
{
	long rq = percpu_offset(kernel, "runqueues");
	long at = percpu_offset(kernel, "__preempt_count");

	if (at < 0) {
		int hot = btf__find_by_name_kind(kernel, "pcpu_hot", BTF_KIND_STRUCT);
		long member = member_offset(kernel, hot, "preempt_count");

		at = percpu_offset(kernel, "pcpu_hot");
		if (at < 0 || member < 0)
			return 0;
		at += member;
	}
	return rq < 0 ? 0 : at - rq;
}

void session_stack_tune(struct session *s)
{
	int cpus = libbpf_num_possible_cpus();

	s->skel->rodata->cfg_preempt_count_at = preempt_count_at(s->kernel);
	bpf_map__set_max_entries(s->skel->maps.stack_cpus, cpus);
	bpf_map__set_max_entries(s->skel->maps.stack_cells, cpus);
	bpf_program__set_autoload(s->skel->progs.stack_tasks, !s->net_refused);
}

/* The hook that times softirqs, if the kernel takes it. */
static struct hook_status *time_hook(struct session *s)
{
	for (int i = 0; i < s->nhooks; i++)
		if (s->hooks[i].state == HOOK_ATTACHED && s->hooks[i].probe->id == PROBE_STACK &&
		    s->hooks[i].variant->on_demand)
			return &s->hooks[i];
	return NULL;
}

void session_stack_close(struct session *s)
{
	s->skel->bss->stack_epoch = 0;
	session_hook_detach(s, time_hook(s));
	s->stack_timed = false;
}

static void look_begin(struct session *s)
{
	struct hook_status *hook = time_hook(s);

	if (!hook || session_hook_attach(s, hook))
		return;
	s->stack_timed = true;
	s->skel->bss->stack_epoch = ++s->stack_epochs;
}

/* Softirqs that took a CPU from somebody, since the start. */
static uint64_t softirqs(const struct session *s)
{
	int fd = bpf_map__fd(s->skel->maps.stack_cpus);
	uint32_t cpus = libbpf_num_possible_cpus();
	struct stack_cpu c;
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		if (!bpf_map_lookup_elem(fd, &cpu, &c))
			sum += c.softirqs;
	return sum;
}

/* What was seen while it was looked; until the least preempt_count is known that counts too much. */
static void looked(struct session *s, uint64_t now_ns, uint64_t ns)
{
	uint32_t floor = s->skel->data->preempt_floor;
	bool many = (softirqs(s) - s->stack_softirqs) * NS_PER_SEC >= MANY_SOFTIRQS * ns &&
		    floor == s->stack_floor;

	s->stack_floor = floor;
	if (many && !s->stack_timed)
		look_begin(s);
	if (many)
		s->stack_many_ns = now_ns;
	else if (s->stack_timed && now_ns - s->stack_many_ns > QUIET_NS)
		session_stack_close(s);
}

void session_stack_watch(struct session *s)
{
	uint64_t now_ns = clock_mono_ns(), ns = now_ns - s->stack_watched_ns;
	bool looking = s->skel->bss->stack_looking;

	if (ns < (looking ? LOOK_NS : REST_NS))
		return;
	if (looking)
		looked(s, now_ns, ns);
	s->skel->bss->stack_looking = s->stack_timed || !looking;
	s->stack_softirqs = softirqs(s);
	s->stack_watched_ns = now_ns;
}

static void interrupt_measure(struct session *s)
{
	uint32_t ns = interrupt_ns();

	s->skel->bss->stack_interrupt_ns = ns;
	if (ns)
		log_debug("an interrupt takes %u ns", ns);
	else
		log_debug(
			"what an interrupt takes cannot be measured here: softirqs are charged without");
}

int session_stack_drain_new(struct session *s)
{
	if (time_hook(s))
		interrupt_measure(s);
	if (bpf_program__autoload(s->skel->progs.stack_tasks))
		s->stack_iter = bpf_program__attach_iter(s->skel->progs.stack_tasks, NULL);
	if (!s->stack_iter)
		log_warn("tasks cannot be listed: packets without a socket are nobody's");
	return netns_new(&s->netns,
			 &(struct netns_config){
				 .iter_fd = s->stack_iter ? bpf_link__fd(s->stack_iter) : -1,
				 .map_fd = bpf_map__fd(s->skel->maps.stack_netns_of),
				 .strangers = &s->skel->bss->stack_strangers })
		       ?: drain_stack_new(&s->stack, bpf_map__fd(s->skel->maps.egress_table));
}
