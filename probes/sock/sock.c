/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a connection's records to requests with their statement, outcome and times. Every REC_REPLY of
 * `count` requests gives exactly `count` events, whatever else was lost: counts must add up.
 */
#include "probes/sock/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "probes/sock/blocked.h"
#include "probes/sock/conn.h"
#include "probes/sock/open.h"
#include "probes/sock/outcome.h"
#include "probes/sock/pair.h"
#include "probes/sock/parts.h"
#include "probes/sock/peer.h"
#include "probes/sock/refused.h"
#include "probes/sock/serve.h"
#include "probes/sock/undecoded.h"
#include "user/statement.h"
#include "user/subject.h"

struct sock {
	const struct probe_env *env;
	struct conns conns;
	struct pairs pairs;
	struct serve serve;
	struct blocked blocked;
	struct u64map processes;
	struct outcomes *outcomes;
	const struct statement *unknown[PROTO_MAX];
	struct sock_counts counts;
	uint32_t room;	  /* for requests that wait, over all connections */
	uint64_t open_ns; /* until when open requests were told */
};

static const struct protocol_decoder *const protocols[PROTO_MAX] = {
	[PROTO_POSTGRESQL] = &postgres_protocol,
	[PROTO_REDIS] = &redis_protocol,
	[PROTO_HTTP] = &http_protocol,
};

static void sock_free(void *state)
{
	struct sock *s = state;

	if (!s)
		return;
	conns_clear(&s->conns);
	serve_clear(&s->serve);
	blocked_clear(&s->blocked);
	context_clear(&s->processes);
	outcomes_free(s->outcomes);
	free(s);
}

static int sock_new(void **state, const struct probe_env *env)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->env = env;
	s->room = SOCK_REQUESTS_MAX;
	conns_init(&s->conns, env->conns_max ? env->conns_max : SOCK_CONNS_MAX);
	s->pairs = (struct pairs){ .conns = &s->conns, .subjects = env->subjects };
	s->conns.leave = pair_leave;
	s->conns.ctx = &s->pairs;
	context_init(&s->processes);
	s->outcomes = outcomes_new();
	if (!s->outcomes) {
		sock_free(s);
		return -ENOMEM;
	}
	for (int i = 0; i < PROTO_MAX; i++)
		s->unknown[i] = statement_bare(env->statements, i, STR("unknown"), STR(""));
	blocked_init(&s->blocked, &s->conns, s->unknown[PROTO_POSTGRESQL]);
	if (serve_init(&s->serve, s->unknown[PROTO_REDIS])) {
		sock_free(s);
		return -ENOMEM;
	}
	*state = s;
	return 0;
}

struct sock_counts sock_counts(const void *state)
{
	const struct sock *s = state;
	struct sock_counts c = s->counts;

	c.evicted_conns = s->conns.evicted;
	c.threaded_servers = s->serve.lines.threaded;
	return c;
}

/* The server's end works for the container of the client's end. */
static void tell_client(struct sock *s, struct conn *c)
{
	struct conn *server = c->role == ROLE_SERVER ? c : c->other;
	struct conn *client = c->role == ROLE_SERVER ? c->other : c;
	struct subject facts;

	if (!client || !server || client->role != ROLE_CLIENT || server->role != ROLE_SERVER)
		return;
	facts = *server->subject;
	facts.client_cgroup = client->subject->cgroup;
	facts.client_process = client->subject->process;
	server->subject = subject_intern(s->env->subjects, &facts);
}

/* Sets up a connection for the protocol that its record names. */
static int speak(struct sock *s, struct conn *c, uint8_t protocol)
{
	const struct protocol_decoder *p = protocol < PROTO_MAX ? protocols[protocol] : NULL;

	if (c->protocol == p)
		return 0;
	if (c->protocol)
		c->protocol->state_free(c->state);
	stream_free(&c->stream);
	requests_free(&c->requests);
	c->protocol = NULL;
	c->state = p ? p->state_new(s->env) : NULL;
	if (p && !c->state)
		return -ENOMEM;
	c->protocol = p;
	return 0;
}

/* A connection is also made by records whose REC_CONN was lost. */
static struct conn *conn_of(struct sock *s, uint64_t id, uint8_t role, uint8_t protocol)
{
	struct conn *c = conns_find(&s->conns, id);

