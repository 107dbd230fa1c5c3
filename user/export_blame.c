/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: rows of the ledger. Out: text. Names come from other people's processes and are cleaned before
 * they are printed. Knows neither pipeline nor command line.
 */
#include "user/export_blame.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/export_table.h"
#include "user/lib/label.h"

#define WAITERS_MAX 20
#define OCCUPANTS_MAX 6
#define NAME_MAX_BYTES 80

/* Everything that one tenant's workflow waited; its rows lie next to each other. */
struct waiter {
	const struct wait_row *const *rows;
	size_t n;
	uint64_t wait_ns;
};

struct occupant {
	const char *tenant;
	const char *workflow;
	uint64_t wait_ns; /* that others waited for it */
};

/* A column of the matrix: one of the occupants, all others, or what is nobody's fault but this. */
enum { COLUMN_OTHERS = OCCUPANTS_MAX, COLUMN_CAUSE, COLUMNS = COLUMN_CAUSE + WAIT_CAUSE_MAX };

struct blame {
	const struct wait_row **rows;
	size_t nrows;
	struct waiter *waiters;
	size_t nwaiters;
	struct occupant *occupants;
	size_t noccupants;
};

static const char *const resources[RESOURCE_MAX] = {
	[RESOURCE_CPU] = "CPU",	      [RESOURCE_REDIS] = "Redis",
	[RESOURCE_DISK] = "the disk", [RESOURCE_LOCK] = "a lock",
	[RESOURCE_MEMORY] = "memory", [RESOURCE_SOFTIRQ] = "its CPU back from packets",
};

/* The same of packets, which hold nothing. */
static const char *const senders[WAIT_CAUSE_MAX] = {
	[WAIT_SELF] = "of its own",
	[WAIT_KERNEL] = "that are no container's",
	[WAIT_UNKNOWN] = "of who knows whom",
};

/* Behind the resource; the neighbour is named instead. */
static const char *const holders[WAIT_CAUSE_MAX] = {
	[WAIT_SELF] = "held by itself",
	[WAIT_IDLE] = "that was idle",
	[WAIT_KERNEL] = "held by the kernel",
	[WAIT_QUOTA] = "beyond its own quota",
	[WAIT_UNKNOWN] = "held by who knows whom",
};

static int waiter_cmp(const struct wait_row *x, const struct wait_row *y)
{
	return strcmp(x->waiter_tenant, y->waiter_tenant)
		       ?: strcmp(x->waiter_workflow, y->waiter_workflow);
}

static int descending(uint64_t x, uint64_t y)
{
	return x > y ? -1 : x < y;
}

/* By waiter and resource, then the longest first. */
static int row_cmp(const void *a, const void *b)
{
	const struct wait_row *x = *(const struct wait_row *const *)a;
	const struct wait_row *y = *(const struct wait_row *const *)b;

	return waiter_cmp(x, y) ?:
	       (int)x->resource - (int)y->resource ?:
	       descending(x->wait_ns, y->wait_ns) ?:
	       (int)x->cause - (int)y->cause ?:
	       strcmp(x->occupant_tenant, y->occupant_tenant) ?:
	       strcmp(x->occupant_workflow, y->occupant_workflow);
}

static int worst_first(const void *a, const void *b)
{
	const struct waiter *x = a, *y = b;

	return descending(x->wait_ns, y->wait_ns) ?: waiter_cmp(x->rows[0], y->rows[0]);
}

static int occupant_name_cmp(const void *a, const void *b)
{
	const struct occupant *x = a, *y = b;

	return strcmp(x->tenant, y->tenant) ?: strcmp(x->workflow, y->workflow);
}

static int most_blamed_first(const void *a, const void *b)
{
	const struct occupant *x = a, *y = b;

	return descending(x->wait_ns, y->wait_ns) ?: occupant_name_cmp(a, b);
}

static void waiters_find(struct blame *b)
{
	qsort(b->rows, b->nrows, sizeof(*b->rows), row_cmp);
	for (size_t i = 0; i < b->nrows; i++) {
		struct waiter *w = b->nwaiters ? &b->waiters[b->nwaiters - 1] : NULL;

		if (!w || waiter_cmp(w->rows[0], b->rows[i])) {
			w = &b->waiters[b->nwaiters++];
			*w = (struct waiter){ .rows = &b->rows[i] };
		}
		w->n++;
		w->wait_ns += b->rows[i]->wait_ns;
	}
	qsort(b->waiters, b->nwaiters, sizeof(*b->waiters), worst_first);
}

