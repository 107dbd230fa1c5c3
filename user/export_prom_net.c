/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of TCP connections and listening sockets. In: a view's rows. Out: text by way of
 * export_prom_parts.h.
 */
#include <stdio.h>

#include "user/export_prom_parts.h"
#include "user/net_names.h"

static const struct family family_connections = {
	"tallyman_network_connections", "counter", NULL,
	"TCP connections established: called by the container (client) or accepted for it (server)."
};
static const struct family family_open = { "tallyman_network_open_connections", "gauge", NULL,
					   "TCP connections that are open now." };
static const struct family family_failures = {
	"tallyman_network_connect_failures", "counter", NULL,
	"Calls of connect() that led to no TCP connection, by reason."
};
static const struct family family_closed = {
	"tallyman_network_connections_closed", "counter", NULL,
	"TCP connections that ended, by which end closed first or what broke them."
};
static const struct family family_lifetime = { "tallyman_network_connection_lifetime_seconds",
					       "counter", "seconds",
					       "How long the connections that ended were open." };
static const struct family family_connect = {
	"tallyman_network_connect_seconds", "histogram", "seconds",
	"From connect() to the connection being established."
};
static const struct family family_bytes = {
	"tallyman_network_bytes", "counter", "bytes",
	"Payload of TCP connections; what was sent again is not counted again."
};
static const struct family family_resent = { "tallyman_network_retransmitted_segments", "counter",
					     NULL,
					     "TCP segments sent again, by what made TCP do it." };
static const struct family family_needless = {
	"tallyman_network_needless_retransmits", "counter", NULL,
	"TCP segments sent again that the other end said it had."
};
static const struct family family_resets = { "tallyman_network_resets", "counter", NULL,
					     "Resets sent and received on TCP sockets." };
static const struct family family_disorder = { "tallyman_network_out_of_order_segments", "counter",
					       NULL,
					       "TCP segments that arrived ahead of earlier ones." };
static const struct family family_drops = {
	"tallyman_network_receive_drops", "counter", NULL,
	"TCP segments that arrived and that the socket did not take."
};
static const struct family family_stall = {
	"tallyman_network_send_stall_seconds", "counter", "seconds",
	"Time that connections had data to send and could not: the other end's window was full "
	"(peer_window), or the sender's own buffer (send_buffer)."
};
static const struct family family_rtt = {
	"tallyman_network_rtt_seconds", "histogram", "seconds",
	"TCP's smoothed round-trip time, of each connection that had data acknowledged once a second."
};
static const struct family family_rtt_min = {
	"tallyman_network_rtt_minimum_seconds", "counter", "seconds",
	"Sum of TCP's minimum round-trip times at the samples of tallyman_network_rtt_seconds."
};
static const struct family family_backlog = {
	"tallyman_network_listen_backlog", "gauge", NULL,
	"Connections that are established and not accepted yet."
};
static const struct family family_limit = { "tallyman_network_listen_backlog_limit", "gauge", NULL,
					    "How many of them there may be." };
static const struct family family_listen_drops = {
	"tallyman_network_listen_drops", "counter", NULL,
	"Connections that a listening socket dropped; nearly always, its backlog was full."
};

static const struct family family_kernel_drops = {
	"tallyman_network_dropped_packets", "counter", NULL,
	"Packets that the kernel dropped, by its own reason: not each of them is a loss."
};

static const struct family family_windows = {
	"tallyman_network_zero_window_samples", "counter", NULL,
	"TCP connections whose window was closed when they were read, once a second: told by this end (sent) "
	"or by the other (received)."
};

static const struct family family_oldest = {
	"tallyman_network_unaccepted_oldest_seconds", "gauge", "seconds",
	"How long the connection that waits longest to be accepted has been established."
};
static const struct family family_accept = {
	"tallyman_network_accept_wait_seconds", "histogram", "seconds",
	"From a connection being established to accept(), where the kernel tells."
};

static void net_labels(struct writer *w, const struct agg_net_row *row, const char *name,
		       const char *value)
{
	prom_parts.labels_begin(w);
	if (name)
		prom_parts.label(w, name, value);
	prom_parts.label(w, "role", row->role);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
	prom_parts.label(w, "peer_tenant", row->peer_tenant);
	prom_parts.label(w, "peer", row->peer);
}

/* A counter that is a member of struct net_counts, or an array of them told apart by a label. */
struct net_family {
	const struct family *f;
	size_t offset;
	const char *label; /* NULL: one number */
	const char *const *values;
	bool is_time;
};

#define AT(member) offsetof(struct net_counts, member)

static const struct net_family families[] = {
	{ &family_connections, AT(opened), NULL, NULL, false },
	{ &family_failures, AT(failed), "reason", net_failure_names, false },
	{ &family_closed, AT(closed), "reason", net_end_names, false },
	{ &family_lifetime, AT(lifetime_ns), NULL, NULL, true },
	{ &family_bytes, AT(bytes), "direction", net_direction_names, false },
	{ &family_resent, AT(resent), "cause", net_resend_names, false },
	{ &family_needless, AT(needless), NULL, NULL, false },
	{ &family_resets, AT(resets), "direction", net_direction_names, false },
	{ &family_disorder, AT(disorder), NULL, NULL, false },
	{ &family_drops, AT(drops), NULL, NULL, false },
	{ &family_stall, AT(stall_ns), "reason", net_stall_names, true },
	{ &family_rtt_min, AT(rtt_min_ns), NULL, NULL, true },
};

