/* SPDX-License-Identifier: Apache-2.0 */
/* One table of rows, with the proxy and the side as their class. */
#include "user/ingress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/intern.h"
#include "user/lib/rows.h"
#include "user/lib/top.h"

enum proxy { PROXY_NGINX, PROXY_HAPROXY, PROXY_TRAEFIK, PROXY_ENVOY, PROXY_MAX };

static const char *const proxy_names[PROXY_MAX] = {
	[PROXY_NGINX] = "nginx",
	[PROXY_HAPROXY] = "haproxy",
	[PROXY_TRAEFIK] = "traefik",
	[PROXY_ENVOY] = "envoy",
};

/* As Envoy calls its threads. */
#define ENVOY_WORKER "wrk:worker_"

/* Values of a row: requests by outcome, then their time. */
#define WIDTH (INGRESS_OUTCOME_MAX + 1)
#define CLASSES (2 * PROXY_MAX)

struct ingress {
	struct top *rows;
};

static const char *const outcome_names[INGRESS_OUTCOME_MAX] = {
	[INGRESS_OK] = "ok",	   [INGRESS_4XX] = "4xx",
	[INGRESS_5XX] = "5xx",	   [INGRESS_UNANSWERED] = "unanswered",
	[INGRESS_OTHER] = "other",
};

const char *ingress_outcome_name(unsigned int outcome)
{
	return outcome < INGRESS_OUTCOME_MAX ? outcome_names[outcome] : NULL;
}

struct ingress *ingress_new(uint32_t rows_max)
{
	struct ingress *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->rows = top_new(rows_max, CLASSES, WIDTH);
	if (g->rows)
		return g;
	ingress_free(g);
	return NULL;
}

void ingress_free(struct ingress *g)
{
	if (!g)
		return;
	top_free(g->rows);
	free(g);
}

void ingress_clear(struct ingress *g)
{
	top_clear(g->rows);
}

static enum proxy proxy_of(const char *process)
{
	for (int i = 0; i < PROXY_MAX; i++)
		if (!strcmp(process, proxy_names[i]))
			return i;
	return strncmp(process, ENVOY_WORKER, sizeof(ENVOY_WORKER) - 1) ? PROXY_MAX : PROXY_ENVOY;
}

static enum ingress_outcome outcome_of(const char *outcome)
{
	for (int i = 0; i <= INGRESS_5XX; i++)
		if (!strcmp(outcome, outcome_names[i]))
			return i;
	return INGRESS_OTHER;
}

/* NULL: not a proxy's. */
static uint64_t *row_of(struct ingress *g, const struct subject *subject, enum role role,
			struct owner owner, uint32_t peer, uint16_t port)
{
	enum proxy proxy = proxy_of(subject->process);
	struct top_key key = { .part = { owner.container, 0, port } };

	if (proxy == PROXY_MAX || (role != ROLE_SERVER && role != ROLE_CLIENT))
		return NULL;
	if (role == ROLE_CLIENT)
		key.part[1] = peer;
	key.class = 2 * proxy + (role == ROLE_CLIENT);
	return top_at(g->rows, &key, 1);
}

void ingress_request(struct ingress *g, struct owner owner, uint32_t peer,
		     const struct event_request *r)
{
	uint64_t *values;

	if (r->statement->protocol != PROTO_HTTP)
		return;
	values = row_of(g, r->subject, r->role, owner, peer, r->port);
	if (!values)
		return;
	values[outcome_of(r->outcome)]++;
	values[INGRESS_OUTCOME_MAX] += r->queue_ns + r->service_ns;
}

void ingress_unanswered(struct ingress *g, struct owner owner, uint32_t peer,
			const struct event_unanswered *u)
{
	uint64_t *values;

	if (u->protocol != PROTO_HTTP)
		return;
	values = row_of(g, u->subject, ROLE_CLIENT, owner, peer, u->port);
	if (values)
		values[INGRESS_UNANSWERED] += u->requests;
}

struct reading {
	const struct intern *owners;
	struct ingress_row *rows;
	size_t n;
};

static const char *name_of(const struct reading *r, uint32_t id)
{
	const char *name = intern_cstr(r->owners, id);

	return *name ? name : "unattributed";
}

static void row_add(void *ctx, uint32_t class, const struct top_key *key, const uint64_t *values)
{
	struct reading *r = ctx;
	bool upstream = class & 1;
	struct ingress_row row = { .proxy = proxy_names[class / 2],
				   .upstream = upstream,
				   .container = key ? name_of(r, key->part[0]) : "other",
				   .peer = !upstream ? ""
					   : key     ? name_of(r, key->part[1])
						     : "other",
				   .port = key ? key->part[2] : 0,
				   .is_other = !key,
				   .time_ns = values[INGRESS_OUTCOME_MAX] };
	uint64_t sum = 0;

	for (int i = 0; i < INGRESS_OUTCOME_MAX; i++) {
		row.requests[i] = values[i];
		sum += values[i];
	}
	if (sum)
		r->rows[r->n++] = row;
}

static int row_cmp(const void *a, const void *b)
{
	const struct ingress_row *x = a, *y = b;

	return strcmp(x->proxy, y->proxy) ?:
	       x->upstream - y->upstream ?:
	       strcmp(x->container, y->container) ?:
	       strcmp(x->peer, y->peer) ?:
	       (x->port > y->port) - (x->port < y->port) ?:
	       x->is_other - y->is_other;
}

/* Containers that are called alike are one row. */
static void row_join(void *to, const void *from)
{
	const struct ingress_row *row = from;
	struct ingress_row *sum = to;

	sum->time_ns += row->time_ns;
	for (int k = 0; k < INGRESS_OUTCOME_MAX; k++)
		sum->requests[k] += row->requests[k];
}

int ingress_read(const struct ingress *g, const struct intern *owners, struct ingress_row **rows,
		 size_t *n)
{
	const struct rows_kind kind = { sizeof(struct ingress_row), row_cmp, row_join };
	struct reading r = { .owners = owners };

	r.rows = calloc(top_count(g->rows) + CLASSES, sizeof(*r.rows));
	if (!r.rows)
		return -ENOMEM;
	top_each(g->rows, row_add, &r);
	*rows = r.rows;
	*n = rows_join(r.rows, r.n, &kind);
	return 0;
}
