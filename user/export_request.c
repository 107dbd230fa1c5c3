/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In: a request with its owner's names. Out: a line with its parts, the largest first, and who is to
 * blame for it. Strings are cleaned: they come from other people's processes.
 */
#include "user/export_request.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "user/export_table.h"
#include "user/lib/label.h"

#define NAME_ROOM 128
#define SUMMARY_ROOM 512

struct share {
	const char *name;
	uint64_t ns;
	int part; /* enum part; -1: of a request whose parts are not known */
};

static int largest_first(const void *a, const void *b)
{
	const struct share *x = a, *y = b;

	return x->ns != y->ns ? (x->ns > y->ns ? -1 : 1) : x->part - y->part;
}

/* A trip has fewer parts than a served request. */
_Static_assert((int)TRIP_PART_MAX <= (int)PART_MAX, "room for shares");

static int trip_shares(const struct event_trip *trip, struct share shares[PART_MAX])
{
	int n = 0;

	for (int part = 0; part < TRIP_PART_MAX; part++)
		if (trip->part_ns[part])
			shares[n++] =
				(struct share){ trips_part_name(part), trip->part_ns[part], part };
	qsort(shares, n, sizeof(*shares), largest_first);
	return n;
}

/* How many there are, the largest first; none is 0. */
static int shares_of(const struct event_request *e, struct share shares[PART_MAX])
{
	int n = 0;

	if (e->trip)
		return trip_shares(e->trip, shares);
	for (int part = 0; e->parts_ns && part < PART_MAX; part++)
		if (e->parts_ns[part])
			shares[n++] = (struct share){ parts_name(part), e->parts_ns[part], part };
	if (!e->parts_ns && e->queue_ns)
		shares[n++] = (struct share){ "queue", e->queue_ns, PART_QUEUE };
	if (!e->parts_ns && e->service_ns)
		shares[n++] = (struct share){ "service", e->service_ns, -1 };
	qsort(shares, n, sizeof(*shares), largest_first);
	return n;
}

static const char *clean(char *buf, size_t size, const char *s)
{
	label_clean(buf, size, str_of(s));
	return buf;
}

static const char *or_nobody(const char *name)
{
	return *name ? name : "unattributed";
}

static void culprit_write(FILE *out, const struct pipeline_request *r)
{
	char tenant[NAME_ROOM], workflow[NAME_ROOM];

	fprintf(out, " (%s/%s)", clean(tenant, NAME_ROOM, r->culprit_tenant),
		clean(workflow, NAME_ROOM, r->culprit_workflow));
}

/* Who asked, or was asked; of a server's end only if that is a container. */
static void peer_write(FILE *out, const struct pipeline_request *r)
{
	const struct event_request *e = r->event;
	char peer[NAME_ROOM];

	if (!*r->peer || (e->role == ROLE_SERVER && e->peer_kind != NET_PEER_NODE))
		return;
	fprintf(out, "%s %s%s  ", e->role == ROLE_SERVER ? "from" : "to",
		clean(peer, NAME_ROOM, r->peer),
		e->trip && e->trip->basis == TRIP_ESTIMATED ? " (network estimated)" : "");
}

/* Starts with the operation; of Redis, the key's pattern is behind it. */
static const char *summary_of(const struct statement *st)
{
	const char *text = st->protocol == PROTO_REDIS ? st->text : st->summary;

	return *text ? text : st->operation;
}

void export_request_text(FILE *out, const struct pipeline_request *r, const char *when)
{
	const struct statement *st = r->event->statement;
	char tenant[NAME_ROOM], workflow[NAME_ROOM], summary[SUMMARY_ROOM];
	char time[TABLE_DURATION_MAX];
	struct share shares[PART_MAX];
	int n = shares_of(r->event, shares);
	uint64_t wall_ns = r->event->queue_ns + r->event->service_ns;

	if (r->event->trip)
		wall_ns += r->event->trip->part_ns[TRIP_CONNECT];
	fprintf(out, "%s  %s/%s  %s  %s  ", when, clean(tenant, NAME_ROOM, or_nobody(r->tenant)),
		clean(workflow, NAME_ROOM, or_nobody(r->workflow)),
		event_protocol_name(st->protocol), clean(summary, SUMMARY_ROOM, summary_of(st)));
	peer_write(out, r);
	fputs(export_table_duration(time, (double)wall_ns), out);
	for (int i = 0; i < n; i++) {
		fprintf(out, "%s%s %s", i ? ", " : ": ", shares[i].name,
			export_table_duration(time, (double)shares[i].ns));
		if (!i && *r->culprit_tenant && shares[i].part == (int)r->event->culprit_part)
			culprit_write(out, r);
	}
	fputc('\n', out);
}

static json_t *text(const char *s)
{
	char buf[SUMMARY_ROOM];

	return json_string(clean(buf, sizeof(buf), s));
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *trip_of(const struct event_trip *trip)
{
	json_t *o = trip ? json_object() : json_null();

	for (unsigned int part = 0; trip && part < TRIP_PART_MAX; part++)
		json_object_set_new(o, trips_part_name(part), number(trip->part_ns[part]));
	if (trip)
		json_object_set_new(o, "basis", json_string(trips_basis_name(trip->basis)));
	return o;
}

static json_t *parts(const uint64_t *parts_ns)
{
	json_t *o = parts_ns ? json_object() : json_null();

	for (unsigned int part = 0; parts_ns && part < PART_MAX; part++)
		json_object_set_new(o, parts_name(part), number(parts_ns[part]));
	return o;
}

int export_request_json(FILE *out, const struct pipeline_request *r)
{
	const struct event_request *e = r->event;
	const struct statement *st = e->statement;
	json_t *o = json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"kind", "request", "role", agg_role_name(e->role), "peer", text(r->peer), "trip_ns",
		trip_of(e->trip), "end_ns", number(r->time_ns), "tenant",
		text(or_nobody(r->tenant)), "workflow", text(or_nobody(r->workflow)), "protocol",
		event_protocol_name(st->protocol), "operation", text(st->operation), "summary",
		text(st->summary), "text", text(st->text), "outcome", text(e->outcome), "queue_ns",
		number(e->queue_ns), "service_ns", number(e->service_ns), "parts_ns",
		parts(e->parts_ns), "culprit_tenant", text(r->culprit_tenant), "culprit_workflow",
		text(r->culprit_workflow), "pg_event", number(e->pg_event));
	int err = 0;

	if (!o)
		err = -ENOMEM;
	else if (json_dumpf(o, out, JSON_COMPACT) || fputc('\n', out) == EOF)
		err = -EIO;
	json_decref(o);
	return err;
}
