/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables on a terminal. In: a sorted view. Out: aligned text. Names come from other people's
 * processes: control characters and bytes that are no UTF-8 become '?', so that they cannot drive
 * the terminal. Columns are as wide as their widest cell.
 */
#include "user/export_table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "user/export_buf.h"
#include "user/export_events.h"
#include "user/net_names.h"

#define COLUMNS_MAX 16
#define NAME_WIDTH 24
/* Four bytes for each character that is shown, and the NUL. */
#define CELL_MAX 257

struct column {
	const char *title;
	bool right; /* aligned, as numbers are */
};

struct table {
	const struct column *columns;
	size_t ncolumns;
	char (*cells)[CELL_MAX]; /* row by row */
	size_t ncells;
	size_t room;
	size_t name_width;
	int err;
};

/* Characters, not bytes; all of ours take one column. */
static size_t text_width(const char *s)
{
	size_t width = 0;

	for (; *s; s++)
		width += ((unsigned char)*s & 0xc0) != 0x80;
	return width;
}

static char *cell_new(struct table *t)
{
	if (t->ncells == t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		char(*cells)[CELL_MAX] = realloc(t->cells, room * sizeof(*cells));

		if (!cells) {
			t->err = -ENOMEM;
			return NULL;
		}
		t->cells = cells;
		t->room = room;
	}
	return t->cells[t->ncells++];
}

static void cell_name(struct table *t, const char *name)
{
	char *cell = cell_new(t);
	size_t width = 0, at = 0, last = 0;

	if (!cell)
		return;
	while (*name && width < t->name_width) {
		size_t n = export_utf8_len(name);
		/* C0, DEL and C1 (U+0080 to U+009F). */
		bool control =
			(unsigned char)*name < 0x20 || *name == 0x7f ||
			(n == 2 && (unsigned char)name[0] == 0xc2 && (unsigned char)name[1] < 0xa0);

		last = at;
		if (n && !control) {
			memcpy(cell + at, name, n);
			at += n;
		} else {
			cell[at++] = '?';
		}
		name += n ? n : 1;
		width++;
	}
	/* Cut: the mark takes the place of the last character. */
	if (*name) {
		cell[last] = '~';
		at = last + 1;
	}
	cell[at] = '\0';
}

__attribute__((format(printf, 2, 3))) static void cell_print(struct table *t, const char *fmt, ...)
{
	char *cell = cell_new(t);
	va_list ap;

	if (!cell)
		return;
	va_start(ap, fmt);
	vsnprintf(cell, CELL_MAX, fmt, ap);
	va_end(ap);
}

static void cell_count(struct table *t, uint64_t n)
{
	cell_print(t, "%" PRIu64, n);
}

static void cell_duration(struct table *t, double ns)
{
	char buf[TABLE_DURATION_MAX];

	cell_print(t, "%s", export_table_duration(buf, ns));
}

static void cell_quantiles(struct table *t, const struct hist *h)
{
	cell_duration(t, hist_quantile(h, 0.5));
	cell_duration(t, hist_quantile(h, 0.99));
}