static void occupants_find(struct blame *b)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < b->nrows; i++)
		if (b->rows[i]->cause == WAIT_NEIGHBOUR)
			b->occupants[n++] = (struct occupant){ b->rows[i]->occupant_tenant,
							       b->rows[i]->occupant_workflow,
							       b->rows[i]->wait_ns };
	qsort(b->occupants, n, sizeof(*b->occupants), occupant_name_cmp);
	for (size_t i = 0; i < n; i++) {
		if (kept && !occupant_name_cmp(&b->occupants[kept - 1], &b->occupants[i]))
			b->occupants[kept - 1].wait_ns += b->occupants[i].wait_ns;
		else
			b->occupants[kept++] = b->occupants[i];
	}
	qsort(b->occupants, kept, sizeof(*b->occupants), most_blamed_first);
	b->noccupants = kept;
}

static const char *name(char buf[NAME_MAX_BYTES], const char *tenant, const char *workflow)
{
	size_t n = label_clean(buf, NAME_MAX_BYTES / 2, str_of(tenant));

	buf[n++] = '/';
	label_clean(buf + n, NAME_MAX_BYTES - n, str_of(workflow));
	return buf;
}

/* The rows of one resource: "31.0 s for CPU held by globex/report (92 %)". */
struct clause {
	uint64_t wait_ns;
	const struct wait_row *most;
};

static int clause_cmp(const void *a, const void *b)
{
	const struct clause *x = a, *y = b;

	return descending(x->wait_ns, y->wait_ns)
		       ?: (int)x->most->resource - (int)y->most->resource;
}

static size_t clauses_of(const struct waiter *w, struct clause clauses[RESOURCE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct wait_row *row = w->rows[i];

		if (!n || clauses[n - 1].most->resource != row->resource)
			clauses[n++] = (struct clause){ 0, row };
		clauses[n - 1].wait_ns += row->wait_ns;
	}
	qsort(clauses, n, sizeof(*clauses), clause_cmp);
	return n;
}

static void clause_write(FILE *out, const struct clause *c)
{
	const struct wait_row *most = c->most;
	bool packets = most->resource == RESOURCE_SOFTIRQ;
	const char *holder = packets ? senders[most->cause] : holders[most->cause];
	char time[TABLE_DURATION_MAX], buf[NAME_MAX_BYTES];

	fprintf(out, "%s for %s ", export_table_duration(time, (double)c->wait_ns),
		resources[most->resource]);
	if (most->cause == WAIT_NEIGHBOUR)
		fprintf(out, "%s %s", packets ? "of" : "held by",
			name(buf, most->occupant_tenant, most->occupant_workflow));
	else
		fputs(holder ?: holders[most->cause], out);
	if (most->wait_ns < c->wait_ns)
		fprintf(out, " (%.0f %%)", 100.0 * (double)most->wait_ns / (double)c->wait_ns);
}

static void sentences_write(FILE *out, const struct blame *b)
{
	for (size_t i = 0; i < b->nwaiters && i < WAITERS_MAX; i++) {
		const struct waiter *w = &b->waiters[i];
		struct clause clauses[RESOURCE_MAX];
		size_t n = clauses_of(w, clauses);
		char time[TABLE_DURATION_MAX], buf[NAME_MAX_BYTES];

		fprintf(out, "%s waited %s",
			name(buf, w->rows[0]->waiter_tenant, w->rows[0]->waiter_workflow),
			export_table_duration(time, (double)w->wait_ns));
		for (size_t k = 0; k < n; k++) {
			fputs(k ? ", " : ": ", out);
			clause_write(out, &clauses[k]);
		}
		fputc('\n', out);
	}
	if (b->nwaiters > WAITERS_MAX)
		fprintf(out, "... and %zu more\n", b->nwaiters - WAITERS_MAX);
}

