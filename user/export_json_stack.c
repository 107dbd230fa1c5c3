/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines of the network stack's time ("stack"). In: a view's rows. Out: one object a line. */
#include "user/export_json_parts.h"

int export_json_stack(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->nstacks; i++) {
		const struct agg_stack_row *row = &v->stacks[i];
		json_t *o = json_object();

		json_parts.set_string(o, "kind", "stack");
		json_parts.set_string(o, "tenant", row->tenant);
		json_parts.set_string(o, "container", row->container);
		json_parts.set_number(o, "softirqs", row->softirqs);
		json_parts.set_number(o, "softirq_ns", row->softirq_ns);
		json_parts.set_number(o, "queued_packets", row->packets);
		json_parts.set_number(o, "egress_sum_ns", row->egress_ns);
		json_parts.set_quantile(o, "egress_p50_ns", &row->egress, 0.5);
		json_parts.set_quantile(o, "egress_p99_ns", &row->egress, 0.99);
		err = json_parts.put(out, o, 9);
	}
	return err;
}
