/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of what is counted by name: Redis' keys, waiting for data, transactions, and connections
 * that are not decoded. In: a view's rows. Out: text by way of export_prom_parts.h.
 */
#include "user/export_prom_parts.h"
#include "user/governor.h"
#include "user/lib/clock.h"

static const struct family family_reads = {
	"tallyman_redis_key_reads", "counter", NULL,
	"Keys and fields that were asked for, by the pattern of the first key: there (hit) or not (miss)."
};
static const struct family family_items = {
	"tallyman_redis_queue_items", "counter", NULL,
	"Elements put into lists and streams (push), and taken out or acknowledged (pop)."
};
static const struct family family_backlog = {
	"tallyman_redis_queue_backlog", "gauge", NULL,
	"Pushes less pops at the server since tallyman started: 0 is the length at that time."
};
static const struct family family_blocked = {
	"tallyman_redis_blocked", "counter", NULL,
	"Commands that wait for data, such as BLPOP. They are in no service histogram."
};
static const struct family family_blocked_time = {
	"tallyman_redis_blocked_seconds", "counter", "seconds",
	"Time between their being read (client: sent) and their reply."
};
static const struct family family_transactions = { "tallyman_redis_transactions", "counter", NULL,
						   "MULTI up to EXEC or DISCARD, by its end." };
static const struct family family_commands = { "tallyman_redis_transaction_commands", "counter",
					       NULL, "Commands between the two." };
static const struct family family_transaction_time = {
	"tallyman_redis_transaction_seconds", "counter", "seconds",
	"Time from reading MULTI to the reply that ended it."
};
static const struct family family_undecoded = {
	"tallyman_undecoded_connections", "counter", NULL,
	"Connections whose protocol was recognised and is not decoded: no request of them is counted."
};

static const struct family family_coarse = {
	"tallyman_coarse_requests", "counter", NULL,
	"Requests that were counted in the kernel only, by why: quota (over the container's allowance), "
	"ring_full, or unread (no text captured, or not understood)."
};

static const struct family family_price = {
	"tallyman_cpu_price_ratio", "gauge", "ratio",
	"What the tracer, agent and BPF programs, took of the node's CPU time in the last second."
};
static const struct family family_budget = { "tallyman_cpu_budget_ratio", "gauge", "ratio",
					     "What it may take (cpu_budget); 0: no limit." };
static const struct family family_shed = {
	"tallyman_shed", "gauge", NULL,
	"1: done without, to stay within the budget: statements are cut (text), some requests are only "
	"counted (requests)."
};

static void owner_labels(struct writer *w, const struct agg_detail_row *row)
{
	prom_parts.label(w, "role", row->role);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "workflow", row->workflow);
	prom_parts.label(w, "container", row->container);
}

/* A counter that is in n[which], split by a label if there is one; what is 0 is not exposed. */
struct column {
	const struct family *family;
	unsigned int which;
	const char *label;
	const char *value;
};

static void sample(struct writer *w, const struct agg_detail_row *row, const struct column *c,
		   const char *name_label)
{
	prom_parts.labels_begin(w);
	if (c->label)
		prom_parts.label(w, c->label, c->value);
	prom_parts.label(w, name_label, row->name);
	owner_labels(w, row);
	if (c->family->unit)
		prom_parts.seconds(w, c->family, "_total", row->n[c->which]);
	else
		prom_parts.u64(w, c->family, "_total", row->n[c->which]);
}

/* Columns of one family follow each other. */
static void columns_write(struct writer *w, const struct agg_view *v, enum detail_kind kind,
			  const struct column *columns, size_t n, const char *name_label)
{
	prom_parts.family(w, columns->family);
	for (size_t i = 0; i < v->ndetails; i++)
		for (size_t c = 0; v->details[i].kind == kind && c < n; c++)
			if (v->details[i].n[columns[c].which])
				sample(w, &v->details[i], &columns[c], name_label);
}

static void backlog_write(struct writer *w, const struct agg_view *v)
{
	int64_t backlog;
	bool is_queue;

	prom_parts.family(w, &family_backlog);
	for (size_t i = 0; i < v->ndetails && v->details[i].kind == DETAIL_KEYS;) {
		const struct agg_detail_row *row = &v->details[i];

		i += agg_view_backlog(v, i, &backlog, &is_queue);
		if (!is_queue)
			continue;
		prom_parts.labels_begin(w);
		prom_parts.label(w, "pattern", row->name);
		prom_parts.label(w, "tenant", row->tenant);
		prom_parts.label(w, "container", row->container);
		prom_parts.i64(w, &family_backlog, "", backlog);
	}
}

/* `ns` as a part of the node's CPU time. */
static void ratio(struct writer *w, const struct family *f, const struct rec_price *p, uint64_t ns)
{
	prom_parts.family(w, f);
	prom_parts.labels_begin(w);
	prom_parts.seconds(w, f, "", (double)ns * NS_PER_SEC / p->node_ns);
}

void export_prom_price(struct writer *w, const struct agg_view *v)
{
	const struct rec_price *p = &v->price;

	if (!p->node_ns)
		return;
	ratio(w, &family_price, p, p->agent_ns + p->programs_ns);
	ratio(w, &family_budget, p, p->budget_ns);
	prom_parts.family(w, &family_shed);
	for (unsigned int tier = TIER_TEXT; tier < TIER_MAX; tier++) {
		prom_parts.labels_begin(w);
		prom_parts.label(w, "tier", governor_tier_name(tier));
		prom_parts.u64(w, &family_shed, "", p->tier >= tier);
	}
}

void export_prom_detail(struct writer *w, const struct agg_view *v)
{
	static const struct column reads[] = { { &family_reads, KEYS_HITS, "result", "hit" },
					       { &family_reads, KEYS_MISSES, "result", "miss" } };
	static const struct column items[] = { { &family_items, KEYS_PUSHED, "op", "push" },
					       { &family_items, KEYS_POPPED, "op", "pop" } };
	static const struct column blocked = { &family_blocked, BLOCKED_COUNT, NULL, NULL };
	static const struct column blocked_time = { &family_blocked_time, BLOCKED_NS, NULL, NULL };
	static const struct column ends = { &family_transactions, TRANSACTIONS_COUNT, NULL, NULL };
	static const struct column commands = { &family_commands, TRANSACTIONS_COMMANDS, NULL,
						NULL };
	static const struct column time = { &family_transaction_time, TRANSACTIONS_NS, NULL, NULL };
	static const struct column coarse = { &family_coarse, 0, NULL, NULL };
	static const struct column undecoded = { &family_undecoded, 0, NULL, NULL };

	columns_write(w, v, DETAIL_KEYS, reads, 2, "pattern");
	columns_write(w, v, DETAIL_KEYS, items, 2, "pattern");
	backlog_write(w, v);
	columns_write(w, v, DETAIL_BLOCKED, &blocked, 1, "operation");
	columns_write(w, v, DETAIL_BLOCKED, &blocked_time, 1, "operation");
	columns_write(w, v, DETAIL_TRANSACTIONS, &ends, 1, "outcome");
	columns_write(w, v, DETAIL_TRANSACTIONS, &commands, 1, "outcome");
	columns_write(w, v, DETAIL_TRANSACTIONS, &time, 1, "outcome");
	columns_write(w, v, DETAIL_UNDECODED, &undecoded, 1, "protocol");
	columns_write(w, v, DETAIL_COARSE, &coarse, 1, "cause");
}
