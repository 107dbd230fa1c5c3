/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of statements. One that is sent again and again takes one place of it in a transaction. */
#include "probes/sock/past.h"

#include <stdlib.h>
#include <string.h>

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
						     .number = r->number,
						     .transaction = p->transaction };
}

static bool is(const struct statement *s, const char *operation)
{
	return !strcmp(s->operation, operation);
}

static bool is_of_transaction(const struct statement *s)
{
	return s->protocol == PROTO_POSTGRESQL &&
	       (is(s, "COMMIT") || is(s, "ROLLBACK") || is(s, "SAVEPOINT") || is(s, "RELEASE"));
}

/* ROLLBACK TO a savepoint ends nothing. */
static bool ends_transaction(const struct statement *s)
{
	return is(s, "COMMIT") || (is(s, "ROLLBACK") && !strstr(s->text, " TO "));
}

/* Replies tell where transactions end, too, but what is sent ahead of them is read before. */
static void add_of_pipeline(struct past *p, const struct request *r)
{
	if (!r->statement)
		return;
	if (is(r->statement, "BEGIN"))
		p->transaction++;
	add(p, r);
	if (ends_transaction(r->statement))
		p->transaction++;
}

void past_read(struct conn *c, uint32_t n)
{
	if (!c->protocol || c->protocol->id != PROTO_POSTGRESQL)
		return;
	n = n < c->requests.count ? n : c->requests.count;
	if (n && !c->past)
		c->past = calloc(1, sizeof(*c->past));
	if (!c->past)
		return;
	while (n)
		add_of_pipeline(c->past, requests_at(&c->requests, --n));
}

void past_reply(struct conn *c, uint8_t tx_status)
{
	if (c->past && tx_status == 'I')
		c->past->transaction++;
}

/* The one at `back` and what is older of its transaction. */
static void list(struct past *p, uint32_t back, struct past_list *out)
{
	uint32_t transaction = newest_but(p, back)->transaction;

	for (; back < p->n && newest_but(p, back)->transaction == transaction; back++)
		out->v[out->n++] = newest_but(p, back)->statement;
}

void past_at(const struct conn *c, uint64_t time_ns, struct past_list *out)
{
	struct past *p = c->past;
	uint32_t back = 0;

	out->n = 0;
	if (!p || !p->n)
		return;
	/* What is older than all that is kept was most likely the same transaction's. */
	while (back + 1 < p->n && newest_but(p, back)->read_ns > time_ns)
		back++;
	/* A long statement is known when it is answered: it is not the one that was answered before. */
	if (c->stream.holding && newest_but(p, back)->transaction != p->transaction)
		return;
	list(p, back, out);
}

void past_before(const struct conn *c, const struct statement *s, uint32_t number,
		 struct past_list *out)
{
	struct past *p = c->past;
	uint32_t back = 0;

	out->n = 0;
	if (!p || !s || !is_of_transaction(s))
		return;
	while (back < p->n && (int32_t)(newest_but(p, back)->number - number) > 0)
		back++;
	if (back < p->n)
		list(p, back, out);
}
