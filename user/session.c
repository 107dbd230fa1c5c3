/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the tracer in the kernel: maps and drains made ready around what session_load.c loads, and
 * records handed on until the end.
 */
#include "user/session.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probes/postgres/pg_stats.h"
#include "probes/sched/sched_stats.h"
#include "probes/sock/allow_stats.h"
#include "tallyman.skel.h"
#include "user/lib/clock.h"
#include "user/session_net.h"
#include "user/session_parts.h"
#include "user/session_stack.h"

static int map_memory(const struct bpf_map *map, size_t bytes, void **memory, size_t *mapped)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *p;

	*mapped = (bytes + page - 1) / page * page;
	p = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (p == MAP_FAILED)
		return -errno;
	*memory = p;
	return 0;
}

static int session_maps(struct session *s)
{
	int err, cpus = libbpf_num_possible_cpus();

	for (uint32_t number = OWNER_FIRST; number < SCHED_SLOTS; number++)
		if (bpf_map__update_elem(s->skel->maps.owner_free, NULL, 0, &number, sizeof(number),
					 0))
			return -errno;
	err = map_memory(s->skel->maps.sched_array,
			 (size_t)SCHED_SLOTS * cpus * sizeof(struct sched_stats), &s->sched,
			 &s->sched_bytes);
	err = err
		      ?: map_memory(s->skel->maps.sched_cells, cpus * sizeof(struct cells),
				    &s->cells, &s->cells_bytes);
	err = err
		      ?: map_memory(s->skel->maps.stack_cells, cpus * sizeof(struct cells),
				    &s->stolen, &s->stolen_bytes);
	err = err
		      ?: map_memory(s->skel->maps.allowances,
				    (size_t)SCHED_SLOTS * cpus * sizeof(struct allowance),
				    (void **)&s->allowances, &s->allowances_bytes);
	return err ?: lanes_new(&s->lanes, bpf_map__fd(s->skel->maps.lanes), cpus, s->lane_bytes);
}

static struct bpf_link *iter_attach(struct tallyman_bpf *skel)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(skel->maps.homes) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));

	return bpf_program__autoload(skel->progs.conns_mark)
		       ? bpf_program__attach_iter(skel->progs.conns_mark, &opts)
		       : NULL;
}

static int session_sweep_new(struct session *s)
{
	s->iter = iter_attach(s->skel);
	return sweep_new(&s->sweep, &(struct sweep_config){
					    .slots_fd = bpf_map__fd(s->skel->maps.conn_slots),
					    .slots = CONNS_MAX,
					    .free_fd = bpf_map__fd(s->skel->maps.conns_free),
					    .iter_fd = s->iter ? bpf_link__fd(s->iter) : -1,
					    .epoch = &s->skel->data->conns_epoch,
				    });
}

static int session_drain_new(struct session *s)
{
	const struct drain_sched_config sched = {
		.numbers_fd = bpf_map__fd(s->skel->maps.owner_numbers),
		.owners_fd = bpf_map__fd(s->skel->maps.owners),
		.free_fd = bpf_map__fd(s->skel->maps.owner_free),
		.stats = s->sched,
		.cells = s->cells,
		.stolen = s->stolen,
		.owners = SCHED_SLOTS,
	};

	return drain_new(&s->drain, &(struct drain_config){
					    .lanes = s->lanes,
					    .coarse_fd = bpf_map__fd(s->skel->maps.coarse),
					    .sched = sched,
					    .cpus = libbpf_num_possible_cpus(),
					    .programs = s->programs,
					    .nprograms = s->nprograms,
				    });
}

static int session_drains_new(struct session *s)
{
	int err = session_drain_new(s);

	err = err
		      ?: drain_block_new(&s->block, bpf_map__fd(s->skel->maps.block_table),
					 bpf_map__fd(s->skel->maps.block_cells));
	err = err ?: drain_mem_new(&s->mem, bpf_map__fd(s->skel->maps.mem_table));
	err = err ?: session_stack_drain_new(s);
	err = err ?: session_net_drain_new(s);
	return err
		       ?: drain_pg_new(&s->pg, bpf_map__fd(s->skel->maps.pg_sleeps),
				       libbpf_num_possible_cpus());
}

static int session_prepare(struct session *s, char *err, size_t cap)
{
	int ret;

	s->kernel = btf__load_vmlinux_btf();
	if (!s->kernel) {
		snprintf(err, cap,
			 "this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs "
			 "CONFIG_DEBUG_INFO_BTF=y (see tallyman doctor)");
		return -ENOTSUP;
	}
	s->nhooks = hooks_choose(s->hooks, s->kernel, s->cfg.refuse);
	ret = session_load(s);
	if (ret == -EPERM || ret == -EACCES)
		snprintf(err, cap,
			 "cannot load BPF programs: %s; needs root, or CAP_BPF and "
			 "CAP_PERFMON (see tallyman doctor)",
			 strerror(-ret));
	else if (ret && !session_kernel_loops())
		snprintf(
			err, cap,
			"this kernel is too old: it lacks the BPF helper bpf_loop, which Linux has since "
			"5.17 (see tallyman doctor)");
	else if (ret)
		snprintf(err, cap, "cannot load BPF programs: %s (see tallyman doctor)",
			 strerror(-ret));
	return ret;
}

static void stats_start(struct session *s)
{
	if (s->stats_fd < 0)
		s->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
}

static void stats_stop(struct session *s)
{
	if (s->stats_fd >= 0)
		close(s->stats_fd);
	s->stats_fd = -1;
}

