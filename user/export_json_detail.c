/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines of what is counted by name. In: a view's rows. Out: one object a line, of a kind of its own each. */
#include "user/export_json_parts.h"

static const struct {
	const char *kind;
	const char *name;
	const char *numbers[DETAIL_NUMBERS];
} kinds[DETAIL_MAX] = {
	[DETAIL_KEYS] = { "redis_keys", "pattern", { "hits", "misses", "pushed", "popped" } },
	[DETAIL_BLOCKED] = { "redis_blocked", "operation", { "count", "blocked_ns" } },
	[DETAIL_TRANSACTIONS] = { "redis_transactions",
				  "outcome",
				  { "count", "commands", "transaction_ns" } },
	[DETAIL_COARSE] = { "coarse", "cause", { "requests" } },
	[DETAIL_UNDECODED] = { "undecoded", "protocol", { "connections" } },
};

int export_json_detail(FILE *out, const struct agg_view *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->ndetails; i++) {
		const struct agg_detail_row *row = &v->details[i];
		json_t *o = json_object();
		size_t n = 0;

		json_parts.set_string(o, "kind", kinds[row->kind].kind);
		json_parts.set_string(o, "tenant", row->tenant);
		json_parts.set_string(o, "workflow", row->workflow);
		json_parts.set_string(o, "container", row->container);
		json_parts.set_string(o, "role", row->role);
		json_parts.set_string(o, kinds[row->kind].name, row->name);
		for (; n < DETAIL_NUMBERS && kinds[row->kind].numbers[n]; n++)
			json_parts.set_number(o, kinds[row->kind].numbers[n], row->n[n]);
		err = json_parts.put(out, o, 6 + n);
	}
	return err;
}
