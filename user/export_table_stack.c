/* SPDX-License-Identifier: Apache-2.0 */
/* The network stack's time as sentences for people, below the tables of `tallyman net`. In: a view's rows. */
#include <inttypes.h>

#include "user/export_table.h"
#include "user/lib/label.h"

#define NAME_BYTES 80

static void row_write(FILE *out, const struct agg_stack_row *row)
{
	char tenant[NAME_BYTES], container[NAME_BYTES];
	char softirq[TABLE_DURATION_MAX], egress[TABLE_DURATION_MAX];

	label_clean(tenant, sizeof(tenant), str_of(row->tenant));
	label_clean(container, sizeof(container), str_of(row->container));
	fprintf(out, "%s (%s): ", tenant, container);
	if (row->softirqs)
		fprintf(out, "its packets took %s of CPUs in %" PRIu64 " softirqs",
			export_table_duration(softirq, (double)row->softirq_ns), row->softirqs);
	if (row->packets)
		fprintf(out, "%s%" PRIu64 " packets waited %s to be sent",
			row->softirqs ? ", " : "", row->packets,
			export_table_duration(egress, (double)row->egress_ns));
	fputc('\n', out);
}

void export_table_stack(FILE *out, const struct agg_view *v)
{
	if (v->nstacks)
		fputc('\n', out);
	for (size_t i = 0; i < v->nstacks; i++)
		row_write(out, &v->stacks[i]);
}