void session_measure(struct session *s, bool on)
{
	if (s->cfg.program_stats)
		return;
	if (on)
		stats_start(s);
	else
		stats_stop(s);
}

int session_start(struct session **out, const struct session_config *cfg, char *err, size_t cap)
{
	struct session *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->cfg = *cfg;
	s->stats_fd = -1;
	s->lane_max_bytes = LANE_MAX_BYTES;
	s->direct = true;
	s->tls = cfg->tls;
	err[0] = '\0';
	ret = session_prepare(s, err, cap);
	ret = ret ?: session_maps(s);
	ret = ret ?: session_seed(s);
	if (!ret) {
		session_attach(s);
		ret = session_required(s, err, cap);
	}
	ret = ret ?: session_seed(s); /* what was opened meanwhile */
	ret = ret ?: session_net_adopt(s);
	ret = ret ?: session_drains_new(s);
	ret = ret ?: session_sweep_new(s);
	if (!ret && cfg->program_stats)
		stats_start(s);
	if (!ret) {
		*out = s;
		return 0;
	}
	if (!err[0])
		snprintf(err, cap, "cannot start tracing: %s", strerror(-ret));
	session_free(s);
	return ret;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	if (s->skel && s->skel->bss)
		session_stack_close(s);
	session_detach(s);
	drain_free(s->drain);
	drain_block_free(s->block);
	drain_mem_free(s->mem);
	drain_net_free(s->net);
	drain_drop_free(s->drop);
	drain_service_free(s->service);
	drain_stack_free(s->stack);
	netns_free(s->netns);
	drain_dns_free(s->dns);
	drain_pg_free(s->pg);
	sweep_free(s->sweep);
	bpf_link__destroy(s->iter);
	bpf_link__destroy(s->net_iter);
	bpf_link__destroy(s->net_files);
	bpf_link__destroy(s->stack_iter);
	lanes_free(s->lanes);
	if (s->sched)
		munmap(s->sched, s->sched_bytes);
	if (s->cells)
		munmap(s->cells, s->cells_bytes);
	if (s->stolen)
		munmap(s->stolen, s->stolen_bytes);
	if (s->allowances)
		munmap(s->allowances, s->allowances_bytes);
	stats_stop(s);
	tallyman_bpf__destroy(s->skel);
	btf__free(s->kernel);
	free(s);
}

int session_poll(struct session *s, record_fn fn, void *ctx)
{
	session_stack_watch(s);
	return lanes_poll(s->lanes, fn, ctx);
}

unsigned int session_fill(const struct session *s)
{
	return lanes_fill(s->lanes);
}

int session_drain(struct session *s, record_fn fn, void *ctx)
{
	int err = drain_block_io(s->block, fn, ctx);

	err = drain_run(s->drain, fn, ctx) ?: err;
	err = drain_block_waits(s->block, fn, ctx) ?: err;
	err = drain_mem_run(s->mem, fn, ctx) ?: err;
	err = netns_run(s->netns) ?: err;
	err = drain_net_run(s->net, fn, ctx) ?: err;
	err = drain_drop_run(s->drop, fn, ctx) ?: err;
	err = drain_service_run(s->service, fn, ctx) ?: err;
	err = drain_stack_run(s->stack, fn, ctx) ?: err;
	err = drain_dns_run(s->dns, fn, ctx) ?: err;
	err = drain_pg_run(s->pg, clock_mono_ns(), fn, ctx) ?: err;
	return sweep_run(s->sweep, clock_mono_ns(), fn, ctx) ?: err;
}

void session_forget(struct session *s, uint64_t cgroup)
{
	drain_forget(s->drain, cgroup);
	drain_block_forget(s->block, cgroup);
	drain_mem_forget(s->mem, cgroup);
	drain_net_forget(s->net, cgroup);
	drain_drop_forget(s->drop, cgroup);
	drain_service_forget(s->service, cgroup);
	drain_stack_forget(s->stack, cgroup);
	netns_forget(s->netns, cgroup);
	drain_dns_forget(s->dns, cgroup);
	drain_pg_forget(s->pg, cgroup);
}

const struct allowance *session_allowances(const struct session *s, size_t *n)
{
	*n = (size_t)SCHED_SLOTS * libbpf_num_possible_cpus();
	return s->allowances;
}

void session_allow(struct session *s, uint32_t rate, uint32_t burst, uint32_t text_bytes)
{
	s->skel->data->allow_rate = rate;
	s->skel->data->allow_burst = burst;
	s->skel->data->allow_text = text_bytes < WIRE_TEXT_MAX ? text_bytes : WIRE_TEXT_MAX;
}

uint32_t session_lane_bytes(const struct session *s)
{
	return s->lane_bytes;
}

struct session_programs session_programs(const struct session *s)
{
	struct session_programs p = { 0 };

	drain_programs_sum(s->drain, &p.run_ns, &p.events);
	return p;
}

const struct hook_status *session_hooks(const struct session *s, int *n)
{
	*n = s->nhooks;
	return s->hooks;
}

int session_pg_cluster(struct session *s, uint32_t postmaster, const struct pg_cluster *cluster)
{
	struct bpf_map *map = s->skel->maps.pg_clusters;
	int err;

	if (cluster)
		return bpf_map__update_elem(map, &postmaster, sizeof(postmaster), cluster,
					    sizeof(*cluster), BPF_ANY);
	err = bpf_map__delete_elem(map, &postmaster, sizeof(postmaster), 0);
	return err == -ENOENT ? 0 : err;
}
