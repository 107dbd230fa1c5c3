/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines of PostgreSQL's transactions and refused connections. In: a view's rows. Out: one object a line. */
#include "user/export_json_parts.h"

static int tx_put(FILE *out, const struct agg_tx_row *row)
{
	json_t *o = json_object();

	json_parts.set_string(o, "kind", "transactions");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "workflow", row->workflow);
	json_parts.set_string(o, "container", row->container);
	for (unsigned int end = 0; end < TRANSACTION_END_MAX; end++)
		json_parts.set_number(o, agg_transaction_end_name(end), row->ends[end]);
	json_parts.set_number(o, "statements", row->statements);
	json_parts.set_number(o, "idle_ns", row->idle_ns);
	json_parts.set_number(o, "count", row->time.count);
	json_parts.set_number(o, "sum_ns", hist_sum_ns(&row->time));
	json_parts.set_quantile(o, "p50_ns", &row->time, 0.5);
	json_parts.set_quantile(o, "p99_ns", &row->time, 0.99);
	return json_parts.put(out, o, 10 + TRANSACTION_END_MAX);
}

static int refused_put(FILE *out, const struct agg_refused_row *row)
{
	json_t *o = json_object();

	json_parts.set_string(o, "kind", "refused");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "container", row->container);
	json_parts.set_string(o, "outcome", row->outcome);
	json_parts.set_string(o, "user", row->user);
	json_parts.set_string(o, "source", row->source);
	json_parts.set_number(o, "count", row->count);
	return json_parts.put(out, o, 7);
}

int export_json_pg(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->ntxs; i++)
		err = tx_put(out, &v->txs[i]);
	for (size_t i = 0; !err && i < v->nrefused; i++)
		err = refused_put(out, &v->refused[i]);
	return err;
}
