/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of statements. One that is sent again and again takes one place of it in a transaction. */
#include "probes/sock/past.h"

#include <stdlib.h>

#include "probes/sock/conn.h"

static struct past_statement *newest_but(struct past *p, uint32_t back)
{
	return &p->ring[(p->made - 1 - back) & (PAST_MAX - 1)];
}

static void add(struct past *p, const struct request *r)
{
	const struct past_statement *last = p->n ? newest_but(p, 0) : NULL;

	if (last && last->statement == r->statement && last->transaction == p->transaction)
		return;
	p->made++;
	p->n += p->n < PAST_MAX;
	*newest_but(p, 0) = (struct past_statement){ .statement = r->statement,
						     .read_ns = r->begin.read_ns,
						     .transaction = p->transaction };
}

void past_read(struct conn *c, uint32_t n)
{
	n = n < c->requests.count ? n : c->requests.count;
	if (n && !c->past)
		c->past = calloc(1, sizeof(*c->past));
	if (!c->past)
		return;
	while (n)
		add(c->past, requests_at(&c->requests, --n));
}

void past_reply(struct conn *c, uint8_t tx_status)
{
	if (c->past && tx_status == 'I')
		c->past->transaction++;
}

void past_at(const struct conn *c, uint64_t time_ns, struct past_list *out)
{
	struct past *p = c->past;
	const struct past_statement *s;
	uint32_t back = 0, transaction;

	out->n = 0;
	if (!p || !p->n)
		return;
	/* What is older than all that is kept was most likely the same transaction's. */
	while (back + 1 < p->n && newest_but(p, back)->read_ns > time_ns)
		back++;
	transaction = newest_but(p, back)->transaction;
	/* A long statement is known when it is answered: it is not the one that was answered before. */
	if (c->stream.holding && transaction != p->transaction)
		return;
	for (; back < p->n; back++) {
		s = newest_but(p, back);
		if (s->transaction != transaction)
			return;
		out->v[out->n++] = s->statement;
	}
}