	if (!c) {
		c = conns_add(&s->conns, id);
		if (!c)
			return NULL;
		c->subject = subject_intern(s->env->subjects, &(struct subject){ 0 });
		c->role = role < ROLE_MAX ? role : ROLE_UNKNOWN;
		c->requests.room = &s->room;
	}
	if (speak(s, c, protocol)) {
		conns_remove(&s->conns, c);
		return NULL;
	}
	return c;
}

static int on_conn(struct sock *s, const struct rec_conn *r)
{
	char comm[WIRE_COMM + 1] = { 0 };
	struct subject facts;
	struct conn *c = conn_of(s, r->conn, r->role, r->protocol);
	struct conn *before = c ? c->other : NULL;

	if (!c)
		return 0;
	memcpy(comm, r->comm, WIRE_COMM);
	c->late = r->late;
	refused_conn(c, r);
	peer_conn(c, r);
	c->role = r->role < ROLE_MAX ? r->role : ROLE_UNKNOWN;
	facts = *c->subject;
	facts.cgroup = r->cgroup;
	facts.process = comm;
	if (r->late && c->role == ROLE_SERVER && r->peer_cgroup)
		facts.client_cgroup = r->peer_cgroup;
	c->subject = subject_intern(s->env->subjects, &facts);
	if (serve_does(c))
		serve_conn(&s->serve, c, r->pid);
	if (blocked_does(c))
		blocked_conn(&s->blocked, c, r->pid);
	context_conn(&s->processes, c, r->pid);
	conns_join(&s->conns, c, r);
	if (c->other) {
		tell_client(s, c);
		(c->role == ROLE_CLIENT ? c : c->other)->tx.told_by_other = true;
	}
	if (c->other && c->other != before)
		pair_join(&s->pairs, c);
	return 0;
}

/* What a protocol is given of a connection for the time of one record. */
struct visit {
	struct peer peer;
	struct sock *sock;
	struct conn *conn;
};

static const char *changed(char *room, struct str s, const char *old)
{
	size_t n = s.len < SUBJECT_LABEL * 2 ? s.len : SUBJECT_LABEL * 2;

	if (!s.s)
		return old;
	memcpy(room, s.s, n);
	room[n] = 0;
	return room;
}

static void identify(struct peer *peer, struct str database, struct str user,
		     struct str application_name)
{
	struct visit *v = (struct visit *)peer;
	char room[3][SUBJECT_LABEL * 2 + 1];
	struct subject facts = *v->conn->subject;

	facts.database = changed(room[0], database, facts.database);
	facts.user = changed(room[1], user, facts.user);
	facts.application_name = changed(room[2], application_name, facts.application_name);
	v->conn->named |= application_name.s != NULL;
	v->conn->subject = subject_intern(v->sock->env->subjects, &facts);
}

static struct visit visit(struct sock *s, struct conn *c)
{
	return (struct visit){ .peer = { .env = s->env,
					 .requests = &c->requests,
					 .forgotten = &s->counts.forgotten_requests,
					 .unanswered = &s->counts.unanswered_requests,
					 .state = c->state,
					 .identify = identify },
			       .sock = s,
			       .conn = c };
}

static int on_request(struct sock *s, const struct rec_request *r, const struct probe_sink *sink)
{
	uint32_t pushed;
	struct conn *c;
	struct visit v;

	if (r->hdr.len - sizeof(*r) < r->text_len)
		return -EBADMSG;
	c = conn_of(s, r->conn, r->role, r->protocol);
	if (!c || !c->protocol)
		return 0;
	pushed = c->requests.pushed;
	v = visit(s, c);
	if (r->text_len)
		stream_record(&c->stream, c->protocol, &v.peer, r);
	c->walsender |= v.peer.walsender;
	if (v.peer.left && !c->requests.count)
		transaction_close(c, r->hdr.time_ns, s->unknown[PROTO_POSTGRESQL], sink);
	context_read(c, pushed);
	if (serve_does(c))
		serve_read(&s->serve, c, r, pushed, sink);
	past_read(c, c->requests.pushed - pushed);
	return 0;
}

static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns && from_ns < to_ns ? to_ns - from_ns : 0;
}

/* Who had the server while it waited, if that was longer than it waited for the CPU. */
static void tell_culprit(const struct conn *c, const struct moment *begin, struct event_request *e)
{
	if (!c->waited_for.subject || c->waited_ns != begin->read_ns ||
	    (e->parts_ns && e->queue_ns <= e->parts_ns[PART_RUN_NEIGHBOUR]))
		return;
	e->culprit = occupant_party(&c->waited_for);
	e->culprit_part = PART_QUEUE;
}