static void cell_put(FILE *out, const char *text, size_t width, bool right, bool last)
{
	int pad = (int)(width - text_width(text));

	if (right)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

static void table_print(FILE *out, const struct table *t)
{
	size_t widths[COLUMNS_MAX];

	for (size_t c = 0; c < t->ncolumns; c++) {
		widths[c] = text_width(t->columns[c].title);
		for (size_t i = c; i < t->ncells; i += t->ncolumns)
			if (text_width(t->cells[i]) > widths[c])
				widths[c] = text_width(t->cells[i]);
	}
	for (size_t c = 0; c < t->ncolumns; c++)
		cell_put(out, t->columns[c].title, widths[c], t->columns[c].right,
			 c + 1 == t->ncolumns);
	for (size_t i = 0; i < t->ncells; i++) {
		size_t c = i % t->ncolumns;

		cell_put(out, t->cells[i], widths[c], t->columns[c].right, c + 1 == t->ncolumns);
	}
}

/* Prints what the table holds and starts it over. `rows` is how many there were to show. */
static void table_end(FILE *out, struct table *t, size_t rows)
{
	size_t shown = t->ncells / t->ncolumns;

	if (!t->err)
		table_print(out, t);
	if (!t->err && shown < rows)
		fprintf(out, "... and %zu more\n", rows - shown);
	t->ncells = 0;
}

static size_t rows_shown(const struct table_options *options, size_t rows)
{
	return options->rows_max && options->rows_max < rows ? options->rows_max : rows;
}

static void cell_rate(struct table *t, uint64_t count, double seconds)
{
	double rate = seconds > 0 ? (double)count / seconds : NAN;

	if (isnan(rate))
		cell_print(t, "-");
	else
		cell_print(t, "%.*f", rate >= 100 ? 0 : 1, rate);
}

/* One row an operation: the outcomes, which lie next to each other, are summed up. */
static void operation_row(struct table *t, const struct agg_time_row *row, uint64_t count,
			  uint64_t errors, double seconds)
{
	cell_name(t, row->labels.tenant);
	cell_name(t, row->labels.workflow);
	cell_name(t, row->labels.container);
	cell_name(t, row->labels.role);
	cell_name(t, row->labels.protocol);
	cell_name(t, row->labels.operation);
	cell_print(t, "%" PRIu64, count);
	cell_rate(t, count, seconds);
	cell_print(t, "%" PRIu64, errors);
	cell_quantiles(t, row->queue);
	cell_quantiles(t, row->service);
}

static void requests_write(FILE *out, struct table *t, const struct agg_view *v,
			   const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false },	 { "WORKFLOW", false }, { "CONTAINER", false },
		{ "ROLE", false },	 { "PROTOCOL", false }, { "OPERATION", false },
		{ "REQUESTS", true },	 { "/S", true },	{ "ERRORS", true },
		{ "QUEUE P50", true },	 { "QUEUE P99", true }, { "SERVICE P50", true },
		{ "SERVICE P99", true },
	};
	const struct agg_request_row *r = v->requests, *end = v->requests + v->nrequests;
	size_t shown = rows_shown(options, v->ntimes);

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < shown; i++) {
		uint64_t count = 0, errors = 0;

		for (; r < end && r->time == &v->times[i]; r++) {
			count += r->count;
			errors += r->errors;
		}
		operation_row(t, &v->times[i], count, errors, options->seconds);
	}
	table_end(out, t, v->ntimes);
}

static void containers_write(FILE *out, struct table *t, const struct agg_view *v,
			     const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false },	     { "WORKFLOW", false },
		{ "CONTAINER", false },	     { "CPU", true },
		{ "RUN QUEUE P50", true },   { "RUN QUEUE P99", true },
		{ "RUN QUEUE TOTAL", true }, { "SWITCHES", true },
		{ "PREEMPTED", true },
	};
	size_t shown = rows_shown(options, v->ncontainers);

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < shown; i++) {
		const struct agg_container_row *c = &v->containers[i];

		cell_name(t, c->tenant);
		cell_name(t, c->workflow);
		cell_name(t, c->container);
		cell_duration(t, (double)c->on_cpu_ns);
		cell_quantiles(t, c->run_queue);
		cell_duration(t, (double)hist_sum_ns(c->run_queue));
		cell_print(t, "%" PRIu64, c->switches);
		cell_print(t, "%" PRIu64, c->preemptions);
	}
	table_end(out, t, v->ncontainers);
}

