/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without its iterators (a kernel that refuses them) the network probe knows connections only by their
 * beginning and end, and none that was open before.
 */
#include "user/session_net.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "bpf/wire.h"
#include "probes/net/dns_stats.h"
#include "tallyman.skel.h"
#include "user/iter.h"
#include "user/lib/log.h"
#include "user/session_parts.h"

static bool has_hook(const struct session *s)
{
	for (int i = 0; i < s->nhooks; i++)
		if (s->hooks[i].probe->id == PROBE_NET && s->hooks[i].variant &&
		    !strcmp(s->hooks[i].hook->name, "state"))
			return true;
	return false;
}

void session_net_tune(struct session *s)
{
	bool wanted = !s->net_refused && has_hook(s);

	s->skel->rodata->cfg_drop_socket = drop_has_socket(s->kernel);
	s->skel->rodata->cfg_dns_names = s->cfg.dns_names;
	if (s->cfg.dns_names) {
		bpf_map__set_max_entries(s->skel->maps.dns_names,
					 bpf_map__max_entries(s->skel->maps.dns_asked));
		bpf_map__set_max_entries(s->skel->maps.dns_told, DNS_TOLD_MAX);
	}
	s->skel->rodata->cfg_drop_consumed = drop_reason_value(s->kernel, "SKB_CONSUMED");
	bpf_program__set_autoload(s->skel->progs.net_adopt, wanted);
	bpf_program__set_autoload(s->skel->progs.net_read, wanted);
}

int session_net_adopt(struct session *s)
{
	int err = 0;

	if (!bpf_program__autoload(s->skel->progs.net_adopt))
		return 0;
	for (int pass = 0; pass < 2 && !err; pass++) {
		s->skel->bss->net_adopting = pass;
		err = iter_run(s->skel->progs.net_adopt);
	}
	if (err)
		log_warn(
			"open sockets cannot be listed (%s): TCP connections that are open already are "
			"not counted",
			strerror(-err));
	return 0;
}

int session_net_drain_new(struct session *s)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(s->skel->maps.net_socks) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	const struct drain_dns_config dns = {
		.table_fd = bpf_map__fd(s->skel->maps.dns_table),
		.asked_fd = bpf_map__fd(s->skel->maps.dns_asked),
		.names_fd = s->cfg.dns_names ? bpf_map__fd(s->skel->maps.dns_names) : -1,
		.told_fd = bpf_map__fd(s->skel->maps.dns_told),
		.names_lost = &s->skel->bss->dns_names_lost,
	};

	if (bpf_program__autoload(s->skel->progs.net_read))
		s->net_iter = bpf_program__attach_iter(s->skel->progs.net_read, &opts);
	if (bpf_program__autoload(s->skel->progs.net_adopt))
		s->net_files = bpf_program__attach_iter(s->skel->progs.net_adopt, NULL);
	return drain_net_new(&s->net, bpf_map__fd(s->skel->maps.net_table),
			     bpf_map__fd(s->skel->maps.net_accepted_on),
			     s->net_iter ? bpf_link__fd(s->net_iter) : -1)
		       ?: drain_drop_new(&s->drop, bpf_map__fd(s->skel->maps.net_drops), s->netns,
					 s->net_files ? bpf_link__fd(s->net_files) : -1, s->kernel) ?:
	       drain_service_new(&s->service, bpf_map__fd(s->skel->maps.net_services_of)) ?:
	       drain_dns_new(&s->dns, &dns);
}
