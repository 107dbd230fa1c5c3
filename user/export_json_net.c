/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines of TCP connections ("network") and listening sockets ("listener"). In: a view's rows. Out: one
 * object a line, by way of export_json_parts.h.
 */
#include <stdio.h>

#include "user/export_json.h"
#include "user/export_json_parts.h"
#include "user/net_names.h"

static void set_each(json_t *o, const char *prefix, const char *const *names, const __u64 *counts)
{
	char name[48];

	for (int i = 0; names[i]; i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, names[i]);
		json_parts.set_number(o, name, counts[i]);
	}
}

static int net_put(FILE *out, const struct agg_net_row *row)
{
	const struct net_counts *n = &row->n;
	json_t *o = json_object();

	json_parts.set_string(o, "kind", "network");
	json_parts.set_string(o, "role", row->role);
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	json_parts.set_string(o, "peer_tenant", row->peer_tenant);
	json_parts.set_string(o, "peer", row->peer);
	json_parts.set_number(o, "opened", n->opened);
	json_parts.set_number(o, "opened_before", n->late);
	json_parts.set_number(o, "open", net_open(n));
	set_each(o, "failed_", net_failure_names, n->failed);
	set_each(o, "closed_", net_end_names, n->closed);
	json_parts.set_number(o, "lifetime_sum_ns", n->lifetime_ns);
	json_parts.set_number(o, "bytes_sent", n->bytes[NET_SENT]);
	json_parts.set_number(o, "bytes_received", n->bytes[NET_RECEIVED]);
	set_each(o, "resent_", net_resend_names, n->resent);
	json_parts.set_number(o, "resent_bytes", n->resent_bytes);
	json_parts.set_number(o, "resent_needless", n->needless);
	json_parts.set_number(o, "resets_sent", n->resets[NET_SENT]);
	json_parts.set_number(o, "resets_received", n->resets[NET_RECEIVED]);
	json_parts.set_number(o, "out_of_order", n->disorder);
	json_parts.set_number(o, "receive_drops", n->drops);
	json_parts.set_number(o, "stall_peer_window_ns", n->stall_ns[NET_STALL_PEER_WINDOW]);
	json_parts.set_number(o, "stall_send_buffer_ns", n->stall_ns[NET_STALL_SEND_BUFFER]);
	json_parts.set_number(o, "connects", row->connects.count);
	json_parts.set_number(o, "connect_sum_ns", n->connect_ns);
	json_parts.set_quantile(o, "connect_p50_ns", &row->connects, 0.5);
	json_parts.set_quantile(o, "connect_p99_ns", &row->connects, 0.99);
	json_parts.set_number(o, "rtt_samples", row->rtt.count);
	json_parts.set_number(o, "rtt_sum_ns", n->rtt_ns);
	json_parts.set_number(o, "rtt_min_sum_ns", n->rtt_min_ns);
	json_parts.set_quantile(o, "rtt_p50_ns", &row->rtt, 0.5);
	json_parts.set_quantile(o, "rtt_p99_ns", &row->rtt, 0.99);
	return json_parts.put(out, o, 29 + NET_FAILED_MAX + NET_END_MAX + NET_RESEND_MAX);
}

static int listener_put(FILE *out, const struct agg_listener_row *row)
{
	json_t *o = json_object();

	json_parts.set_string(o, "kind", "listener");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	json_parts.set_number(o, "port", row->port);
	json_parts.set_number(o, "sockets", row->sockets);
	json_parts.set_number(o, "backlog", row->backlog);
	json_parts.set_number(o, "limit", row->limit);
	json_parts.set_number(o, "drops", row->drops);
	json_parts.set_number(o, "waiting", row->waiting);
	json_parts.set_number(o, "oldest_ns", row->oldest_ns);
	json_parts.set_number(o, "accepts", row->waits.count);
	json_parts.set_number(o, "accept_wait_sum_ns", row->waits.sum_ns);
	json_parts.set_quantile(o, "accept_wait_p50_ns", &row->waits, 0.5);
	json_parts.set_quantile(o, "accept_wait_p99_ns", &row->waits, 0.99);
	return json_parts.put(out, o, 14);
}

static int named_put(FILE *out, const struct agg_named_row *row)
{
	static const char *const kinds[NET_NAMED_MAX] = {
		[NET_NAMED_DROPS] = "drops",
		[NET_NAMED_WINDOWS] = "zero_windows",
		[NET_NAMED_SERVICES] = "service",
		[NET_NAMED_DNS] = "dns_name",
	};
	static const char *const names[NET_NAMED_MAX] = {
		[NET_NAMED_DROPS] = "reason",
		[NET_NAMED_WINDOWS] = "direction",
		[NET_NAMED_SERVICES] = "service",
		[NET_NAMED_DNS] = "name",
	};
	static const char *const numbers[NET_NAMED_MAX][NET_NAMED_NUMBERS] = {
		[NET_NAMED_DROPS] = { "packets" },
		[NET_NAMED_WINDOWS] = { "samples" },
		[NET_NAMED_SERVICES] = { "opened", "failed" },
		[NET_NAMED_DNS] = { "answers", "failed", "timeouts", "sum_ns" },
	};
	bool has_peer = row->what != NET_NAMED_DNS;
	json_t *o;
	int i;

	if (!kinds[row->what])
		return 0;
	o = json_object();
	json_parts.set_string(o, "kind", kinds[row->what]);
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	if (has_peer) {
		json_parts.set_string(o, "peer_tenant", row->peer_tenant);
		json_parts.set_string(o, "peer", row->peer);
	}
	json_parts.set_string(o, names[row->what], row->name);
	for (i = 0; i < NET_NAMED_NUMBERS && numbers[row->what][i]; i++)
		json_parts.set_number(o, numbers[row->what][i], row->n[i]);
	return json_parts.put(out, o, 4 + 2 * has_peer + i);
}

int export_json_net(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->nnets; i++)
		err = net_put(out, &v->nets[i]);
	for (size_t i = 0; !err && i < v->nlisteners; i++)
		err = listener_put(out, &v->listeners[i]);
	for (size_t i = 0; !err && i < v->nnamed; i++)
		err = named_put(out, &v->named[i]);
	err = err ?: export_json_dns(out, v);
	return err;
}