/* Redis' keys, one row for each pattern at one end. */
static void keys_write(FILE *out, struct table *t, const struct agg_view *v,
		       const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false }, { "CONTAINER", false }, { "ROLE", false },
		{ "KEYS", false },   { "HITS", true },	     { "MISSES", true },
		{ "PUSHED", true },  { "POPPED", true },     { "BACKLOG", true },
	};
	size_t rows = 0, n;
	int64_t backlog;
	bool is_queue;

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < v->ndetails && v->details[i].kind == DETAIL_KEYS; i += n, rows++) {
		const struct agg_detail_row *r = &v->details[i];
		uint64_t sum[DETAIL_NUMBERS] = { 0 };

		n = agg_view_backlog(v, i, &backlog, &is_queue);
		if (rows >= rows_shown(options, v->ndetails))
			continue;
		for (size_t k = 0; k < n * DETAIL_NUMBERS; k++)
			sum[k % DETAIL_NUMBERS] += r[k / DETAIL_NUMBERS].n[k % DETAIL_NUMBERS];
		cell_name(t, r->tenant);
		cell_name(t, r->container);
		cell_name(t, r->role);
		cell_name(t, r->name);
		for (int k = 0; k < DETAIL_NUMBERS; k++)
			cell_print(t, "%" PRIu64, sum[k]);
		if (is_queue)
			cell_print(t, "%" PRId64, backlog);
		else
			cell_print(t, "-");
	}
	if (!rows)
		return;
	table_end(out, t, rows);
	fputc('\n', out);
}

static void connections_write(FILE *out, struct table *t, const struct agg_view *v,
			      const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false },	  { "CONTAINER", false }, { "ROLE", false },
		{ "PEER TENANT", false }, { "PEER", false },	  { "OPENED", true },
		{ "OPEN", true },	  { "FAILED", true },	  { "BYTES SENT", true },
		{ "RECEIVED", true },	  { "RESENT", true },	  { "RESETS", true },
		{ "CONNECT P99", true },  { "RTT P50", true },	  { "RTT P99", true },
	};
	size_t shown = rows_shown(options, v->nnets);

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < shown; i++) {
		const struct agg_net_row *r = &v->nets[i];

		cell_name(t, r->tenant);
		cell_name(t, r->container);
		cell_name(t, r->role);
		cell_name(t, *r->peer_tenant ? r->peer_tenant : "-");
		cell_name(t, r->peer);
		cell_count(t, r->n.opened);
		cell_count(t, net_open(&r->n));
		cell_count(t, net_sum((const uint64_t *)r->n.failed, NET_FAILED_MAX));
		cell_count(t, r->n.bytes[NET_SENT]);
		cell_count(t, r->n.bytes[NET_RECEIVED]);
		cell_count(t, net_sum((const uint64_t *)r->n.resent, NET_RESEND_MAX));
		cell_count(t, net_sum((const uint64_t *)r->n.resets, NET_DIRECTIONS));
		cell_duration(t, hist_quantile(&r->connects, 0.99));
		cell_quantiles(t, &r->rtt);
	}
	table_end(out, t, v->nnets);
}

/* Those that are there, and those that dropped something before they went. */
static void listeners_write(FILE *out, struct table *t, const struct agg_view *v,
			    const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false }, { "CONTAINER", false }, { "PORT", true },
		{ "BACKLOG", true }, { "LIMIT", true },	     { "DROPPED", true },
		{ "OLDEST", true },
	};
	size_t rows = 0;

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < v->nlisteners; i++) {
		const struct agg_listener_row *r = &v->listeners[i];

		if ((!r->sockets && !r->drops) || rows++ >= rows_shown(options, v->nlisteners))
			continue;
		cell_name(t, r->tenant);
		cell_name(t, r->container);
		cell_count(t, r->port);
		cell_count(t, r->backlog);
		cell_count(t, r->limit);
		cell_count(t, r->drops);
		cell_duration(t, r->oldest_ns);
	}
	table_end(out, t, rows);
}

