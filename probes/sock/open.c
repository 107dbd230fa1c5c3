/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of several requests on a connection the oldest is the one that is worked for. Redis works for the
 * connection that has its thread; one that waits for data is not worked for.
 */
#include "probes/sock/open.h"

#include "probes/sock/past.h"

struct telling {
	uint64_t from_ns;
	uint64_t to_ns;
	const struct probe_sink *sink;
};

static bool is_worked_for(const struct conn *c)
{
	if (c->role != ROLE_SERVER || !c->protocol || !c->requests.count)
		return false;
	return c->protocol->id != PROTO_REDIS || (c->line && c->line->busy_ns == &c->busy_ns);
}

static void tell(void *ctx, struct conn *c)
{
	const struct telling *t = ctx;
	struct event ev = { .kind = EVENT_OPEN, .time_ns = t->to_ns };
	const struct request *r;
	struct past_list did;
	uint64_t from_ns;

	if (!is_worked_for(c))
		return;
	r = requests_at(&c->requests, c->requests.count - 1);
	from_ns = r->begin.read_ns > t->from_ns ? r->begin.read_ns : t->from_ns;
	if (from_ns >= t->to_ns)
		return;
	past_before(c, r->statement, r->number, &did);
	ev.open = (struct event_open){ .of = { .subject = c->subject,
					       .statement = r->statement,
					       .before = did.v,
					       .nbefore = did.n,
					       .context = r->context },
				       .open_ns = t->to_ns - from_ns };
	t->sink->emit(t->sink->ctx, &ev);
}

void open_tell(struct conns *conns, uint64_t *told_ns, uint64_t now_ns,
	       const struct probe_sink *sink)
{
	struct telling t = { *told_ns, now_ns, sink };

	conns_each(conns, tell, &t);
	*told_ns = now_ns;
}
