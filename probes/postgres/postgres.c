/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL protocol for the socket decoder: framing, and what each message is to a request. In:
 * messages, whole or cut. Out: one request for each Query, Execute and FunctionCall.
 */
#include "probes/postgres/postgres.h"

#include <errno.h>
#include <stdlib.h>

#include "user/lib/cursor.h"
#include "user/statement.h"

#define MESSAGE_MAX 0x3fffffff

enum form {
	FORM_NONE,    /* no message of a client */
	FORM_SKIPPED, /* its content does not matter, or is a password */
	FORM_PART,    /* of the next request */
	FORM_REQUEST,
	FORM_END,   /* of a group: Sync, Flush, end of COPY data */
	FORM_LEAVE, /* Terminate */
};

static const unsigned char forms[128] = {
	['Q'] = FORM_REQUEST, ['E'] = FORM_REQUEST, ['F'] = FORM_REQUEST, ['P'] = FORM_PART,
	['B'] = FORM_PART,    ['D'] = FORM_PART,    ['C'] = FORM_PART,	  ['S'] = FORM_END,
	['H'] = FORM_END,     ['c'] = FORM_END,	    ['f'] = FORM_END,	  ['X'] = FORM_LEAVE,
	['d'] = FORM_SKIPPED, ['p'] = FORM_SKIPPED,
};

int postgres_scan(uint8_t phase, const char *p, size_t n, uint64_t *bytes)
{
	struct cursor c = cursor_of(p, n);
	bool startup = phase == PHASE_STARTUP;
	uint32_t len;

	*bytes = n + 1;
	if (!startup && ((unsigned char)*p >= 128 || !forms[(unsigned char)*p]))
		return -EBADMSG;
	if (!cursor_skip(&c, !startup) || !cursor_be32(&c, &len))
		return 0;
	if (startup ? len < PG_STARTUP_BYTES || len > PG_STARTUP_MAX : len < 4 || len > MESSAGE_MAX)
		return -EBADMSG;
	*bytes = (uint64_t)len + !startup;
	return 1;
}

static int scan(void *state, const char *p, size_t n, struct message *m)
{
	struct postgres *pg = state;
	int r = postgres_scan(m->phase, p, n, &m->bytes);

	m->wanted = true;
	m->counted = false;
	if (r <= 0 || m->phase == PHASE_STARTUP)
		return r;
	m->counted = forms[(unsigned char)*p] == FORM_REQUEST;
	m->wanted = forms[(unsigned char)*p] != FORM_SKIPPED;
	if (*p == 'd')
		pg->copy_bytes += m->bytes;
	return r;
}

static void request(struct peer *peer, const struct message *m, const struct statement *st)
{
	struct postgres *pg = peer->state;
	struct pg_group *g = &pg->group;

	peer_request(peer, m, g->open ? g->begin : m->begin, st, g->bytes + m->bytes);
	*g = (struct pg_group){ 0 };
}

static void query(struct peer *peer, struct str body, const struct message *m)
{
	struct cursor c = cursor_of(body.s, body.len);
	const struct postgres *pg = peer->state;
	const struct statement *st = NULL;
	struct pg_effect effect;
	struct str sql;
	bool whole = cursor_cstr(&c, &sql);

	if (pg->walsender)
		st = postgres_replication(peer->env, sql);
	request(peer, m, st ?: postgres_statement(peer->env, sql, m->cut && !whole));
	effect = pg_effect_of(sql);
	postgres_apply(peer, &effect);
}

static void execute(struct peer *peer, struct str body, const struct message *m)
{
	struct pg_bound room;
	const struct pg_bound *b = postgres_portal(peer->state, body, &room);

	request(peer, m, b->statement);
	if (b->effect.kind)
		postgres_apply(peer, &b->effect);
}

/* Its bytes belong to the request before it, if that still runs. */
static void group_end(struct peer *peer, const struct message *m)
{
	struct postgres *pg = peer->state;
	struct request *r = requests_newest(peer->requests);
	uint64_t bytes = m->bytes + pg->copy_bytes;

	if (r && bytes <= UINT32_MAX - r->bytes)
		r->bytes += bytes;
	pg->copy_bytes = 0;
	pg->group = (struct pg_group){ 0 };
}

static void group_add(struct postgres *pg, const struct message *m)
{
	if (!pg->group.open)
		pg->group.begin = m->begin;
	pg->group.open = true;
	pg->group.bytes += m->bytes;
}

static void message(struct peer *peer, struct str bytes, const struct message *m)
{
	struct postgres *pg = peer->state;
	size_t header = m->phase == PHASE_STARTUP ? 4 : PG_HEADER_BYTES;
	struct str body = { bytes.s + header, bytes.len - header };
	char type = *bytes.s;

	if (m->phase == PHASE_STARTUP) {
		postgres_startup(peer, body);
		return;
	}
	if (forms[(unsigned char)type] == FORM_PART)
		group_add(pg, m);
	switch (type) {
	case 'Q':
		query(peer, body, m);
		break;
	case 'E':
		execute(peer, body, m);
		break;
	case 'F':
		request(peer, m,
			statement_bare(peer->env->statements, PROTO_POSTGRESQL, STR("FUNCTION"),
				       STR("function call")));
		break;
	case 'P':
		postgres_parse(peer, body, m->cut);
		break;
	case 'B':
		postgres_bind(pg, body);
		break;
	case 'C':
		postgres_close(pg, body);
		break;
	case 'D':
		break;
	case 'X':
		peer->left = true;
		break;
	default:
		group_end(peer, m);
	}
}

static void reset(void *state)
{
	(void)state;
}

/* The unnamed statement may be another one by now. Names are hardly ever used twice. */
static void gap(void *state)
{
	struct postgres *pg = state;

	pg->unnamed.statement = NULL;
	pg->portal.statement = NULL;
	pg->group = (struct pg_group){ 0 };
}

const struct protocol_decoder postgres_protocol = {
	.id = PROTO_POSTGRESQL,
	.counts_headers = true,
	.state_new = postgres_new,
	.state_free = postgres_free,
	.scan = scan,
	.message = message,
	.reset = reset,
	.gap = gap,
};
