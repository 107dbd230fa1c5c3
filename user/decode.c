/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks each record's kind and length, then gives it to the probe that takes the kind, or hands it on
 * as the event that it already is. Knows no protocol.
 */
#include "user/decode.h"

#include <errno.h>
#include <stdlib.h>

#include "probes/probe.h"
#include "probes/sock/sock.h"
#include "user/statement.h"
#include "user/subject.h"

#define STATEMENTS_MAX 16384
#define SUBJECTS_MAX 16384

struct decode {
	struct probe_env env;
	const struct probe *probe_of[REC_KIND_MAX];
	void *states[PROBE_MAX];
	uint64_t bad_records;
};

struct kind {
	uint16_t len;  /* of the fixed part */
	uint8_t event; /* enum event_kind, if the record is one as it is */
};

static const struct kind kinds[REC_KIND_MAX] = {
	[REC_CONN] = { sizeof(struct rec_conn), 0 },
	[REC_REQUEST] = { sizeof(struct rec_request), 0 },
	[REC_REPLY] = { REC_REPLY_FIXED, 0 },
	[REC_CLOSE] = { sizeof(struct rec_close), 0 },
	[REC_PROCESS] = { sizeof(struct rec_process), 0 },
	[REC_CGROUP] = { sizeof(struct rec_cgroup), EVENT_CGROUP },
	[REC_SCHED] = { sizeof(struct rec_sched), EVENT_SCHED },
	[REC_COARSE] = { sizeof(struct rec_coarse), EVENT_COARSE },
	[REC_COUNTS] = { sizeof(struct rec_counts), EVENT_COUNTS },
	[REC_PROGRESS] = { sizeof(struct rec_progress), 0 },
	[REC_PROGRAM] = { sizeof(struct rec_program), EVENT_PROGRAM },
	[REC_WAIT] = { sizeof(struct rec_wait), EVENT_WAIT },
	[REC_PARTS] = { sizeof(struct rec_parts), 0 },
	[REC_EVENT] = { sizeof(struct rec_event), EVENT_SLEEP },
	[REC_LOCK] = { sizeof(struct rec_lock), EVENT_LOCK },
	[REC_IO] = { sizeof(struct rec_io), EVENT_IO },
	[REC_MEMORY] = { sizeof(struct rec_memory), EVENT_MEMORY },
	[REC_BLOCKED] = { sizeof(struct rec_blocked), 0 },
	[REC_SESSION] = { sizeof(struct rec_session), 0 },
	[REC_TURN] = { sizeof(struct rec_turn), 0 },
	[REC_LINK] = { sizeof(struct rec_link), 0 },
	[REC_RECEIVED] = { sizeof(struct rec_received), 0 },
	[REC_NET] = { sizeof(struct rec_net), EVENT_NET },
	[REC_LISTENER] = { sizeof(struct rec_listener), EVENT_LISTENER },
	[REC_DNS] = { sizeof(struct rec_dns), EVENT_DNS },
	[REC_ACCEPT] = { sizeof(struct rec_accept), EVENT_ACCEPT },
	[REC_NAMED] = { sizeof(struct rec_named), EVENT_NAMED },
	[REC_SOFTIRQ] = { sizeof(struct rec_softirq), EVENT_SOFTIRQ },
	[REC_PRICE] = { sizeof(struct rec_price), EVENT_PRICE },
	[REC_EGRESS] = { sizeof(struct rec_egress), EVENT_EGRESS },
};

static int decoders_new(struct decode *d)
{
	for (const struct probe *const *p = probe_table; *p; p++) {
		int err = (*p)->decoder_new ? (*p)->decoder_new(&d->states[(*p)->id], &d->env) : 0;

		if (err)
			return err;
		for (unsigned int kind = 0; kind < REC_KIND_MAX; kind++)
			if ((*p)->kinds & 1u << kind)
				d->probe_of[kind] = *p;
	}
	return 0;
}

struct decode *decode_new(const struct decode_config *cfg)
{
	struct decode *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->env.statements =
		statements_new(cfg->statements_max ? cfg->statements_max : STATEMENTS_MAX);
	d->env.subjects = subjects_new(cfg->subjects_max ? cfg->subjects_max : SUBJECTS_MAX);
	d->env.comment_keys = cfg->comment_keys;
	d->env.conns_max = cfg->conns_max;
	if (d->env.statements && d->env.subjects && !decoders_new(d))
		return d;
	decode_free(d);
	return NULL;
}

