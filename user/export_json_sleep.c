/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines of PostgreSQL's wait events ("sleeps"). In: a view's rows. Out: one object a line. */
#include "user/export_json_parts.h"

int export_json_sleep(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->nsleeps; i++) {
		const struct agg_sleep_row *row = &v->sleeps[i];
		json_t *o = json_object();

		json_parts.set_string(o, "kind", "sleeps");
		json_parts.set_string(o, "wait_event_type", row->wait_event_type);
		json_parts.set_string(o, "wait_event", row->wait_event.s);
		json_parts.set_string(o, "tenant", row->tenant);
		json_parts.set_string(o, "container", row->container);
		json_parts.set_number(o, "wait_ns", row->wait_ns);
		json_parts.set_number(o, "run_queue_ns", row->run_queue_ns);
		json_parts.set_number(o, "waits", row->sleeps);
		err = json_parts.put(out, o, 8);
	}
	return err;
}
