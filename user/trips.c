/* SPDX-License-Identifier: Apache-2.0 */
/* One table of rows, with the protocol and the basis as their class. */
#include "user/trips.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/intern.h"
#include "user/lib/rows.h"
#include "user/lib/top.h"

/* Values of a row: the parts, then the number of requests. */
#define WIDTH (TRIP_PART_MAX + 1)
#define CLASSES (PROTO_MAX * TRIP_BASIS_MAX)

struct trips {
	struct top *rows;
};

static const char *const part_names[TRIP_PART_MAX] = {
	[TRIP_CONNECT] = "connect",
	[TRIP_QUEUE] = "queue",
	[TRIP_SERVICE] = "service",
	[TRIP_NETWORK] = "network",
	[TRIP_RUN_QUEUE] = "client_run_queue",
	[TRIP_REMOTE] = "remote",
};

static const char *const basis_names[TRIP_BASIS_MAX] = {
	[TRIP_MEASURED] = "measured",
	[TRIP_ESTIMATED] = "estimated",
};

const char *trips_part_name(unsigned int part)
{
	return part < TRIP_PART_MAX ? part_names[part] : NULL;
}

const char *trips_basis_name(unsigned int basis)
{
	return basis < TRIP_BASIS_MAX ? basis_names[basis] : NULL;
}

struct trips *trips_new(uint32_t rows_max)
{
	struct trips *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->rows = top_new(rows_max, CLASSES, WIDTH);
	if (t->rows)
		return t;
	trips_free(t);
	return NULL;
}

void trips_free(struct trips *t)
{
	if (!t)
		return;
	top_free(t->rows);
	free(t);
}

void trips_clear(struct trips *t)
{
	top_clear(t->rows);
}

void trips_request(struct trips *t, struct owner owner, uint32_t peer,
		   const struct event_request *r)
{
	enum protocol protocol = r->statement->protocol;
	struct top_key key = { .part = { owner.tenant, owner.workflow, peer } };
	uint64_t *values;

	if (!r->trip)
		return;
	protocol = protocol < PROTO_MAX ? protocol : PROTO_UNKNOWN;
	key.class = protocol * TRIP_BASIS_MAX + r->trip->basis;
	values = top_at(t->rows, &key, r->trip->part_ns[TRIP_CONNECT] + r->service_ns);
	for (int i = 0; i < TRIP_PART_MAX; i++)
		values[i] += r->trip->part_ns[i];
	values[TRIP_PART_MAX]++;
}

struct reading {
	const struct intern *owners;
	struct trip_row *rows;
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
	struct trip_row *row = &r->rows[r->n];

	if (!values[TRIP_PART_MAX])
		return;
	r->n++;
	*row = (struct trip_row){
		.protocol = event_protocol_name(class / TRIP_BASIS_MAX),
		.basis = basis_names[class % TRIP_BASIS_MAX],
		.tenant = key ? name_of(r, key->part[0]) : "other",
		.workflow = key ? name_of(r, key->part[1]) : "other",
		.peer = key ? name_of(r, key->part[2]) : "other",
		.count = values[TRIP_PART_MAX],
	};
	memcpy(row->part_ns, values, sizeof(row->part_ns));
}

static int row_cmp(const void *a, const void *b)
{
	const struct trip_row *x = a, *y = b;

	return strcmp(x->protocol, y->protocol) ?:
	       strcmp(x->basis, y->basis) ?:
	       strcmp(x->tenant, y->tenant) ?:
	       strcmp(x->workflow, y->workflow) ?:
	       strcmp(x->peer, y->peer);
}

/* A tenant may be called "other", too. */
static void row_join(void *to, const void *from)
{
	const struct trip_row *row = from;
	struct trip_row *sum = to;

	sum->count += row->count;
	for (int part = 0; part < TRIP_PART_MAX; part++)
		sum->part_ns[part] += row->part_ns[part];
}

int trips_read(const struct trips *t, const struct intern *owners, struct trip_row **rows,
	       size_t *n)
{
	const struct rows_kind kind = { sizeof(struct trip_row), row_cmp, row_join };
	struct reading r = { .owners = owners };

	r.rows = calloc(top_count(t->rows) + CLASSES, sizeof(*r.rows));
	if (!r.rows)
		return -ENOMEM;
	top_each(t->rows, row_add, &r);
	*rows = r.rows;
	*n = rows_join(r.rows, r.n, &kind);
	return 0;
}
