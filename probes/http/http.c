/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.x protocol for the socket decoder. In: headers of requests, whole or cut. Out: statements
 * made of a known method, the route and the host, and nothing else of what the client sent.
 */
#include "probes/http/http.h"

#include <stdlib.h>

#include "probes/sock/protocol.h"
#include "user/statement.h"

static const struct statement *statement_of(const struct peer *peer, const struct http_facts *facts)
{
	struct statement_facts f;

	f.protocol = PROTO_HTTP;
	f.operation = f.summary = f.text = str_of(facts->operation);
	f.key_pattern = str_of(facts->route);
	f.host = str_of(facts->host);
	f.ntables = 0;
	f.ncomments = 0;
	return statement_intern(peer->env->statements, &f);
}

static void *state_new(const struct probe_env *env)
{
	(void)env;
	return calloc(1, sizeof(struct http_scan));
}

static void reset(void *state)
{
	*(struct http_scan *)state = (struct http_scan){ 0 };
}

static int scan(void *state, const char *p, size_t n, struct message *m)
{
	int r = http_scan(state, p, n, &m->bytes, &m->counted);

	m->wanted = true;
	return r;
}

static void message(struct peer *peer, struct str bytes, const struct message *m)
{
	struct http_facts facts;

	if (m->counted) {
		http_describe(bytes.s, bytes.len, &facts);
		peer_request(peer, m, m->begin, statement_of(peer, &facts),
			     m->bytes + facts.body_bytes);
	}
	reset(peer->state);
}

const struct protocol_decoder http_protocol = {
	.id = PROTO_HTTP,
	.state_new = state_new,
	.state_free = free,
	.scan = scan,
	.message = message,
	.reset = reset,
};