void decode_tick(struct decode *d, uint64_t now_ns, event_fn fn, void *ctx)
{
	struct probe_sink sink = { .emit = fn, .ctx = ctx };

	for (const struct probe *const *p = probe_table; *p; p++)
		if ((*p)->tick)
			(*p)->tick(d->states[(*p)->id], now_ns, &sink);
}

void decode_finish(struct decode *d, event_fn fn, void *ctx)
{
	struct probe_sink sink = { .emit = fn, .ctx = ctx };

	for (const struct probe *const *p = probe_table; *p; p++)
		if ((*p)->finish)
			(*p)->finish(d->states[(*p)->id], &sink);
}

void decode_free(struct decode *d)
{
	if (!d)
		return;
	for (const struct probe *const *p = probe_table; *p; p++)
		if ((*p)->decoder_free)
			(*p)->decoder_free(d->states[(*p)->id]);
	statements_free(d->env.statements);
	subjects_free(d->env.subjects);
	free(d);
}

static int wait_event(const struct rec_wait *r, struct event_wait *w)
{
	if (r->resource >= RESOURCE_MAX || r->cause >= WAIT_CAUSE_MAX)
		return -EBADMSG;
	*w = (struct event_wait){ .resource = r->resource,
				  .cause = r->cause,
				  .waiter.owner = r->waiter,
				  .occupant.owner = r->occupant,
				  .wait_ns = r->wait_ns,
				  .waits = r->waits };
	return 0;
}

static bool net_is_valid(const struct rec_net *r)
{
	return r->role < ROLE_MAX && r->peer_kind < NET_PEER_MAX;
}

static bool named_is_valid(const struct rec_named *r)
{
	return r->what < NET_NAMED_MAX && r->peer_kind < NET_PEER_MAX && r->name[0] &&
	       memchr(r->name, '\0', sizeof(r->name));
}

/* A record that is an event already; the part of it that has no fixed length is checked here. */
static int pass_on(const struct rec_hdr *rec, const struct probe_sink *sink)
{
	struct event ev = { .kind = kinds[rec->kind].event, .time_ns = rec->time_ns };
	const struct rec_cgroup *cgroup = (const void *)rec;

	if (!ev.kind)
		return 0;
	if (rec->kind == REC_CGROUP && rec->len - sizeof(*cgroup) < cgroup->path_len)
		return -EBADMSG;
	if (rec->kind == REC_WAIT && wait_event((const void *)rec, &ev.wait))
		return -EBADMSG;
	if (rec->kind == REC_NET && !net_is_valid((const void *)rec))
		return -EBADMSG;
	if (rec->kind == REC_NAMED && !named_is_valid((const void *)rec))
		return -EBADMSG;
	if (rec->kind != REC_WAIT)
		ev.cgroup = cgroup; /* all of these are one pointer to the record */
	sink->emit(sink->ctx, &ev);
	return 0;
}

int decode_record(struct decode *d, const void *rec, size_t len, event_fn fn, void *ctx)
{
	const struct probe_sink sink = { fn, ctx };
	const struct rec_hdr *hdr = rec;
	const struct probe *probe;
	int err = -EBADMSG;

	if (len >= sizeof(*hdr) && hdr->kind < REC_KIND_MAX && hdr->len <= len &&
	    kinds[hdr->kind].len && hdr->len >= kinds[hdr->kind].len) {
		probe = d->probe_of[hdr->kind];
		err = probe ? probe->decode(d->states[probe->id], hdr, &sink) : pass_on(hdr, &sink);
	}
	d->bad_records += err != 0;
	return err;
}

struct decode_counts decode_counts(const struct decode *d)
{
	struct sock_counts sock = sock_counts(d->states[PROBE_SOCK]);

	return (struct decode_counts){
		.bad_records = d->bad_records,
		.evicted_conns = sock.evicted_conns,
		.forgotten_requests = sock.forgotten_requests,
		.unknown_requests = sock.unknown_requests,
		.unanswered_requests = sock.unanswered_requests,
		.threaded_servers = sock.threaded_servers,
		.reduced_statements = statements_reduced(d->env.statements),
		.reduced_subjects = subjects_reduced(d->env.subjects),
		.statements = statements_count(d->env.statements),
		.subjects = subjects_count(d->env.subjects),
	};
}