static void drops_write(FILE *out, struct table *t, const struct agg_view *v,
			const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false }, { "CONTAINER", false }, { "PEER TENANT", false },
		{ "PEER", false },   { "REASON", false },    { "DROPPED", true },
	};
	size_t rows = 0;

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < v->nnamed; i++) {
		const struct agg_named_row *r = &v->named[i];

		if (r->what != NET_NAMED_DROPS || rows++ >= rows_shown(options, v->nnamed))
			continue;
		cell_name(t, r->tenant);
		cell_name(t, r->container);
		cell_name(t, *r->peer_tenant ? r->peer_tenant : "-");
		cell_name(t, *r->peer ? r->peer : "-");
		cell_name(t, r->name);
		cell_count(t, r->n[0]);
	}
	table_end(out, t, rows);
}

/* All that a container's connections did, both roles, whoever its peers are; how many rows that is. */
static size_t network_sum(const struct agg_net_row *rows, size_t n, struct net_counts *sum,
			  struct hist *rtt)
{
	size_t i = 0;

	*sum = (struct net_counts){ 0 };
	hist_init(rtt, SCHED_SCHEMA);
	do {
		for (size_t k = 0; k < NET_COUNTS_WORDS; k++)
			((__u64 *)sum)[k] += ((const __u64 *)&rows[i].n)[k];
		hist_merge(rtt, &rows[i++].rtt);
	} while (i < n && !strcmp(rows[i].tenant, rows->tenant) &&
		 !strcmp(rows[i].container, rows->container));
	return i;
}

static void network_row(struct table *t, const struct agg_net_row *row, const struct net_counts *n,
			const struct hist *rtt)
{
	cell_name(t, row->tenant);
	cell_name(t, row->container);
	cell_count(t, n->opened);
	cell_count(t, net_sum((const uint64_t *)n->closed, NET_END_MAX));
	cell_count(t, net_sum((const uint64_t *)n->failed, NET_FAILED_MAX));
	cell_count(t, net_sum((const uint64_t *)n->resent, NET_RESEND_MAX));
	cell_count(t, net_sum((const uint64_t *)n->resets, NET_DIRECTIONS));
	cell_quantiles(t, rtt);
}

static void network_write(FILE *out, struct table *t, const struct agg_view *v,
			  const struct table_options *options)
{
	static const struct column columns[] = {
		{ "TENANT", false }, { "CONTAINER", false }, { "CONNECTED", true },
		{ "CLOSED", true },  { "FAILED", true },     { "RESENT", true },
		{ "RESETS", true },  { "RTT P50", true },    { "RTT P99", true },
	};
	size_t rows = 0, n;
	struct net_counts sum;
	struct hist rtt;

	t->columns = columns;
	t->ncolumns = sizeof(columns) / sizeof(columns[0]);
	for (size_t i = 0; i < v->nnets; i += n, rows++) {
		n = network_sum(&v->nets[i], v->nnets - i, &sum, &rtt);
		if (rows < rows_shown(options, v->nnets))
			network_row(t, &v->nets[i], &sum, &rtt);
		hist_clear(&rtt);
	}
	if (!rows)
		return;
	table_end(out, t, rows);
	fputc('\n', out);
}

static struct table table_new(const struct table_options *options)
{
	size_t width = options->name_width ? options->name_width : NAME_WIDTH;

	return (struct table){ .name_width = width < CELL_MAX / 4 ? width : CELL_MAX / 4 };
}

static int table_finish(FILE *out, struct table *t)
{
	free(t->cells);
	return t->err ? t->err : ferror(out) ? -EIO : 0;
}

int export_table_net(FILE *out, const struct agg_view *v, const struct table_options *options)
{
	struct table t = table_new(options);

	connections_write(out, &t, v, options);
	fputc('\n', out);
	listeners_write(out, &t, v, options);
	fputc('\n', out);
	drops_write(out, &t, v, options);
	export_table_stack(out, v);
	return table_finish(out, &t);
}

int export_table_write(FILE *out, const struct agg_view *v, const struct table_options *options)
{
	struct table t = table_new(options);

	requests_write(out, &t, v, options);
	fputc('\n', out);
	containers_write(out, &t, v, options);
	fputc('\n', out);
	network_write(out, &t, v, options);
	keys_write(out, &t, v, options);
	export_events_write(out, v);
	return table_finish(out, &t);
}
