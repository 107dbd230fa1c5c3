/* SPDX-License-Identifier: Apache-2.0 */
/* One table of rows, with the protocol as their class. Operations are told apart by address first. */
#include "user/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/intern.h"
#include "user/lib/rows.h"
#include "user/lib/top.h"

#define OPERATIONS_MAX 4096
#define CACHE 256 /* a power of two */

/* Values of a row: the parts, then the number of requests. */
#define WIDTH (PART_MAX + 1)

struct operation {
	const char *s;
	uint32_t id;
};

struct parts {
	struct top *rows;
	struct intern *operations;
	struct operation cache[CACHE];
};

static const char *const part_names[PART_MAX] = {
	[PART_QUEUE] = "queue",
	[PART_CPU] = "cpu",
	[PART_RUN_NEIGHBOUR] = "run_queue_neighbour",
	[PART_RUN_SELF] = "run_queue_self",
	[PART_RUN_IDLE] = "run_queue_idle",
	[PART_RUN_KERNEL] = "run_queue_kernel",
	[PART_RUN_QUOTA] = "run_queue_quota",
	[PART_RUN_UNKNOWN] = "run_queue_unknown",
	[PART_BLOCK] = "block",
	[PART_LOCK] = "lock",
	[PART_CLIENT] = "client",
	[PART_DOWNSTREAM] = "downstream",
	[PART_OTHER] = "other",
	[PART_SOFTIRQ] = "softirq",
};

const char *parts_name(unsigned int part)
{
	return part < PART_MAX ? part_names[part] : NULL;
}

struct parts *parts_new(uint32_t rows_max)
{
	struct parts *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->rows = top_new(rows_max, PROTO_MAX, WIDTH);
	p->operations = intern_new(OPERATIONS_MAX);
	if (p->rows && p->operations)
		return p;
	parts_free(p);
	return NULL;
}

void parts_free(struct parts *p)
{
	if (!p)
		return;
	top_free(p->rows);
	intern_free(p->operations);
	free(p);
}

void parts_clear(struct parts *p)
{
	top_clear(p->rows);
}

/* Operations' names must not change while p lives. */
static uint32_t operation_id(struct parts *p, const char *s)
{
	uint64_t hash = (uintptr_t)s * 0x9e3779b97f4a7c15ULL;
	struct operation *cached = &p->cache[hash >> 54 & (CACHE - 1)];

	if (cached->s != s)
		*cached = (struct operation){ s, intern_id(p->operations, str_of(s)) };
	return cached->id;
}

void parts_request(struct parts *p, struct owner owner, const struct event_request *r)
{
	enum protocol protocol = r->statement->protocol;
	struct top_key key = { .class = protocol < PROTO_MAX ? protocol : PROTO_UNKNOWN };
	uint64_t *values;

	if (!r->parts_ns)
		return;
	key.part[0] = owner.tenant;
	key.part[1] = owner.workflow;
	key.part[2] = operation_id(p, r->statement->operation);
	values = top_at(p->rows, &key, r->queue_ns + r->service_ns);
	for (int i = 0; i < PART_MAX; i++)
		values[i] += r->parts_ns[i];
	values[PART_MAX]++;
}

size_t parts_memory(const struct parts *p)
{
	return sizeof(*p) + top_memory(p->rows);
}

struct reading {
	const struct parts *parts;
	const struct intern *owners;
	struct part_row *rows;
	size_t n;
};

static const char *name_of(const struct reading *r, uint32_t id)
{
	const char *name = intern_cstr(r->owners, id);

	return *name ? name : "unattributed";
}

static void row_add(void *ctx, uint32_t class, const struct top_key *key, const uint64_t *values)
{
	struct reading *r = ctx;
	struct part_row *row = &r->rows[r->n];

	if (!values[PART_MAX])
		return;
	r->n++;
	*row = (struct part_row){
		.protocol = event_protocol_name(class),
		.tenant = key ? name_of(r, key->part[0]) : "other",
		.workflow = key ? name_of(r, key->part[1]) : "other",
		.operation = key ? intern_cstr(r->parts->operations, key->part[2]) : "other",
		.count = values[PART_MAX],
	};
	memcpy(row->parts_ns, values, sizeof(row->parts_ns));
}

static int row_cmp(const void *a, const void *b)
{
	const struct part_row *x = a, *y = b;

	return strcmp(x->protocol, y->protocol) ?:
	       strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->workflow, y->workflow) ?:
	       strcmp(x->operation, y->operation);
}

static void row_join(void *to, const void *from)
{
	const struct part_row *row = from;
	struct part_row *sum = to;

	sum->count += row->count;
	for (int part = 0; part < PART_MAX; part++)
		sum->parts_ns[part] += row->parts_ns[part];
}

int parts_read(const struct parts *p, const struct intern *owners, struct part_row **rows,
	       size_t *n)
{
	const struct rows_kind kind = { sizeof(struct part_row), row_cmp, row_join };
	struct reading r = { .parts = p, .owners = owners };

	r.rows = calloc(top_count(p->rows) + PROTO_MAX, sizeof(*r.rows));
	if (!r.rows)
		return -ENOMEM;
	top_each(p->rows, row_add, &r);
	*rows = r.rows;
	*n = rows_join(r.rows, r.n, &kind);
	return 0;
}