static void sample(struct writer *w, const struct net_family *nf, uint64_t n)
{
	if (nf->is_time)
		prom_parts.seconds(w, nf->f, "_total", n);
	else
		prom_parts.u64(w, nf->f, "_total", n);
}

/* Of what is told apart only what there was: most connections end in one or two of the ways. */
static void family_row(struct writer *w, const struct net_family *nf, const struct agg_net_row *row)
{
	const __u64 *counts = (const void *)((const char *)&row->n + nf->offset);

	if (!nf->label) {
		net_labels(w, row, NULL, NULL);
		sample(w, nf, *counts);
		return;
	}
	for (int i = 0; nf->values[i]; i++) {
		if (!counts[i])
			continue;
		net_labels(w, row, nf->label, nf->values[i]);
		sample(w, nf, counts[i]);
	}
}

static void nets_write(struct writer *w, const struct agg_view *v)
{
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		prom_parts.family(w, families[f].f);
		for (size_t i = 0; i < v->nnets; i++)
			family_row(w, &families[f], &v->nets[i]);
	}
	prom_parts.family(w, &family_open);
	for (size_t i = 0; i < v->nnets; i++) {
		net_labels(w, &v->nets[i], NULL, NULL);
		prom_parts.u64(w, &family_open, "", net_open(&v->nets[i].n));
	}
	prom_parts.family(w, &family_connect);
	for (size_t i = 0; i < v->nnets; i++) {
		if (!v->nets[i].connects.count)
			continue;
		net_labels(w, &v->nets[i], NULL, NULL);
		prom_parts.histogram(w, &family_connect, &v->nets[i].connects);
	}
	prom_parts.family(w, &family_rtt);
	for (size_t i = 0; i < v->nnets; i++) {
		if (!v->nets[i].rtt.count)
			continue;
		net_labels(w, &v->nets[i], NULL, NULL);
		prom_parts.histogram(w, &family_rtt, &v->nets[i].rtt);
	}
}

static void listener_labels(struct writer *w, const struct agg_listener_row *row)
{
	char port[16];

	snprintf(port, sizeof(port), "%u", row->port);
	prom_parts.labels_begin(w);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "container", row->container);
	prom_parts.label(w, "port", row->port ? port : "other");
}

static void listeners_write(struct writer *w, const struct agg_view *v)
{
	prom_parts.family(w, &family_backlog);
	for (size_t i = 0; i < v->nlisteners; i++) {
		if (!v->listeners[i].sockets)
			continue;
		listener_labels(w, &v->listeners[i]);
		prom_parts.u64(w, &family_backlog, "", v->listeners[i].backlog);
	}
	prom_parts.family(w, &family_limit);
	for (size_t i = 0; i < v->nlisteners; i++) {
		if (!v->listeners[i].sockets)
			continue;
		listener_labels(w, &v->listeners[i]);
		prom_parts.u64(w, &family_limit, "", v->listeners[i].limit);
	}
	prom_parts.family(w, &family_oldest);
	for (size_t i = 0; i < v->nlisteners; i++) {
		if (!v->listeners[i].sockets)
			continue;
		listener_labels(w, &v->listeners[i]);
		prom_parts.seconds(w, &family_oldest, "", v->listeners[i].oldest_ns);
	}
	prom_parts.family(w, &family_accept);
	for (size_t i = 0; i < v->nlisteners; i++) {
		if (!v->listeners[i].waits.count)
			continue;
		listener_labels(w, &v->listeners[i]);
		prom_parts.histogram(w, &family_accept, &v->listeners[i].waits);
	}
	prom_parts.family(w, &family_listen_drops);
	for (size_t i = 0; i < v->nlisteners; i++) {
		listener_labels(w, &v->listeners[i]);
		prom_parts.u64(w, &family_listen_drops, "_total", v->listeners[i].drops);
	}
}

static void named_write(struct writer *w, const struct agg_view *v, enum net_named what,
			const struct family *f, const char *label)
{
	prom_parts.family(w, f);
	for (size_t i = 0; i < v->nnamed; i++) {
		const struct agg_named_row *row = &v->named[i];

		if (row->what != what)
			continue;
		prom_parts.labels_begin(w);
		prom_parts.label(w, label, row->name);
		prom_parts.label(w, "tenant", row->tenant);
		prom_parts.label(w, "container", row->container);
		prom_parts.label(w, "peer_tenant", row->peer_tenant);
		prom_parts.label(w, "peer", row->peer);
		prom_parts.u64(w, f, "_total", row->n[0]);
	}
}

void export_prom_net(struct writer *w, const struct agg_view *v)
{
	nets_write(w, v);
	listeners_write(w, v);
	named_write(w, v, NET_NAMED_DROPS, &family_kernel_drops, "reason");
	named_write(w, v, NET_NAMED_WINDOWS, &family_windows, "direction");
}
