/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus families of PostgreSQL's transactions and refused connections. In: a view's rows. Out: text by way of
 * export_prom_parts.h.
 */
#include "user/export_prom_parts.h"

static const struct family family_transactions = {
	"tallyman_postgresql_transactions", "counter", NULL,
	"Transactions of PostgreSQL that ended, by how; a statement of its own is one, too."
};
static const struct family family_statements = {
	"tallyman_postgresql_transaction_statements", "counter", NULL,
	"Requests in these transactions, BEGIN and COMMIT included."
};
static const struct family family_seconds = {
	"tallyman_postgresql_transaction_seconds", "histogram", "seconds",
	"From the arrival of a transaction's first request to the reply that ended it."
};
static const struct family family_idle = {
	"tallyman_postgresql_idle_in_transaction_seconds", "counter", "seconds",
	"The part of it in which the server waited for the next request; counted when it ends."
};
static const struct family family_refused = {
	"tallyman_postgresql_connections_refused", "counter", NULL,
	"Connections that PostgreSQL refused before they could ask anything, by SQLSTATE (outcome)."
};

static const struct family family_rows = { "tallyman_postgresql_rows", "counter", NULL,
					   "Rows that requests returned: DataRow messages." };

/* Lines of one operation that differ in their outcome lie next to each other. */
static void rows_write(struct writer *w, const struct agg_view *v)
{
	const struct agg_request_row *row = v->requests, *end = row + v->nrequests;

	prom_parts.family(w, &family_rows);
	while (row < end) {
		const struct agg_request_row *first = row;
		uint64_t rows = 0;

		for (; row < end && row->time == first->time; row++)
			rows += row->rows;
		if (!rows)
			continue;
		prom_parts.labels_begin(w);
		prom_parts.label(w, "role", first->labels.role);
		prom_parts.label(w, "operation", first->labels.operation);
		prom_parts.label(w, "tenant", first->labels.tenant);
		prom_parts.label(w, "workflow", first->labels.workflow);
		prom_parts.label(w, "container", first->labels.container);
		prom_parts.u64(w, &family_rows, "_total", rows);
	}
}

static void tx_labels(struct writer *w, const struct agg_tx_row *row, const char *outcome)
{
	prom_parts.labels_begin(w);
	if (outcome)
		prom_parts.label(w, "outcome", outcome);
	prom_parts.label(w, "tenant", row->tenant);
	prom_parts.label(w, "workflow", row->workflow);
	prom_parts.label(w, "container", row->container);
}

static void transactions_write(struct writer *w, const struct agg_view *v)
{
	prom_parts.family(w, &family_transactions);
	for (size_t i = 0; i < v->ntxs; i++)
		for (unsigned int end = 0; end < TRANSACTION_END_MAX; end++) {
			if (!v->txs[i].ends[end])
				continue;
			tx_labels(w, &v->txs[i], agg_transaction_end_name(end));
			prom_parts.u64(w, &family_transactions, "_total", v->txs[i].ends[end]);
		}
	prom_parts.family(w, &family_statements);
	for (size_t i = 0; i < v->ntxs; i++) {
		tx_labels(w, &v->txs[i], NULL);
		prom_parts.u64(w, &family_statements, "_total", v->txs[i].statements);
	}
	prom_parts.family(w, &family_seconds);
	for (size_t i = 0; i < v->ntxs; i++) {
		if (!v->txs[i].time.count)
			continue;
		tx_labels(w, &v->txs[i], NULL);
		prom_parts.histogram(w, &family_seconds, &v->txs[i].time);
	}
	prom_parts.family(w, &family_idle);
	for (size_t i = 0; i < v->ntxs; i++) {
		tx_labels(w, &v->txs[i], NULL);
		prom_parts.seconds(w, &family_idle, "_total", v->txs[i].idle_ns);
	}
}

void export_prom_pg(struct writer *w, const struct agg_view *v)
{
	rows_write(w, v);
	transactions_write(w, v);
	prom_parts.family(w, &family_refused);
	for (size_t i = 0; i < v->nrefused; i++) {
		const struct agg_refused_row *row = &v->refused[i];

		prom_parts.labels_begin(w);
		prom_parts.label(w, "outcome", row->outcome);
		prom_parts.label(w, "user", row->user);
		prom_parts.label(w, "source", row->source);
		prom_parts.label(w, "tenant", row->tenant);
		prom_parts.label(w, "container", row->container);
		prom_parts.u64(w, &family_refused, "_total", row->count);
	}
}
