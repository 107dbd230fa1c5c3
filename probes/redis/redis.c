/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Redis protocol for the socket decoder. In: commands, whole or cut. Out: statements made of a
 * known command's name and the pattern of its first key, and nothing else of what the client sent.
 */
#include "probes/redis/redis.h"

#include <errno.h>
#include <stdlib.h>

#include "probes/redis/redis_act.h"
#include "probes/sock/protocol.h"
#include "user/statement.h"

/* The argument behind STREAMS, if it is there. */
static unsigned int key_behind_streams(const struct redis_args *a, unsigned int from)
{
	for (unsigned int i = from; i + 1 < a->n; i++)
		if (!a->cut[i] && str_ieq(a->arg[i], STR("STREAMS")))
			return i + 1;
	return 0;
}

static unsigned int first_key(const struct redis_command *c, const struct redis_args *a)
{
	unsigned int key = c->key;

	if (c->keys == KEYS_STREAMS)
		return key_behind_streams(a, key);
	if (!key || key >= a->n)
		return 0;
	if (c->keys == KEYS_NUMBER && str_eq(a->arg[key - 1], STR("0")))
		return 0;
	return key;
}

void redis_describe(const struct redis_args *a, struct redis_facts *out)
{
	struct str none = STR("");
	bool named = a->n && !a->cut[0];

	out->command =
		named ? redis_command_find(a->arg[0], a->n > 1 && !a->cut[1] ? a->arg[1] : none)
		      : NULL;
	out->operation = out->command ? out->command->name : "unknown";
	out->key = out->command ? first_key(out->command, a) : 0;
	out->pattern_len = 0;
	out->pattern[0] = 0;
	if (out->key)
		out->pattern_len =
			redis_key_pattern(out->pattern, a->arg[out->key], a->cut[out->key]);
}

static const struct statement *statement_of(const struct peer *peer,
					    const struct redis_facts *facts)
{
	char text[REDIS_NAME_MAX + REDIS_PATTERN_MAX + 2];
	struct statement_facts f;
	size_t len = strlen(facts->operation);

	f.protocol = PROTO_REDIS;
	f.operation = f.summary = (struct str){ facts->operation, len };
	f.key_pattern = (struct str){ facts->pattern, facts->pattern_len };
	f.host = STR("");
	memcpy(text, facts->operation, len);
	if (facts->pattern_len) {
		text[len++] = ' ';
		memcpy(text + len, facts->pattern, facts->pattern_len);
		len += facts->pattern_len;
	}
	f.text = (struct str){ text, len };
	f.ntables = 0;
	f.ncomments = 0;
	return statement_intern(peer->env->statements, &f);
}

struct state {
	struct redis_scan scan;
	struct redis_session session;
};

static void *state_new(const struct probe_env *env)
{
	(void)env;
	return calloc(1, sizeof(struct state));
}

static void reset(void *state)
{
	struct redis_scan *s = &((struct state *)state)->scan;

	s->off = 0;
	s->items = 0;
	s->begun = false;
}

static void gap(void *state)
{
	struct redis_session *s = &((struct state *)state)->session;

	s->multi = false;
	s->unsure = s->had_multi;
}

static int scan(void *state, const char *p, size_t n, struct message *m)
{
	m->wanted = true;
	m->counted = true;
	return redis_scan(&((struct state *)state)->scan, p, n, &m->bytes, &m->counted);
}

static void message(struct peer *peer, struct str bytes, const struct message *m)
{
	struct state *s = peer->state;
	struct request r = { .begin = m->begin, .number = m->number };
	struct redis_args args;
	struct redis_facts facts;

	if (m->counted) {
		redis_scan_args(&s->scan, bytes.s, bytes.len, &args);
		redis_describe(&args, &facts);
		redis_act(&s->session, &facts, &args, s->scan.begun ? s->scan.total : 0,
			  m->begin.read_ns, &r.act);
		r.statement = statement_of(peer, &facts);
		r.bytes = m->bytes < UINT32_MAX ? m->bytes : UINT32_MAX;
		if (redis_replies(&s->session, &facts, &args, &r.number))
			peer_push(peer, &r);
		else
			++*peer->unanswered;
	}
	reset(s);
}

/* "": not said. */
static struct str said(const char *name)
{
	return *name ? str_of(name) : (struct str){ NULL, 0 };
}

static void answered(struct peer *peer, const struct request *req, const struct rec_reply *r,
		     unsigned int index, struct event_request *e)
{
	const struct redis_session *s = &((struct state *)peer->state)->session;
	bool ok = !strcmp(e->outcome, "ok");

	if (!req->act.kind && !req->act.blocks)
		return;
	if (req->act.kind == ACT_WHO && ok)
		peer->identify(peer, said(""), said(s->user), said(s->application_name));
	redis_acted(&req->act, r, index, ok, e);
}

const struct protocol_decoder redis_protocol = {
	.id = PROTO_REDIS,
	.state_new = state_new,
	.state_free = free,
	.scan = scan,
	.message = message,
	.reset = reset,
	.gap = gap,
	.answered = answered,
};
