/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ReadyForQuery says I (in no transaction), T (in one) or E (in one that failed). From T to I it takes the tag of COMMIT
 * or ROLLBACK to know which; without it, as when PREPARE TRANSACTION ends one, how it ended is not known.
 */
#include "probes/sock/transaction.h"

#include <string.h>

#include "probes/probe.h"
#include "probes/sock/conn.h"

static bool in_block(const struct transaction *t)
{
	return t->status == 'T' || t->status == 'E';
}

static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns < to_ns ? to_ns - from_ns : 0;
}

static void begin(struct transaction *t, uint64_t begin_ns, bool seen)
{
	t->begin_ns = begin_ns;
	t->timed = seen && begin_ns;
	t->idle_ns = 0;
	t->statements = 0;
}

/* Everything but whose it was. */
static void tell(const struct transaction *t, enum transaction_end end, uint64_t end_ns,
		 struct event_transaction *out)
{
	memset(out, 0, sizeof(*out));
	out->end = end;
	out->timed = t->timed;
	out->duration_ns = t->timed ? since(t->begin_ns, end_ns) : 0;
	out->idle_ns = t->timed ? t->idle_ns : 0;
	out->statements = t->statements;
}

static enum transaction_end end_of(uint8_t before, const struct rec_reply *r)
{
	if (r->nerrors || before == 'E')
		return TRANSACTION_FAILED;
	if (r->tx_end == TX_ROLLBACK)
		return TRANSACTION_ROLLED_BACK;
	return r->tx_end == TX_COMMIT || before != 'T' ? TRANSACTION_COMMITTED
						       : TRANSACTION_UNKNOWN;
}

/* True: a transaction has ended, and *out tells how. */
static bool step(struct transaction *t, const struct rec_reply *r, uint64_t begin_ns, bool late,
		 struct event_transaction *out)
{
	uint8_t before = t->status, now = r->flags & REPLY_FATAL ? 'I' : r->tx_status;
	bool open = in_block(t), gap = before && r->seq != t->next;

	if (!now)
		return false; /* of a recording that does not tell */
	t->next = r->seq + r->count;
	/* What is no request (a Parse alone) is not told as a transaction, though the server counts one. */
	if (!r->count && !open && now == 'I')
		return false;
	t->status = now;
	if (!open)
		begin(t, begin_ns, before || (!late && !r->seq));
	else if (gap || (r->count && !begin_ns))
		t->timed = false;
	else if (begin_ns)
		t->idle_ns += since(t->replied_ns, begin_ns);
	t->statements += r->count;
	t->replied_ns = r->hdr.time_ns;
	if (now == 'I') {
		tell(t, gap && open ? TRANSACTION_UNKNOWN : end_of(before, r), r->hdr.time_ns, out);
		return true;
	}
	if (before != 'T' || now != 'T' || r->tx_end != TX_COMMIT)
		return false;
	/* COMMIT AND CHAIN: the next one begins where this one ends. */
	tell(t, TRANSACTION_COMMITTED, r->hdr.time_ns, out);
	begin(t, r->hdr.time_ns, true);
	return true;
}

bool transaction_does(const struct conn *c)
{
	return c->protocol && c->protocol->id == PROTO_POSTGRESQL && !c->tx.told_by_other;
}

static void party_of(const struct conn *c, uint64_t time_ns, struct past_list *did,
		     struct party *out)
{
	past_at(c, time_ns, did);
	if (!did->n)
		return;
	out->statement = did->v[0];
	out->before = did->v + 1;
	out->nbefore = did->n - 1;
}

void transaction_reply(struct conn *c, const struct rec_reply *r, const struct occupant *first,
		       const struct statement *unknown, uint64_t begin_ns,
		       const struct probe_sink *sink)
{
	struct event ev = { .kind = EVENT_TRANSACTION, .time_ns = r->hdr.time_ns };
	bool block = in_block(&c->tx);
	struct past_list did;

	if (!transaction_does(c) || c->walsender ||
	    !step(&c->tx, r, begin_ns, c->late, &ev.transaction))
		return;
	ev.transaction.of = (struct party){ .subject = c->subject,
					    .statement = first->statement ?: unknown,
					    .context = first->context };
	/* Others may have been read behind one that is alone in its transaction. */
	if (block)
		party_of(c, r->hdr.time_ns, &did, &ev.transaction.of);
	sink->emit(sink->ctx, &ev);
}

void transaction_close(struct conn *c, uint64_t time_ns, const struct statement *unknown,
		       const struct probe_sink *sink)
{
	struct event ev = { .kind = EVENT_TRANSACTION, .time_ns = time_ns };
	struct transaction *t = &c->tx;
	struct past_list did;

	if (!transaction_does(c) || c->walsender || !in_block(t))
		return;
	t->idle_ns += since(t->replied_ns, time_ns);
	tell(t, t->status == 'E' ? TRANSACTION_FAILED : TRANSACTION_ABANDONED, time_ns,
	     &ev.transaction);
	ev.transaction.of = (struct party){ .subject = c->subject, .statement = unknown };
	party_of(c, time_ns, &did, &ev.transaction.of);
	sink->emit(sink->ctx, &ev);
	t->status = 0;
}