/*
 * The event of the request `index` of a reply; where it began is in *begin. False: the request itself
 * was never seen.
 */
static bool answer(struct sock *s, struct conn *c, const struct rec_reply *r, unsigned int index,
		   struct event_request *e, struct moment *begin)
{
	uint64_t arrival_ns;
	struct request req;
	struct visit v = visit(s, c);

	e->outcome = outcome_of(s->outcomes, r, index);
	e->reply_bytes = r->reply_bytes / r->count + (index < r->reply_bytes % r->count);
	if (r->protocol == PROTO_POSTGRESQL)
		e->rows = r->rows / r->count + (index < r->rows % r->count);
	if (requests_take(&c->requests, r->seq + index, &req)) {
		arrival_ns = spans_time(&c->arrivals, req.begin.pos);
		if (arrival_ns && arrival_ns < req.begin.read_ns)
			req.begin.arrival_ns = arrival_ns;
		e->statement = req.statement;
		e->context = req.context;
		e->request_bytes = req.bytes;
		e->queue_ns = since(req.begin.arrival_ns, req.begin.read_ns);
		e->service_ns = since(req.begin.read_ns, r->hdr.time_ns);
		if (c->role == ROLE_SERVER)
			e->receive_ns = trip_receive_ns(c, r, index, &req.begin);
		*begin = req.begin;
		if (c->protocol && c->protocol->answered)
			c->protocol->answered(&v.peer, &req, r, index, e);
		return true;
	}
	s->counts.unknown_requests++;
	e->statement = s->unknown[r->protocol < PROTO_MAX ? r->protocol : PROTO_UNKNOWN];
	e->request_bytes = 0;
	e->queue_ns = 0;
	/* At least this long: its first byte came before its reply's. */
	e->service_ns = since(r->first_ns, r->hdr.time_ns);
	*begin = (struct moment){ .read_ns = r->first_ns, .pos = SPAN_NOWHERE };
	return false;
}

/*
 * One event for each request that the reply answers. The first one's occupant (no statement: none), and when that
 * began (0: not known).
 */
static struct occupant answers(struct sock *s, struct conn *c, const struct rec_reply *r,
			       bool local, uint64_t *begin_ns, const struct probe_sink *sink)
{
	const struct rec_parts *took = c->has_parts && c->parts->seq == r->seq ? c->parts : NULL;
	struct occupant first = { 0 };
	uint64_t parts[PART_MAX];
	struct past_list did;
	struct moment begin;
	bool seen;

	*begin_ns = 0;
	for (unsigned int i = 0; i < r->count; i++) {
		struct event ev = { .kind = EVENT_REQUEST,
				    .time_ns = r->hdr.time_ns,
				    .request = { .role = c->role, .subject = c->subject } };
		struct event_request *e = &ev.request;
		struct event_trip trip;

		peer_tell(c, e);
		seen = answer(s, c, r, i, e, &begin);
		past_before(c, e->statement, r->seq + i, &did);
		e->before = did.v;
		e->nbefore = did.n;
		if (!i && seen)
			*begin_ns = begin.arrival_ns ? begin.arrival_ns : begin.read_ns;
		if (seen && c->role == ROLE_SERVER) {
			if (r->flags & REPLY_FOLLOWED)
				parts_tell(took, context_downstream(c, &begin), e, parts);
			tell_culprit(c, &begin, e);
			blocked_culprit(c, &begin, e);
			if (serve_does(c))
				serve_answered(&s->serve, c, &begin, e, r->hdr.time_ns, sink);
			if (!local)
				trip_serve(c, r->seq + i, e);
		} else if (c->role == ROLE_CLIENT) {
			context_asked(c, begin.read_ns, r->hdr.time_ns);
			if (seen)
				trip_tell(&trip, c, r->seq + i, e);
		}
		sink->emit(sink->ctx, &ev);
		if (local)
			pair_completed(&s->pairs, c, r, r->seq + i, e, &begin);
		if (!i)
			first = (struct occupant){ c->subject, e->statement, e->context };
	}
	c->has_parts = false;
	return first;
}

