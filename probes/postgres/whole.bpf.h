/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * PostgreSQL in the common case: one buffer with whole, ordinary messages. In: bytes in the lane. Out: what they ask or
 * answer, or that the walk of postgres.bpf.h has to see to them.
 */
#ifndef TALLYMAN_WHOLE_BPF_H
#define TALLYMAN_WHOLE_BPF_H

#define PG_WHOLE_STEPS 24

/*
 * The common case without a walk: `bytes` at lane_at() that are whole messages, the last one a Query or
 * Sync and no other such before. The number of requests, or -1: let the walk see to it.
 */
__noinline int pg_whole_requests(__u32 bytes)
{
	struct lane *l = lane_get();
	volatile struct whole *v;

	if (!l)
		return -1;
	v = whole_begin(l); /* items: the Query or Sync came */
	for (int i = 0; i < PG_WHOLE_STEPS; i++) {
		const unsigned char *b = whole_at(l, v);
		__u32 len;

		if (v->at >= bytes)
			break;
		len = be32(b + 1);
		if (v->items || len < 4 || len > WIRE_TEXT_MAX)
			return -1;
		if (b[0] == 'Q' || b[0] == 'E')
			v->n++;
		else if (b[0] != 'S' && b[0] != 'P' && b[0] != 'B' && b[0] != 'D')
			return -1;
		v->items = b[0] == 'Q' || b[0] == 'S';
		v->at += len + 1;
	}
	return v->at == bytes && v->items ? (int)v->n : -1;
}

static __always_inline bool pg_is_plain_reply(unsigned char type)
{
	switch (type) {
	case '1':
	case '2':
	case '3':
	case 'C':
	case 'D':
	case 'I':
	case 'T':
	case 'Z':
	case 'n':
	case 's':
	case 't':
		return true;
	}
	return false;
}

/*
 * The same for replies: ends in ReadyForQuery, no error. The number of completes, or -1. What else they tell is left
 * in the lane, for pg_whole_told().
 */
__noinline int pg_whole_replies(__u32 bytes)
{
	struct lane *l = lane_get();
	volatile struct whole *v;

	if (!l)
		return -1;
	v = whole_begin(l); /* items: the ReadyForQuery came */
	v->rows = 0;
	v->tx_end = TX_NO_END;
	for (int i = 0; i < PG_WHOLE_STEPS; i++) {
		const unsigned char *b = whole_at(l, v);
		__u32 len;

		if (v->at >= bytes)
			break;
		len = be32(b + 1);
		if (v->items || len < 4 || len > WIRE_TEXT_MAX || !pg_is_plain_reply(b[0]))
			return -1;
		if (b[0] == 'D')
			v->rows++;
		if (b[0] == 'C' || b[0] == 'I' || b[0] == 's')
			v->n++;
		if (b[0] == 'C' && pg_tag_fits(len - 4))
			v->tx_end = pg_tag_end(len - 4, b[5], b[7]) ?: v->tx_end;
		v->items = b[0] == 'Z';
		v->at += len + 1;
	}
	return v->at == bytes && v->items ? (int)v->n : -1;
}

/* After pg_whole_replies(): keeps what it left, and gives the state of the transaction, the last of `bytes`. */
static __always_inline __u8 pg_whole_told(struct lane *l, struct conn *c, __u32 bytes)
{
	const char *text = ((struct rec_request *)lane_at(l))->text;
	volatile struct whole *v = (volatile struct whole *)l->work;

	c->rows += v->rows;
	c->tx_end = v->tx_end ?: c->tx_end;
	return text[(bytes - 1) & WALK_TEXT_MASK];
}

#endif