static unsigned int column_of(const struct blame *b, const struct wait_row *row)
{
	if (row->cause != WAIT_NEIGHBOUR)
		return COLUMN_CAUSE + row->cause;
	for (unsigned int i = 0; i < OCCUPANTS_MAX && i < b->noccupants; i++)
		if (!strcmp(b->occupants[i].tenant, row->occupant_tenant) &&
		    !strcmp(b->occupants[i].workflow, row->occupant_workflow))
			return i;
	return COLUMN_OTHERS;
}

static const char *title(char buf[NAME_MAX_BYTES], const struct blame *b, unsigned int column)
{
	if (column < OCCUPANTS_MAX)
		return name(buf, b->occupants[column].tenant, b->occupants[column].workflow);
	if (column == COLUMN_OTHERS)
		return "(others)";
	snprintf(buf, NAME_MAX_BYTES, "(%s)", ledger_cause_name(column - COLUMN_CAUSE));
	return buf;
}

/* Characters, not bytes; all of ours take one column. */
static int columns_wide(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void pad(FILE *out, const char *text, int width, bool right)
{
	int n = width - columns_wide(text);

	n = n > 0 ? n : 0;
	fprintf(out, "%*s%s%*s", right ? n : 0, "", text, right ? 0 : n, "");
}

static void row_write(FILE *out, const struct blame *b, const struct waiter *w,
		      const uint64_t totals[COLUMNS], const int widths[COLUMNS], int name_width)
{
	uint64_t cells[COLUMNS] = { 0 };
	char buf[NAME_MAX_BYTES], time[TABLE_DURATION_MAX];

	for (size_t i = 0; i < w->n; i++)
		cells[column_of(b, w->rows[i])] += w->rows[i]->wait_ns;
	pad(out, name(buf, w->rows[0]->waiter_tenant, w->rows[0]->waiter_workflow), name_width,
	    false);
	for (unsigned int c = 0; c < COLUMNS; c++) {
		if (!totals[c])
			continue;
		fputs("  ", out);
		pad(out, cells[c] ? export_table_duration(time, (double)cells[c]) : ".", widths[c],
		    true);
	}
	fputc('\n', out);
}

static void matrix_write(FILE *out, const struct blame *b)
{
	int widths[COLUMNS] = { 0 }, name_width = 0, n;
	uint64_t totals[COLUMNS] = { 0 };
	char buf[NAME_MAX_BYTES];
	size_t shown = b->nwaiters < WAITERS_MAX ? b->nwaiters : WAITERS_MAX;

	for (size_t i = 0; i < b->nrows; i++)
		totals[column_of(b, b->rows[i])] += b->rows[i]->wait_ns;
	for (size_t i = 0; i < shown; i++) {
		const struct wait_row *row = b->waiters[i].rows[0];

		n = columns_wide(name(buf, row->waiter_tenant, row->waiter_workflow));
		name_width = n > name_width ? n : name_width;
	}
	fprintf(out, "\n%*s", name_width, "");
	for (unsigned int c = 0; c < COLUMNS; c++) {
		if (!totals[c])
			continue;
		n = columns_wide(title(buf, b, c));
		widths[c] = n > 7 ? n : 7; /* "1.23 ms" */
		fputs("  ", out);
		pad(out, title(buf, b, c), widths[c], true);
	}
	fputc('\n', out);
	for (size_t i = 0; i < shown; i++)
		row_write(out, b, &b->waiters[i], totals, widths, name_width);
}

int export_blame_write(FILE *out, const struct wait_row *rows, size_t n)
{
	struct blame b = { .nrows = n };
	int err = -ENOMEM;

	b.rows = calloc(n + 1, sizeof(*b.rows));
	b.waiters = calloc(n + 1, sizeof(*b.waiters));
	b.occupants = calloc(n + 1, sizeof(*b.occupants));
	if (!b.rows || !b.waiters || !b.occupants)
		goto out;
	for (size_t i = 0; i < n; i++)
		b.rows[i] = &rows[i];
	waiters_find(&b);
	occupants_find(&b);
	sentences_write(out, &b);
	if (n)
		matrix_write(out, &b);
	else
		fputs("nobody waited\n", out);
	err = ferror(out) ? -EIO : 0;
out:
	free(b.rows);
	free(b.waiters);
	free(b.occupants);
	return err;
}