static int on_reply(struct sock *s, const struct rec_reply *r, const struct probe_sink *sink)
{
	struct conn lost = { .role = r->role < ROLE_MAX ? r->role : ROLE_UNKNOWN };
	const struct statement *unknown = s->unknown[PROTO_POSTGRESQL];
	struct occupant first;
	uint64_t begin_ns;
	struct conn *c;
	struct visit v;
	uint32_t pushed;
	bool local;

	if (r->nerrors > REPLY_ERRORS ||
	    r->hdr.len < REC_REPLY_FIXED + r->nerrors * sizeof(struct rec_error))
		return -EBADMSG;
	c = conn_of(s, r->conn, r->role, r->protocol);
	if (!c) {
		c = &lost;
		c->subject = subject_intern(s->env->subjects, &(struct subject){ 0 });
	}
	pushed = c->requests.pushed;
	if (c->protocol && c->stream.holding) {
		v = visit(s, c);
		stream_answered(&c->stream, c->protocol, &v.peer, r->seq + r->count);
		context_read(c, pushed);
	}
	past_read(c, c->requests.pushed - pushed);
	local = c != &lost && c->role == ROLE_SERVER && r->flags & REPLY_LOCAL;
	if (serve_does(c))
		serve_replies(c, r);
	first = answers(s, c, r, local, &begin_ns, sink);
	transaction_reply(c, r, &first, unknown, begin_ns, sink);
	refused_reply(c, r, outcome_error(s->outcomes, r), unknown, sink);
	past_reply(c, r->tx_status);
	c->answered_ns = r->hdr.time_ns;
	context_answered(c, r->hdr.time_ns);
	if (serve_does(c))
		serve_reply(&s->serve, c, r, pushed, first, sink);
	if (local)
		pair_settle(&s->pairs, c);
	return 0;
}

static int on_close(struct sock *s, const struct rec_close *r, const struct probe_sink *sink)
{
	struct conn *c = conns_find(&s->conns, r->conn);

	if (!c)
		return 0;
	transaction_close(c, r->hdr.time_ns, s->unknown[PROTO_POSTGRESQL], sink);
	blocked_close(&s->blocked, c);
	peer_unanswered(c, r->hdr.time_ns, sink);
	requests_free(&c->requests);
	context_answered(c, r->hdr.time_ns);
	conns_remove(&s->conns, c);
	return 0;
}

static void finish_conn(void *pairs, struct conn *c)
{
	pair_finish(pairs, c);
}

static void finish(void *state, const struct probe_sink *sink)
{
	struct sock *s = state;

	charges_flush(s->serve.charges, sink);
	s->pairs.sink = sink;
	conns_each(&s->conns, finish_conn, &s->pairs);
}

static void tick(void *state, uint64_t now_ns, const struct probe_sink *sink)
{
	struct sock *s = state;

	charges_flush(s->serve.charges, sink);
	open_tell(&s->conns, &s->open_ns, now_ns, sink);
}

static int decode(void *state, const struct rec_hdr *rec, const struct probe_sink *sink)
{
	struct sock *s = state;
	const struct rec_session *session = (const void *)rec;
	const struct rec_parts *parts = (const void *)rec;

	s->pairs.sink = sink;
	switch (rec->kind) {
	case REC_CONN:
		return undecoded_conn(rec, sink) ? 0 : on_conn(state, (const void *)rec);
	case REC_REQUEST:
		return on_request(state, (const struct rec_request *)rec, sink);
	case REC_REPLY:
		return on_reply(state, (const struct rec_reply *)rec, sink);
	case REC_PARTS:
		conn_parts(conns_find(&s->conns, parts->conn), parts);
		return 0;
	case REC_BLOCKED:
		return blocked_wait(&s->blocked, (const struct rec_blocked *)rec, sink);
	case REC_SESSION:
		return conn_session(conns_find(&s->conns, session->conn), session,
				    s->env->subjects);
	case REC_PROGRESS:
	case REC_TURN:
	case REC_LINK:
	case REC_RECEIVED:
		return pair_record(&s->pairs, rec);
	case REC_CLOSE:
		return on_close(state, (const struct rec_close *)rec, sink);
	}
	return -EBADMSG;
}

const struct probe sock_probe = {
	.name = "sock",
	.id = PROBE_SOCK,
	.hooks = sock_hooks,
	.kinds = 1 << REC_CONN | 1 << REC_REQUEST | 1 << REC_REPLY | 1 << REC_CLOSE |
		 1 << REC_PROGRESS | 1 << REC_PARTS | 1 << REC_BLOCKED | 1 << REC_SESSION |
		 1 << REC_TURN | 1 << REC_LINK | 1 << REC_RECEIVED,
	.decoder_new = sock_new,
	.decoder_free = sock_free,
	.decode = decode,
	.tick = tick,
	.finish = finish,
};
