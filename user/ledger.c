/* SPDX-License-Identifier: Apache-2.0 */
/* One table of pairs, with the resource and cause as their class; names are put to them when read. */
#include "user/ledger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/intern.h"
#include "user/lib/top.h"

enum value { VALUE_NS, VALUE_WAITS, VALUE_MAX };

#define CLASSES (RESOURCE_MAX * WAIT_CAUSE_MAX)

struct ledger {
	struct top *pairs;
};

static const char *const resource_names[RESOURCE_MAX] = {
	[RESOURCE_CPU] = "cpu",	  [RESOURCE_REDIS] = "redis",	[RESOURCE_DISK] = "disk",
	[RESOURCE_LOCK] = "lock", [RESOURCE_MEMORY] = "memory", [RESOURCE_SOFTIRQ] = "softirq",
};

static const char *const cause_names[WAIT_CAUSE_MAX] = {
	[WAIT_NEIGHBOUR] = "neighbour", [WAIT_SELF] = "self",	[WAIT_IDLE] = "idle",
	[WAIT_KERNEL] = "kernel",	[WAIT_QUOTA] = "quota", [WAIT_UNKNOWN] = "unknown",
};

const char *ledger_resource_name(unsigned int resource)
{
	return resource < RESOURCE_MAX ? resource_names[resource] : NULL;
}

const char *ledger_cause_name(unsigned int cause)
{
	return cause < WAIT_CAUSE_MAX ? cause_names[cause] : NULL;
}

struct ledger *ledger_new(uint32_t pairs_max)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->pairs = top_new(pairs_max, CLASSES, VALUE_MAX);
	if (l->pairs)
		return l;
	free(l);
	return NULL;
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	top_free(l->pairs);
	free(l);
}

void ledger_clear(struct ledger *l)
{
	top_clear(l->pairs);
}

static bool has_occupant(enum wait_cause cause)
{
	return cause == WAIT_NEIGHBOUR || cause == WAIT_SELF;
}

void ledger_wait(struct ledger *l, const struct event_wait *w, struct owner waiter,
		 struct owner occupant)
{
	struct top_key key = { .part = { waiter.tenant, waiter.workflow },
			       .class = w->resource * WAIT_CAUSE_MAX + w->cause };
	uint64_t *values;

	if (has_occupant(w->cause)) {
		key.part[2] = occupant.tenant;
		key.part[3] = occupant.workflow;
	}
	values = top_at(l->pairs, &key, w->wait_ns);
	values[VALUE_NS] += w->wait_ns;
	values[VALUE_WAITS] += w->waits;
}

size_t ledger_memory(const struct ledger *l)
{
	return sizeof(*l) + top_memory(l->pairs);
}

struct reading {
	const struct intern *owners;
	struct wait_row *rows;
	size_t n;
};

static const char *name_of(const struct reading *r, uint32_t id)
{
	const char *name = intern_cstr(r->owners, id);

	return *name ? name : "unattributed";
}

static void row_add(void *ctx, uint32_t class, const struct top_key *key, const uint64_t *values)
{
	static const struct top_key other = { .part = { INTERN_OTHER, INTERN_OTHER, INTERN_OTHER,
							INTERN_OTHER } };
	struct reading *r = ctx;
	struct wait_row *row = &r->rows[r->n];
	enum wait_cause cause = class % WAIT_CAUSE_MAX;
	bool occupied = has_occupant(cause);

	if (!values[VALUE_NS] && !values[VALUE_WAITS])
		return;
	r->n++;
	key = key ? key : &other;
	*row = (struct wait_row){
		.resource = class / WAIT_CAUSE_MAX,
		.cause = cause,
		.waiter_tenant = name_of(r, key->part[0]),
		.waiter_workflow = name_of(r, key->part[1]),
		.occupant_tenant = occupied ? name_of(r, key->part[2]) : "",
		.occupant_workflow = occupied ? name_of(r, key->part[3]) : "",
		.wait_ns = values[VALUE_NS],
		.waits = values[VALUE_WAITS],
	};
}

static int name_cmp(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a, b);
}

static int row_cmp(const void *a, const void *b)
{
	const struct wait_row *x = a, *y = b;

	return (int)x->resource - (int)y->resource ?:
	       (int)x->cause - (int)y->cause ?:
	       name_cmp(x->waiter_tenant, y->waiter_tenant) ?:
	       name_cmp(x->waiter_workflow, y->waiter_workflow) ?:
	       name_cmp(x->occupant_tenant, y->occupant_tenant) ?:
	       name_cmp(x->occupant_workflow, y->occupant_workflow);
}

/* Nobody and one who is called "unattributed" are one row, and so are the two kinds of "other". */
static size_t rows_join(struct wait_row *rows, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!kept || row_cmp(&rows[kept - 1], &rows[i])) {
			rows[kept++] = rows[i];
			continue;
		}
		rows[kept - 1].wait_ns += rows[i].wait_ns;
		rows[kept - 1].waits += rows[i].waits;
	}
	return kept;
}

int ledger_read(const struct ledger *l, const struct intern *owners, struct wait_row **rows,
		size_t *n)
{
	struct reading r = { .owners = owners };

	r.rows = calloc(top_count(l->pairs) + CLASSES, sizeof(*r.rows));
	if (!r.rows)
		return -ENOMEM;
	top_each(l->pairs, row_add, &r);
	qsort(r.rows, r.n, sizeof(*r.rows), row_cmp);
	*rows = r.rows;
	*n = rows_join(r.rows, r.n);
	return 0;
}
