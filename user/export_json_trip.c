/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines of requests' time as their clients saw it ("trip"). In: a view's rows. Out: one object a line, by way
 * of export_json_parts.h.
 */
#include <stdio.h>

#include "user/export_json.h"
#include "user/export_json_parts.h"

static int trip_put(FILE *out, const struct trip_row *row)
{
	json_t *o = json_object();
	char name[32];

	json_parts.set_string(o, "kind", "trip");
	json_parts.set_string(o, "tenant", row->tenant);
	json_parts.set_string(o, "workflow", row->workflow);
	json_parts.set_string(o, "protocol", row->protocol);
	json_parts.set_string(o, "peer", row->peer);
	json_parts.set_string(o, "basis", row->basis);
	json_parts.set_number(o, "count", row->count);
	for (unsigned int part = 0; part < TRIP_PART_MAX; part++) {
		snprintf(name, sizeof(name), "%s_ns", trips_part_name(part));
		json_parts.set_number(o, name, row->part_ns[part]);
	}
	return json_parts.put(out, o, 7 + TRIP_PART_MAX);
}

int export_json_trip(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->ntrips; i++)
		err = trip_put(out, &v->trips[i]);
	return err;
}
